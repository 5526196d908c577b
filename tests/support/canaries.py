"""Runs with requests for some people only. Each field of a request has a unique text."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone

from approvals.models import Comment, Decision, Draft
from tests.support.factories import make_answered, make_request, make_run, make_user
from tests.support.journals import record
from tests.support.permission_matrix import make_people
from workflows.models import Assignment, Delivery, InputRequest, Snapshot, WorkflowRun

RECORDS = (
    "workflows.view_workflowrun", "workflows.view_journalentry", "workflows.view_snapshot",
    "workflows.view_delivery", "approvals.view_decision", "approvals.view_comment",
)  # fmt: skip


@dataclass
class Canaries:
    """The people, the rows, and the unique texts with their requests.

    `private` are texts that only one person may read: they typed them and did not send them.
    """

    people: dict[str, User]
    runs: list[WorkflowRun] = field(default_factory=list)
    requests: list[InputRequest] = field(default_factory=list)
    texts: dict[str, InputRequest] = field(default_factory=dict)
    private: dict[str, str] = field(default_factory=dict)
    errors: dict[str, WorkflowRun] = field(default_factory=dict)

    @classmethod
    def make(cls) -> Canaries:
        """Make a run in each state that pages show differently, with a request for few people."""
        world = cls(make_people())
        world.people |= {
            "alice": make_user("alice"), "fiona": make_user("fiona"),
            "archive": make_user("archive", *RECORDS, is_staff=True),
        }  # fmt: skip
        for name in ("alice", "fiona"):
            world.people[name].groups.add(Group.objects.get(name="reviewers"))
        finance = Group.objects.create(name="finance")
        world.people["fiona"].groups.add(finance)
        for status in ("waiting", "failed", "blocked"):
            world.add_run(status, finance)
        return world

    def add_run(self, status: str, finance: Group) -> None:
        """Make a run with a request for alice, one answered by the group, and one for all."""
        late: dict[str, Any] = (
            {"wake_at": timezone.now() + timedelta(hours=10)} if status == "waiting" else {}
        )
        run = make_run(status=status, started_by=self.people["own"], **late)
        self.runs.append(run)
        over: dict[str, Any] = {"status": "cancelled"} if status == "failed" else {}
        few = self.request(run, self.people["alice"], **over)
        done = self.request(run, finance, answered=True)
        self.request(run, None, **over)
        self.request(run, None, answered=True)
        self.journal(run, few, done)
        self.copy_to_run(run, status, few)

    def text(self, request: InputRequest, place: str) -> str:
        """Return a text that is only in this place of this request."""
        text = f"zq{place}{len(self.texts)}qz"
        self.texts[text] = request
        return text

    def request(
        self, run: WorkflowRun, to: User | Group | None, *, answered: bool = False, **columns: Any
    ) -> InputRequest:
        """Make a request with unique texts, and comments, votes and drafts of people."""
        alice = self.people["alice"]
        given: dict[str, Any] = {"run": run, "assigned": to is not None, "quorum": 2}
        given["editable"] = ["amount"]
        if answered:
            by = self.people["fiona"]
            row = make_answered({"approved": False}, by=by, **given, **columns)
        else:
            row = make_request(**given, **columns)
        row.prompt = self.text(row, "prompt")
        row.payload = {self.text(row, "key"): self.text(row, "value"), "amount": "before"}
        row.edits = {"amount": self.text(row, "edit")}
        row.tags = [self.text(row, "tag")]
        row.if_approved = self.text(row, "consequence") if not answered else ""
        row.response = (
            {"approved": False, "comment": self.text(row, "answer")} if answered else None
        )
        row.request_id = self.text(row, "own")
        row.votes = 1
        row.save()
        if to is not None:
            Assignment.objects.create(
                request=row, **{"group" if isinstance(to, Group) else "user": to}
            )
        now = timezone.now()
        Comment.objects.create(request=row, by=alice, at=now, text=self.text(row, "comment"))
        vote = {"approved": True, "comment": self.text(row, "vote")}
        Decision.objects.create(
            request=row,
            by=alice,
            at=now,
            kind="vote",
            response=vote,
            edits=row.edits,
            source="inbox",
        )
        if not answered:
            draft = f"zqdraft{row.pk.hex}qz"
            self.private[draft] = "alice"
            Draft.objects.create(request=row, user=alice, data={"comment": [draft]}, saved_at=now)
        self.requests.append(row)
        return row

    def journal(self, run: WorkflowRun, few: InputRequest, done: InputRequest) -> None:
        """Add the journal entries of a worker. They contain parts of requests and answers."""
        event = {"type": "StartEvent", "data": {}}
        record(run, "started", event=event, invocations=[1, 2], steps=["ask", "ask"])
        asked = {"id": few.request_id, "own": True, "deadline": None, "data": few.payload}
        record(run, "step_completed", "ask", duration=0.5, invocation=1, attempt=1, set={},
               events=[], spawn=[], requests=[asked])  # fmt: skip
        record(run, "answered", request_id=done.request_id, response=done.response, by="fiona",
               source="inbox", reply="InputResponseEvent", invocations=[3], steps=["finish"],
               edits=done.edits)  # fmt: skip
        quoted = {"kind": "ValueError", "message": self.text(few, "attempt")}
        due = timezone.now() + timedelta(hours=10)
        record(run, "step_retried", "ask", duration=1.5, invocation=2, attempt=4, error=quoted,
               due=due.isoformat())  # fmt: skip

    def copy_to_run(self, run: WorkflowRun, status: str, few: InputRequest) -> None:
        """Copy texts of the request that few may see into the progress and the error of the run."""
        run.progress = {"fraction": 0.5, "text": self.text(few, "progress")}
        if status in ("failed", "blocked"):
            run.error = {
                "kind": "ValueError", "step": "ask", "message": self.text(few, "error"),
                "traceback": self.text(few, "traceback"),
            }  # fmt: skip
        run.save()
        Snapshot.objects.create(run=run, seq=0, format=1, data={"state": self.text(few, "state")})
        reported = {"request_id": few.request_id, "response": self.text(few, "delivery")}
        Delivery.objects.create(run=run, kind="answer", data=reported)

"""The columns of a request, and properties that need only its row."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import models
from django.urls import reverse

from workflows.engine.requests.payload_edits import apply_edits
from workflows.models.choices import Priority
from workflows.models.fields import FoldedField, OrderedJSONField
from workflows.models.requests.claims import Claimable
from workflows.models.requests.deadlines import EMPTY_DICT, EMPTY_LIST, DeadlineMixin
from workflows.models.requests.digest import digest_of
from workflows.models.runs.run import WorkflowRun
from workflows.text.markdown import first_line
from workflows.text.search_text import fold, fold_tags


class Asked(NamedTuple):
    """The workflow and the named recipients of a request that is not stored yet."""

    workflow: str
    names: tuple[str, ...]


class RequestColumns(Claimable, DeadlineMixin):
    """The columns of `InputRequest`.

    `id` is part of every address. `request_id` is the id that the engine uses.

    `schema` is the JSON Schema of a typed reply. It is null for a request without a reply class;
    then `allow` lists the accepted answers: approve, reject, reply. `schema_digest` is the digest
    of the schema, empty in rows of older code. `source` is the interface that the answer came from.
    `answered_by` is null if the system answered.

    `revision` is the number of the present version of what is shown, `digest` is its digest.
    `votes` counts the approvals of the present version before the final one. `edits` are the
    changes of reviewers so far, and after the answer those that took effect.
    `editable_types` says which editable keys were decimals or dates, because JSON has only texts
    for them. `workflow` is a copy of the run's workflow, so that an index can find the requests of
    one workflow.
    """

    class Status(models.TextChoices):
        # -- step asks -> pending; cancelled, expired -- run retried -> pending;
        # answered -- undone before it was delivered -> pending
        PENDING = "pending"
        ANSWERED = "answered"  # pending -- answer, or the deadline's default -> answered
        EXPIRED = "expired"  # pending -- deadline passed -> expired
        CANCELLED = "cancelled"  # pending -- its run ended -> cancelled

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request_id = models.CharField(max_length=200)
    run = models.ForeignKey(  # `request_once_per_run` begins with it
        WorkflowRun, models.CASCADE, related_name="requests", db_index=False
    )
    workflow = models.CharField(max_length=100, default="", db_default="")
    event = models.CharField(max_length=200)
    step = models.CharField(max_length=200)
    prompt = models.TextField()
    payload = OrderedJSONField(null=True)
    schema = OrderedJSONField(null=True)
    schema_digest = models.CharField(max_length=64, blank=True, default="", db_default="")
    allow = OrderedJSONField(default=list)
    if_approved = models.CharField(max_length=300, blank=True, default="", db_default="")
    editable = OrderedJSONField(default=list, db_default=EMPTY_LIST, blank=True)
    editable_types = OrderedJSONField(default=dict, db_default=EMPTY_DICT, blank=True)
    edits = OrderedJSONField(default=dict, db_default=EMPTY_DICT, blank=True)
    revision = models.PositiveIntegerField(default=1, db_default=1)
    digest = models.CharField(max_length=64, blank=True, default="", db_default="")
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, default=Priority.NORMAL, db_default=Priority.NORMAL
    )
    tags = OrderedJSONField(default=list, db_default=EMPTY_LIST, blank=True)
    search_text = FoldedField(of="prompt", by=fold)
    search_tags = FoldedField(of="tags", by=fold_tags)
    assigned = models.BooleanField(default=False, db_default=False)
    four_eyes = models.BooleanField(default=False)
    quorum = models.PositiveSmallIntegerField(default=1, db_default=1)
    votes = models.PositiveSmallIntegerField(default=0, db_default=0)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    response = OrderedJSONField(null=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        db_index=False,
    )  # fmt: skip
    source = models.CharField(max_length=32, blank=True)
    undo_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    asked = Asked("", ())  # not a column: used while a new request is stored

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return first_line(self.prompt)[:80] or str(self.id)

    def get_absolute_url(self) -> str:
        """Return the permanent address of the request."""
        return reverse("approvals:request", args=[self.id])

    @property
    def is_pending(self) -> bool:
        """Return True while the request waits for an answer."""
        return self.status == self.Status.PENDING

    @property
    def effective_payload(self) -> Any:
        """The payload with the changes of reviewers so far."""
        return apply_edits(self.payload, self.edits)

    @property
    def version(self) -> str:
        """The digest of what is shown now. It is computed for rows of older code without one."""
        return self.digest or digest_of(self)

    def current_status(self, now: datetime) -> str:
        """Return the stored status, or `expired` if the deadline has passed."""
        self.refresh_from_db(
            fields=[
                "status",
                "deadline",
                "on_deadline",
                "overdue_at",
                "answered_by",
                "source",
                "answered_at",
            ]  # fmt: skip
        )
        return self.Status.EXPIRED if self.is_pending and self.is_expired(now) else self.status

"""The columns of a request, and what can be read from one row."""

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
    """Whom a request that is not stored yet was asked of, and by which workflow."""

    workflow: str
    names: tuple[str, ...]


class RequestColumns(Claimable, DeadlineMixin):
    """The columns of `InputRequest`.

    `id` stands in every address; `request_id` is the engine's name.

    `schema` is the JSON Schema of a typed reply, null for an untyped request, whose `allow` says
    which of approve, reject and reply it takes. `schema_digest` is the digest of the schema, empty
    in rows of older code.  `source` says which side the answer came through;
    `answered_by` is null where the system answered.

    `revision` counts the versions of what is shown, and `digest` is that of the present one.
    `votes` counts the approvals of the present version that came before the final one. `edits`
    are what reviewers changed so far, and after the answer what was effective.
    `editable_types` says which editable keys were decimals or dates, which are texts in JSON.
    `workflow` repeats the run's, which never changes, so that the requests of one workflow are
    found by an index.
    """

    class Status(models.TextChoices):
        # -- asked -> pending; cancelled, expired -- run retried -> pending;
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

    asked = Asked("", ())  # not a column: for whoever stores a new request

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return first_line(self.prompt)[:80] or str(self.id)

    def get_absolute_url(self) -> str:
        """Return the address that the request keeps for good."""
        return reverse("approvals:request", args=[self.id])

    @property
    def is_pending(self) -> bool:
        """Return True while the request waits for an answer."""
        return self.status == self.Status.PENDING

    @property
    def effective_payload(self) -> Any:
        """The payload with what reviewers have changed so far."""
        return apply_edits(self.payload, self.edits)

    @property
    def version(self) -> str:
        """The digest of what is shown now. Rows of older code have none written down."""
        return self.digest or digest_of(self)

    def current_status(self, now: datetime) -> str:
        """Return the status in the database, `expired` as soon as the deadline has passed."""
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

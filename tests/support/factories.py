"""Rows as a worker would store them, made without a worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Literal

from django.contrib.auth.models import Permission, User
from django.utils import timezone
from pydantic import BaseModel, Field

from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    registry,
    step,
)
from workflows.models import InputRequest, WorkflowRun


class Payment(BaseModel):
    """A typed answer with a verdict, a bound, a choice and something optional."""

    approved: bool
    amount: Decimal = Field(ge=0, le=1000, description="What we pay")
    reason: Literal["in policy", "exception", "refused"]
    note: str | None = None


class PaymentReply(InputResponseEvent):
    response: Payment


class PaymentRequest(InputRequestEvent):
    reply: ClassVar[type[InputResponseEvent]] = PaymentReply


@step
async def ask(event: StartEvent, ctx: Context) -> InputRequestEvent:
    """Ask for an untyped answer."""
    return InputRequestEvent(prompt="Publish it?")


@step
async def finish(event: InputResponseEvent, ctx: Context) -> StopEvent:
    """Return whether it was approved."""
    return StopEvent(result={"approved": event.approved, "text": event.text})


@step
async def claim(event: StartEvent, ctx: Context) -> PaymentRequest:
    """Ask for a typed answer."""
    return PaymentRequest(prompt="Pay it?", payload={"claimed": "640.00"})


@step
async def pay(event: PaymentReply, ctx: Context) -> StopEvent:
    """Return what is paid."""
    return StopEvent(result=str(event.response.amount))


BARE = Workflow("test-bare", steps=[ask, finish], description="Asks for a verdict.")
TYPED = Workflow("test-typed", steps=[claim, pay], description="Asks for a payment.")


@contextmanager
def registered(*workflows: Workflow) -> Iterator[None]:
    """Register these workflows inside the block."""
    for workflow in workflows:
        registry.register(workflow)
    try:
        yield
    finally:
        for workflow in workflows:
            registry.unregister(workflow.name)


def make_user(name: str, *permissions: str, **columns: Any) -> User:
    """Return a new user who has these permissions ("app.codename") and the password `demo`."""
    user = User.objects.create_user(name, password="demo", **columns)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return user


def make_reviewer(name: str) -> User:
    """Return a new user who may decide and so may see requests."""
    return make_user(name, "approvals.add_decision")


def make_run(
    workflow: Workflow = BARE, *, status: str = "waiting", workflow_name: str = "", **columns: Any
) -> WorkflowRun:
    """Return a new run in any state that the constraints allow. The workflow need not exist."""
    now = timezone.now()
    if status in WorkflowRun.ENDED:
        columns.setdefault("finished_at", now)
    if status in ("queued", "running"):
        columns.setdefault("wake_at", now)
    if status == "running":
        columns.setdefault("lease_owner", "worker")
    values = {"input": {}, "created_at": now - timedelta(minutes=5)} | columns
    return WorkflowRun.objects.create(
        workflow=workflow_name or workflow.name,
        signature=workflow.signature,
        status=status,
        **values,
    )


def make_request(run: WorkflowRun | None = None, **columns: Any) -> InputRequest:
    """Return a new request of `run`, or of a new waiting run; pending unless `columns` differ."""
    run = run or make_run()
    typed = run.workflow == TYPED.name
    values: dict[str, Any] = {
        "workflow": run.workflow,
        "event": "PaymentRequest" if typed else "InputRequestEvent",
        "step": "claim" if typed else "ask",
        "prompt": "Pay it?" if typed else "Publish it?",
        "payload": {"claimed": "640.00"},
        "schema": TYPED.reply_schema("PaymentRequest") if typed else None,
        "allow": ["approve", "reject", "reply"],
        "created_at": timezone.now() - timedelta(minutes=4),
    }
    request = InputRequest(run=run, **values | columns)
    request.request_id = request.request_id or str(request.id)
    request.save()
    return request


def make_answered(
    response: Any, *, by: User | None, at: datetime | None = None, **columns: Any
) -> InputRequest:
    """Return an answered request, without the `Decision` that a person's answer would have."""
    return make_request(
        status="answered", response=response, answered_by=by, source="inbox" if by else "handler",
        answered_at=at or timezone.now(), **columns,
    )  # fmt: skip

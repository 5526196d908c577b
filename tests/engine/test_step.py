"""Steps are read from annotations of every form."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Optional, Union

import pytest

from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InvalidStep,
    StartEvent,
    Step,
    StopEvent,
    Workflow,
    step,
)


class A(Event):
    pass


class B(Event):
    pass


def test_classes_local_to_a_function_are_found() -> None:
    class Local(Event):
        pass

    @step
    async def one(event: Local, ctx: Context) -> Local | None: ...

    @step(retries=1)
    async def two(event: Local) -> list[Local]: ...  # type: ignore[empty-body]

    assert one.accepts == two.accepts == (Local,)


@pytest.mark.parametrize(
    ("annotation", "classes"),
    [
        (A, (A,)),
        (A | None, (A,)),
        (Optional[A], (A,)),  # noqa: UP045
        (Union[A, B], (A, B)),  # noqa: UP007
        (list[A | B], (A, B)),
        (list[A] | B | None, (A, B)),
        (tuple[A, ...], (A,)),
        (Sequence[B], (B,)),
        (None, ()),
        (A | A, (A,)),
    ],
)
def test_return_annotation_names_events(annotation: Any, classes: tuple[type, ...]) -> None:
    def function(event: StartEvent) -> Any: ...

    function.__annotations__["return"] = annotation
    assert step(function).returns == classes


@pytest.mark.parametrize("annotation", [Any, Event, list[Event], Event | None])
def test_an_annotation_of_any_event_does_not_restrict_the_events(annotation: Any) -> None:
    def function(event: StartEvent) -> Any: ...

    function.__annotations__["return"] = annotation
    assert step(function).returns is None


def test_step_without_return_annotation_builds() -> None:
    @step
    def begin(event: StartEvent):  # type: ignore[no-untyped-def]
        return StopEvent(result=1)

    assert begin.returns is None
    assert Workflow("open", [begin]).steps == {"begin": begin}


def test_context_may_come_first_last_or_not_at_all() -> None:
    @step
    def last(event: A, ctx: Context) -> None: ...

    @step
    def first(anything: Context, event: A) -> None: ...

    @step
    def without(event: A | B) -> None: ...

    assert (last.parameters, first.parameters) == (("event", "context"), ("context", "event"))
    assert without.parameters == ("event",)
    assert without.accepts == (A, B)


def test_step_can_be_called_like_its_function() -> None:
    @step
    def begin(event: StartEvent) -> StopEvent:
        """Do something.

        And more.
        """
        return StopEvent(result=5)

    assert begin(StartEvent()).result == 5
    assert begin.doc == "Do something."


def no_event(ctx: Context) -> None: ...
def no_parameter() -> None: ...
def not_an_event(event: int) -> None: ...
def two_events(one: A, two: B) -> None: ...
def two_contexts(event: A, one: Context, two: Context) -> None: ...
def a_list(events: list[A]) -> None: ...
def bare(event) -> None: ...  # type: ignore[no-untyped-def]
def no_such_class(event: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def returns_text(event: A) -> str: ...  # type: ignore[empty-body]
def starred(*events: A) -> None: ...
def by_keyword(event: A, *, ctx: Context) -> None: ...
def extra(event: A, ctx: Context, more: int = 3) -> None: ...


@pytest.mark.parametrize(
    "function",
    [
        no_event, no_parameter, not_an_event, two_events, two_contexts, a_list, bare,
        no_such_class, returns_text, starred, by_keyword, extra,
    ],
)  # fmt: skip
def test_incomplete_signature_is_refused_and_named(function: Any) -> None:
    with pytest.raises(InvalidStep, match=f"'{function.__name__}'"):
        step(function)


def test_partial_is_refused() -> None:
    with pytest.raises(InvalidStep):
        step(functools.partial(two_events))


@pytest.mark.parametrize(
    "rules",
    [
        {"retries": -1}, {"retries": 1.5}, {"retries": "3"}, {"retries": True},
        {"retry_delay": -0.1}, {"retry_delay": float("inf")}, {"backoff": -1},
        {"timeout": 0}, {"timeout": -1}, {"timeout": float("nan")}, {"timeout": "1"},
        {"max_concurrency": 0}, {"max_concurrency": 1.5}, {"retry": 1},
    ],
)  # fmt: skip
def test_impossible_rule_is_refused_by_name(rules: dict[str, Any]) -> None:
    def publish(event: A) -> None: ...

    with pytest.raises(InvalidStep, match=f"'publish'.*{next(iter(rules))}"):
        step(**rules)(publish)


def test_without_options_a_step_has_no_rules() -> None:
    @step
    def begin(event: StartEvent) -> StopEvent: ...  # type: ignore[empty-body]

    assert isinstance(begin, Step)
    assert (begin.retries, begin.timeout, begin.max_concurrency) == (0, None, None)


def test_delays_grow_and_stop_at_a_year() -> None:
    @step(retries=5000, retry_delay=1.0, backoff=2.0)
    def slow(event: A) -> None: ...

    @step(retries=5000, backoff=2.0)
    def at_once(event: A) -> None: ...

    assert [slow.delay(n).total_seconds() for n in range(4)] == [1, 2, 4, 8]
    assert slow.delay(60) == slow.delay(4999) != slow.delay(3)
    assert at_once.delay(4999).total_seconds() == 0


def test_name_can_be_given() -> None:
    @step(name="first: look")
    def begin(event: StartEvent) -> InputRequestEvent | None: ...

    assert begin.name == "first: look"


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        ({"retry": 3}, "there is no option 'retry'; did you mean 'retries'?"),
        ({"time_out": 3}, "there is no option 'time_out'; did you mean 'timeout'?"),
        ({"colour": 3}, "there are retries, retry_delay, backoff, timeout, max_concurrency"),
        ({"timeout": "30"}, "timeout cannot be '30'; give a number of seconds above 0, or None"),
        ({"timeout": 0}, "timeout cannot be 0; give a number of seconds above 0, or None"),
        ({"retries": 1.5}, "retries cannot be 1.5; give a whole number of at least 0"),
        ({"max_concurrency": 0}, "cannot be 0; give a whole number of at least 1, or None"),
    ],
)
def test_the_error_of_a_refused_option_suggests_a_value(
    options: dict[str, Any], reported: str
) -> None:
    with pytest.raises(InvalidStep) as refused:
        step(**options)(a_step)
    assert reported in str(refused.value)


def a_step(event: A) -> None: ...

"""A step: a function whose annotations name the events that it takes and returns."""

from __future__ import annotations

import inspect
import math
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin, get_type_hints, overload

from workflows.engine.context import Context
from workflows.engine.errors import InvalidStep
from workflows.engine.events import Event

MAX_DELAY = timedelta(days=365)
MAX_RULE = MAX_DELAY // timedelta(seconds=1)  # seconds, or the largest `backoff`
RULES = {
    "retries": "a whole number of at least 0",
    "retry_delay": "a number of seconds of at least 0",
    "backoff": "a number of at least 0",
    "timeout": "a number of seconds above 0",
    "max_concurrency": "a whole number of at least 1",
}
OPTIONAL = ("timeout", "max_concurrency")


@dataclass(frozen=True, slots=True)
class Step:
    """A function that a workflow can run, and the rules for running it.

    `accepts` are the exact event classes routed to it; `returns` those its annotation names, or
    None if it has no return annotation. `retries` are attempts beyond the first; the n-th waits
    `retry_delay * backoff ** (n - 1)` seconds. `timeout` is in seconds. At most
    `max_concurrency` invocations in one run are in flight at once. Call it like the function.
    """

    name: str
    function: Callable[..., Any]
    accepts: tuple[type[Event], ...]
    returns: tuple[type[Event], ...] | None
    parameters: tuple[str, ...]  # "event" and "context", in the function's order
    is_async: bool
    retries: int = 0
    retry_delay: float = 0.0
    backoff: float = 1.0
    timeout: float | None = None
    max_concurrency: int | None = None

    @property
    def doc(self) -> str:
        """The first paragraph of the function's docstring."""
        return (inspect.getdoc(self.function) or "").split("\n\n")[0]

    @property
    def takes_context(self) -> bool:
        """True if the function has a parameter for its context."""
        return len(self.parameters) == 2

    def delay(self, failures: int) -> timedelta:
        """Return the delay of retry number `failures` + 1, a year at most."""
        try:
            wait = timedelta(seconds=self.retry_delay * self.backoff**failures)
        except OverflowError:
            return MAX_DELAY if self.retry_delay else timedelta(0)
        return min(wait, MAX_DELAY)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself, as a test may."""
        return self.function(*args, **kwargs)

    def invoke(self, event: Event, context: Context | None) -> Any:
        """Call the function with its parameters in their order."""
        if len(self.parameters) == 1:
            return self.function(event)
        if self.parameters[0] == "event":
            return self.function(event, context)
        return self.function(context, event)


@overload
def step(function: Callable[..., Any], /) -> Step: ...
@overload
def step(
    *,
    retries: int = ...,
    retry_delay: float = ...,
    backoff: float = ...,
    timeout: float | None = ...,
    max_concurrency: int | None = ...,
    name: str = ...,
) -> Callable[[Callable[..., Any]], Step]: ...
def step(function: Callable[..., Any] | None = None, /, *, name: str = "", **rules: Any) -> Any:
    """Make a function a step: `@step`, or `@step(retries=3, timeout=30.0)`.

    Raise `InvalidStep` if its annotations do not name one event parameter, or if an option is
    impossible.
    """
    frame = sys._getframe(1)
    scope = frame.f_locals  # to resolve classes that are local to a function

    def make(function: Callable[..., Any]) -> Step:
        return _make(function, name or getattr(function, "__name__", "?"), scope, rules)

    return make if function is None else make(function)


def _make(
    function: Callable[..., Any], name: str, scope: dict[str, Any], rules: dict[str, Any]
) -> Step:
    try:
        hints = get_type_hints(function, localns=dict(scope))
    except Exception as error:
        raise InvalidStep(f"Step {name!r}: its annotations cannot be read: {error}") from error
    accepts, parameters = _read_parameters(name, function, hints)
    returns = _read_return(name, hints)
    _check_rules(name, rules)
    return Step(
        name=name,
        function=function,
        accepts=accepts,
        returns=returns,
        parameters=parameters,
        is_async=inspect.iscoroutinefunction(function),
        **rules,
    )


def _read_parameters(
    name: str, function: Callable[..., Any], hints: dict[str, Any]
) -> tuple[tuple[type[Event], ...], tuple[str, ...]]:
    accepts: tuple[type[Event], ...] = ()
    parameters: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in hints:
            raise InvalidStep(f"Step {name!r}: its parameter {parameter.name!r} has no annotation.")
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise InvalidStep(
                f"Step {name!r}: its parameter {parameter.name!r} must be positional."
            )
        if hints[parameter.name] is Context:
            parameters.append("context")
            continue
        accepts = _event_classes(name, hints[parameter.name], several=False)
        parameters.append("event")
    if sorted(parameters) not in (["event"], ["context", "event"]) or not accepts:
        raise InvalidStep(f"Step {name!r} must take one event and, if it likes, a Context.")
    return accepts, tuple(parameters)


def _read_return(name: str, hints: dict[str, Any]) -> tuple[type[Event], ...] | None:
    """Return the classes that the annotation names, None if there is no annotation."""
    if "return" not in hints or hints["return"] is Any:
        return None
    classes = _event_classes(name, hints["return"])
    return None if Event in classes else classes


def _event_classes(name: str, annotation: Any, *, several: bool = True) -> tuple[type[Event], ...]:
    """Return the event classes in a class, a union or, if `several`, a list; None names none."""
    annotation = getattr(annotation, "__value__", annotation)  # `type Name = ...` of Python 3.12
    if annotation in (None, type(None)):
        return ()
    if isinstance(annotation, type) and issubclass(annotation, Event):
        return (annotation,)
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType) or (several and origin in (list, tuple, Sequence)):
        parts = [part for part in get_args(annotation) if part is not Ellipsis]
        found = (event for part in parts for event in _event_classes(name, part, several=several))
        return tuple(dict.fromkeys(found))
    raise InvalidStep(f"Step {name!r}: {annotation!r} is not an event class.")


def _check_rules(name: str, rules: dict[str, Any]) -> None:
    for rule, value in rules.items():
        if rule not in RULES:
            near = get_close_matches(rule, RULES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(RULES)}."
            raise InvalidStep(f"Step {name!r}: there is no option {rule!r}{hint}")
        if value is None and rule in OPTIONAL:
            continue
        counts = rule in ("retries", "max_concurrency")
        fits = type(value) is int or (type(value) is float and not counts)
        least = 1 if rule == "max_concurrency" else 0
        if not fits or not least <= value < math.inf or (rule == "timeout" and not value):
            allowed = f"{RULES[rule]}, or None" if rule in OPTIONAL else RULES[rule]
            raise InvalidStep(f"Step {name!r}: {rule} cannot be {value!r}; give {allowed}.")
        if not counts and value > MAX_RULE:
            raise InvalidStep(f"Step {name!r}: {rule} cannot be more than {MAX_RULE:,}.")

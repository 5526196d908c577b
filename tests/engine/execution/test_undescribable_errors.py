"""An error with unreadable parts is described by its readable parts, and retried like others."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.test_handler import single
from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StepFailed,
    StopEvent,
    WorkflowBuilder,
    WorkflowSnapshot,
    step,
)
from workflows.engine.machine.error_record import (
    MAX_MESSAGE_LENGTH,
    MAX_TRACEBACK_LENGTH,
    describe,
)

RAISED: list[type[BaseException]] = [
    ValueError, KeyboardInterrupt, SystemExit, RecursionError, MemoryError, GeneratorExit,
    asyncio.CancelledError, StopIteration,
]  # fmt: skip


NAMES = (
    "__str__", "__repr__", "__notes__", "__cause__", "__context__", "__suppress_context__",
    "__traceback__", "__class__", "__dict__", "__module__", "__doc__", "args",
    "__format__", "__reduce__", "__hash__", "__eq__", "__bool__", "__len__",
)  # fmt: skip


def breaking(names: set[str], raised: type[BaseException], base: Any = Exception) -> BaseException:
    """Return an error. The parts in `names` raise when they are read."""

    def hurt(*_: Any) -> NoReturn:
        raise raised("looked at")

    methods = {"__str__", "__repr__", "__format__", "__reduce__", "__hash__", "__eq__",
               "__bool__", "__len__", "__getattr__"}  # fmt: skip
    body = {name: hurt if name in methods else property(hurt) for name in names}
    made: BaseException = type("Breaking", (base,), body)()
    return made


def checked(error: BaseException) -> dict[str, Any]:
    """Return the description, after a check that every database can store it."""
    reported = describe(error, "begin")
    assert list(reported) == ["kind", "message", "step", "traceback", "engine"]
    assert json.loads(json.dumps(reported, allow_nan=False)) == reported
    for key in ("kind", "message", "step", "traceback"):
        assert type(reported[key]) is str
        reported[key].encode()  # no lone surrogates
        assert "\x00" not in reported[key]
    assert len(reported["message"]) <= MAX_MESSAGE_LENGTH
    assert len(reported["traceback"]) <= MAX_TRACEBACK_LENGTH
    assert (
        reported["kind"] in reported["traceback"]
        or len(reported["traceback"]) == MAX_TRACEBACK_LENGTH
    )
    return reported


@settings(max_examples=150, deadline=None)
@given(
    names=st.sets(st.sampled_from((*NAMES, "__getattr__")), min_size=1),
    raised=st.sampled_from(RAISED),
    base=st.sampled_from([Exception, BaseException, SyntaxError, OSError, UnicodeError, KeyError]),
)
def test_an_error_is_described_by_the_parts_that_can_be_read(
    names: set[str], raised: type[BaseException], base: type[BaseException]
) -> None:
    assert checked(breaking(names, raised, base))["kind"] == "Breaking"


class OddText(str):
    def __getitem__(self, key: Any) -> NoReturn:
        raise ValueError

    def replace(self, *_: Any) -> NoReturn:
        raise ValueError

    def encode(self, *_: Any, **__: Any) -> NoReturn:
        raise ValueError


odd_values = st.one_of(
    st.none(), st.integers(), st.text(), st.floats(), st.just(object()), st.binary(),
    st.builds(OddText, st.text()), st.lists(st.text()), st.sampled_from(["\x00", "\ud800", "\r"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.tuples(odd_values, odd_values, odd_values, odd_values, odd_values, odd_values), st.data())
def test_a_syntax_error_with_any_offsets_is_described(values: tuple[Any, ...], data: Any) -> None:
    error = SyntaxError("broken")
    names = ("filename", "lineno", "offset", "text", "end_lineno", "end_offset")
    for name, value in zip(names, values, strict=True):
        setattr(error, name, value)
    error.msg = data.draw(odd_values)
    checked(error)


@settings(max_examples=200, deadline=None)
@given(odd_values, st.lists(odd_values, max_size=3))
def test_odd_messages_and_notes_are_described(message: Any, notes: list[Any]) -> None:
    error = ValueError(message)
    error.__notes__ = notes
    checked(error)
    error.__notes__ = message
    checked(error)


def in_a_circle() -> BaseException:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    return one


def of_a_long_chain() -> BaseException:
    first = error = ValueError("first")
    for n in range(5_000):
        error.__context__ = ValueError(n)
        error = error.__context__
    return first


def in_deep_groups() -> BaseException:
    error: Exception = ValueError("innermost")
    for _ in range(5_000):
        error = ExceptionGroup("around", [error])
    return error


def with_a_text_of_its_own() -> BaseException:
    class Odd(Exception):
        def __str__(self) -> str:
            return OddText("odd \x00 text \ud800")

    return Odd()


def of_a_class_that_hides_its_name() -> BaseException:
    class Meta(type):
        def __getattribute__(cls, name: str) -> NoReturn:
            raise RuntimeError(name)

        def __eq__(cls, other: object) -> NoReturn:
            raise RuntimeError

        def __hash__(cls) -> NoReturn:
            raise RuntimeError

    made: BaseException = Meta("Hidden", (Exception,), {})()
    return made


def of_a_class_with_an_odd_name() -> BaseException:
    made: BaseException = type("N \n" + "x" * 1000, (Exception,), {})("odd")
    return made


def with_an_endless_text() -> BaseException:
    return ValueError("x" * 20_000_000)


def that_cannot_be_pickled() -> BaseException:
    class Local(Exception):
        def __init__(self, one: Any, *, two: Any) -> None:
            self.two = two

    return Local(lambda: None, two=open)


def whose_text_never_ends() -> BaseException:
    class Endless(Exception):
        def __str__(self) -> str:
            return str(self)

    return Endless()


ODD = [
    in_a_circle, of_a_long_chain, in_deep_groups, with_a_text_of_its_own,
    of_a_class_that_hides_its_name, of_a_class_with_an_odd_name, with_an_endless_text,
    that_cannot_be_pickled, whose_text_never_ends,
]  # fmt: skip


@pytest.mark.parametrize("make", ODD, ids=lambda one: one.__name__)
def test_an_odd_error_is_described(make: Any) -> None:
    checked(make())


def test_a_long_traceback_keeps_its_beginning_and_its_end() -> None:
    def raise_it() -> NoReturn:
        raise ValueError("x" * 100_000 + " the end")

    with pytest.raises(ValueError, match="x") as caught:
        raise_it()
    reported = checked(caught.value)
    assert "in raise_it" in reported["traceback"]
    assert reported["traceback"].endswith("the end\n")


@pytest.mark.parametrize("make", ODD, ids=lambda one: one.__name__)
@pytest.mark.parametrize("sync", [False, True], ids=["async", "def"])
async def test_a_step_that_raises_an_odd_error_is_retried_and_then_fails_the_run(
    make: Any, sync: bool
) -> None:
    attempts: list[int] = []

    async def begin(event: StartEvent, ctx: Context) -> StopEvent:
        attempts.append(ctx.attempt)
        raise make()

    def begin_in_thread(event: StartEvent, ctx: Context) -> StopEvent:
        attempts.append(ctx.attempt)
        raise make()

    handler = await single(begin_in_thread if sync else begin, retries=1).run()
    async with asyncio.timeout(30):
        with pytest.raises(StepFailed):
            await handler.result()
    assert attempts == [1, 2]
    WorkflowSnapshot.from_json((await handler.snapshot()).to_json())


@pytest.mark.parametrize("name", [*NAMES, "__getattr__"])
async def test_after_an_unreadable_error_of_an_input_handler_people_answer(
    name: str,
) -> None:
    @step
    async def ask(event: StartEvent) -> InputRequestEvent:
        return InputRequestEvent(prompt="?", request_id="r")

    @step
    async def end(event: InputResponseEvent) -> StopEvent:
        return StopEvent()

    async def handle(request: InputRequestEvent) -> InputResponseEvent | None:
        raise breaking({name}, SystemExit, BaseException)

    builder = WorkflowBuilder("asking").step(ask).step(end)
    handler = await builder.input_handler(handle).build().run()
    async with asyncio.timeout(30):
        await handler.snapshot()
    await handler.send_input(InputResponseEvent(request_id="r", response={"approved": True}))
    async with asyncio.timeout(30):
        await handler.result()

"""Invalid JSON from outside is refused with an error message, and never crashes the parser."""

import json

import pytest

from workflows.engine.serialization.json_limits import (
    ForbiddenText,
    InputRefused,
    LimitExceeded,
    NotJson,
    TooDeep,
    TooLarge,
    check_json,
    parse_json,
)


def parse(text: str, *, max_bytes: int = 10_000_000, max_depth: int = 32) -> object:
    return parse_json(text, max_bytes=max_bytes, max_depth=max_depth)


def check(value: object, **limits: int) -> None:
    chosen = {"max_bytes": 10_000, "max_depth": 32} | limits
    check_json(value, what="The payload", **chosen)


def test_ordinary_json_is_read_unchanged() -> None:
    value = {"a": [1, 2.5, None, True, "grün 🙂"], "b": {"c": ""}}
    assert parse(json.dumps(value)) == value


def test_a_surrogate_pair_written_as_escapes_is_one_character() -> None:
    assert parse('"\\ud83d\\ude42"') == "🙂"


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}', "[1e999]", "-1e400"])
def test_numbers_outside_json_are_refused(text: str) -> None:
    with pytest.raises(NotJson):
        parse(text)


def test_a_refused_number_is_named_by_its_path() -> None:
    with pytest.raises(NotJson, match=r"at \$\.claims\[1\]\.amount\)"):
        parse('{"claims": [{"amount": 1}, {"amount": NaN}]}')


def test_an_integer_of_too_many_digits_is_refused() -> None:
    assert parse("9" * 4300) == int("9" * 4300)
    with pytest.raises(NotJson, match="4300 digits"):
        parse("[" + "9" * 4301 + "]")
    with pytest.raises(NotJson, match="4300 digits"):
        check({"n": 10**5000})


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 33 + "]" * 33])
def test_deep_nesting_is_refused_before_it_is_parsed(text: str) -> None:
    with pytest.raises(TooDeep, match="more than 32 levels"):
        parse(text)


def test_the_deepest_allowed_nesting_passes() -> None:
    parse("[" * 32 + "]" * 32)


def test_brackets_inside_text_do_not_count_as_depth() -> None:
    assert parse(json.dumps("[{" * 100 + '\\"[')) == "[{" * 100 + '\\"['


def test_a_generous_depth_limit_does_not_crash_the_parser() -> None:
    with pytest.raises(TooDeep):
        parse("[" * 200_000 + "]" * 200_000, max_depth=1_000_000)


@pytest.mark.parametrize("text", ['"' + '\\"' * 100_000, '"abc\\', "{", "", "[1,]", "nil", '"\n"'])
def test_the_error_of_broken_json_has_line_and_column(text: str) -> None:
    with pytest.raises(NotJson, match=r"line \d+, column \d+"):
        parse(text)


@pytest.mark.parametrize(
    "text", ["\x00", '"\ud800"', '["\\u0000"]', '["\\udc00 alone"]', '{"a\\u0000": 1}']
)
def test_nul_and_lone_surrogates_are_refused(text: str) -> None:
    with pytest.raises(ForbiddenText):
        parse(text)


def test_size_counts_bytes_not_characters() -> None:
    text = json.dumps("ü" * 50, ensure_ascii=False)
    parse(text, max_bytes=102)
    with pytest.raises(TooLarge, match="102 bytes, more than the 101"):
        parse(text, max_bytes=101)


def test_python_values_are_counted_as_compact_json() -> None:
    value = {"a": [1, 2, 3], "b": "x\ny"}
    exact = len(json.dumps(value, separators=(",", ":")))
    check(value, max_bytes=exact)
    with pytest.raises(TooLarge):
        check(value, max_bytes=exact - 1)


def test_a_value_that_contains_itself_is_too_deep() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(TooDeep):
        check(loop)


def test_a_small_value_that_expands_to_millions_is_refused_early() -> None:
    value: object = "x"
    for _ in range(30):
        value = [value, value]
    with pytest.raises(LimitExceeded):
        check(value, max_bytes=10**9, max_nodes=1000)


@pytest.mark.parametrize("value", [{1: "a"}, {"a": {1, 2}}, [b"x"], (1, 2), object()])
def test_what_is_not_json_is_refused_by_type(value: object) -> None:
    with pytest.raises(NotJson):
        check(value)


def test_the_error_names_the_value_and_its_place() -> None:
    with pytest.raises(InputRefused) as caught:
        check({"notes": ["fine", "bad \x00"], "odd key": 1})
    assert str(caught.value) == "The payload holds a NUL character (at $.notes[1])."
    assert caught.value.where == "$.notes[1]"
    with pytest.raises(ForbiddenText, match=r"at \$\['odd key'\]"):
        check({"odd key": "\ud800"})

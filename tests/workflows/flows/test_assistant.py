"""The example `assistant`: its measures of a text, and the result of each decision."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.engine import InputResponseEvent, InvalidInput, WorkflowHandler, registry
from workflows.flows import DEMO, assistant
from workflows.flows.assistant.steps import TITLE_LENGTH
from workflows.flows.assistant.text_metrics import measure

TEXT = "The cat sat on the mat. Everybody enjoyed a wonderful afternoon in the garden."


async def waiting_for_review(text: str = TEXT) -> WorkflowHandler:
    handler = await assistant.workflow.run({"text": text})
    await handler.snapshot()
    return handler


async def answered(response: Any, text: str = TEXT) -> dict[str, Any]:
    handler = await waiting_for_review(text)
    [request] = handler.pending_requests
    await handler.send_input(InputResponseEvent(request_id=request.request_id, response=response))
    result: dict[str, Any] = await handler.result()
    return result


def test_measures_agree_with_known_counts() -> None:
    figures = measure(TEXT)
    assert (figures.words, figures.sentences) == (14, 2)
    # 14 words in 2 sentences, of which everybody, enjoyed, wonderful and afternoon have more
    # than six letters.
    assert measure(f"{TEXT} " * 17).reading_minutes == 1.0  # 238 words
    assert figures.lix == pytest.approx(7 + 400 / 14, abs=0.05)
    assert figures.ease == "easy"
    # 63 letters: 4.5 a word, so 450 for 100 words, and 14.29 sentences for 100 words.
    assert figures.grade == pytest.approx(0.0588 * 450 - 0.296 * 14.29 - 15.8, abs=0.05)


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("This is a wonderful and excellent result.", "positive"),
        ("The meeting is on Thursday.", "neutral"),
        ("The food was terrible and the room was awful.", "negative"),
    ],
)
def test_mood_follows_the_words(text: str, mood: str) -> None:
    assert measure(text).mood == mood


@pytest.mark.parametrize("text", ["...", "日本語のテキスト。", "x" * 50_000, "!" * 50_000])
def test_text_without_sentences_is_measured_too(text: str) -> None:
    assert measure(text).words in (0, 1)


async def test_reviewer_sees_the_figures_and_the_first_words() -> None:
    handler = await waiting_for_review()
    [request] = handler.pending_requests
    assert (
        request.prompt
        == "Approve analysis for 'The cat sat on the mat. Everybody enjoyed a wonderful …'?"
    )
    assert request.payload["figures"] == measure(TEXT).model_dump()
    assert request.payload["excerpt"] == TEXT
    await handler.cancel()


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ({"approved": True, "comment": "fine"}, "published"),
        ({"approved": False}, "rejected"),
        ("shorten the second paragraph", "returned"),
    ],
)
async def test_decision_names_the_outcome(response: Any, outcome: str) -> None:
    result = await answered(response)
    assert result["outcome"] == outcome
    assert result["approved"] == (response.get("approved") if outcome != "returned" else None)
    assert result["comment"] == ("fine" if outcome == "published" else None)
    assert result["text"] == (response if outcome == "returned" else None)
    assert result["figures"] == measure(TEXT).model_dump()


async def test_title_is_the_first_line_cut_to_a_readable_length() -> None:
    result = await answered(
        {"approved": True}, "\n\n  A letter  to members\n\nDear members, hello."
    )
    assert result["title"] == "A letter to members"
    result = await answered({"approved": True}, "w" * 10_000)
    assert len(result["title"]) == TITLE_LENGTH


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"text": ""},
        {"text": "  \n "},
        {"text": "x" * 50_001},
        {"text": 7},
        {"text": "a", "b": 1},
    ],
)
def test_input_that_is_not_text_is_refused_before_a_run_starts(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        assistant.workflow.check_input(given)


def test_example_inputs_are_accepted_by_registered_workflows() -> None:
    assert [name for name, _ in DEMO] == ["expenses", "assistant"]
    for name, given in DEMO:
        assert registry.get(name).check_input(given)

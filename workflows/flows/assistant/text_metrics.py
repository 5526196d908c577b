"""Measures an English text without a network and without a model.

No measure needs a dictionary of syllables: the libraries would download one at the first use, and a
worker may have no access to the internet. So the readability score is LIX and not Flesch.
"""

from __future__ import annotations

from threading import Lock

from pydantic import BaseModel, ConfigDict, Field

_LIX_LABELS = ((30, "very easy"), (40, "easy"), (50, "medium"), (60, "difficult"))
_NEUTRAL = 0.1
_WORDS_A_MINUTE = 238
"""Silent reading of English prose: the mean over 190 studies (Brysbaert 2019)."""
_LAST_GRADE = 20.0
_filling = Lock()


class Figures(BaseModel):
    """The measures of a text."""

    model_config = ConfigDict(frozen=True)

    words: int
    sentences: int
    reading_minutes: float = Field(description="Silent reading at 238 words a minute")
    lix: float = Field(description="Words per sentence, plus the share of long words in percent")
    ease: str = Field(description="What the LIX score means, from very easy to very difficult")
    grade: float = Field(description="Coleman-Liau: years of school in the United States")
    sentiment: float = Field(description="From -1, negative, to 1, positive")
    mood: str = Field(description="negative, neutral or positive")
    subjectivity: float = Field(description="From 0, factual, to 1, opinion")


def measure(text: str) -> Figures:
    """Return the measures of `text`. The first call takes up to a second."""
    import textstat  # takes half a second, so it is imported only when needed

    lix = textstat.lix(text)
    sentiment, subjectivity = _feel(text)
    words, sentences = textstat.lexicon_count(text), textstat.sentence_count(text)
    return Figures(
        words=words,
        sentences=sentences,
        reading_minutes=round(words / _WORDS_A_MINUTE, 1),
        lix=round(lix, 1),
        ease=_ease(lix),
        grade=round(_grade(textstat.letter_count(text), words, sentences), 1),
        sentiment=round(sentiment, 2),
        mood=_mood(sentiment),
        subjectivity=round(subjectivity, 2),
    )


def _feel(text: str) -> tuple[float, float]:
    from textblob import TextBlob

    # The library loads its lexicon at the first use; another thread could read it incomplete.
    with _filling:
        polarity, subjectivity = TextBlob(text).sentiment
    return polarity, subjectivity


def _grade(letters: int, words: int, sentences: int) -> float:
    """Coleman and Liau (1975). The library's function has a rounded coefficient."""
    if not words:
        return 0.0
    grade = (5.88 * letters - 29.6 * sentences) / words - 15.8
    # The formula has no meaning outside of the years of school.
    return min(max(grade, 0.0), _LAST_GRADE)


def _ease(lix: float) -> str:
    return next((label for limit, label in _LIX_LABELS if lix < limit), "very difficult")


def _mood(sentiment: float) -> str:
    if abs(sentiment) < _NEUTRAL:
        return "neutral"
    return "positive" if sentiment > 0 else "negative"

"""The types of structured columns of scored files."""

from typing import TypedDict


class ScoredLabel(TypedDict):
    label: str
    score: float


class EntityColumn(TypedDict):
    """`start` and `end` count characters, or tokens if the row has tokens."""

    text: str
    label: str
    start: int
    end: int
    score: float


class WordColumn(TypedDict):
    """A word with the probabilities of its labels."""

    text: str
    start: int
    end: int
    tags: list[ScoredLabel]


class TokenShare(TypedDict):
    """A token and its contribution to the score of a label."""

    text: str
    start: int
    end: int
    share: float


class ExplanationColumn(TypedDict):
    label: str
    baseline: float
    tokens: list[TokenShare]


class TranslationColumn(TypedDict):
    text: str
    score: float

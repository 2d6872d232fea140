"""Precision, recall and F1 of entities, as conlleval counts them: an entity is correct if both its
boundaries and its type are (Tjong Kim Sang and De Meulder 2003)."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

Entity = tuple[int, int, int, str]
"""Sentence, start, end, type."""


class SpanCounts(NamedTuple):
    """Numbers of gold, predicted and correct entities."""

    gold: int
    predicted: int
    correct: int

    @property
    def precision(self) -> float:
        return self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        both = self.gold + self.predicted
        return 2 * self.correct / both if both else 0.0


def count_spans(
    gold: Iterable[Entity], predicted: Iterable[Entity]
) -> tuple[SpanCounts, dict[str, SpanCounts]]:
    """The counts of all types together, and by type."""
    truth, guess = set(gold), set(predicted)
    by_type = [Counter(entity[3] for entity in part) for part in (truth, guess, truth & guess)]
    types = {
        label: SpanCounts(*(part[label] for part in by_type))
        for label in sorted(by_type[0] | by_type[1])
    }
    return SpanCounts(len(truth), len(guess), len(truth & guess)), types


def conlleval_table(
    total: SpanCounts, types: dict[str, SpanCounts], tokens: int, accuracy: float
) -> str:
    """The report of the script conlleval; `tokens` of 0 leaves out token counts and accuracy."""
    lines = [
        (f"processed {tokens} tokens with" if tokens else "processed text with")
        + f" {total.gold} phrases; found: {total.predicted} phrases; correct: {total.correct}.",
        (f"accuracy: {100 * accuracy:6.2f}%; " if tokens else "") + _scores(total),
    ]
    lines += [
        f"{label:>17}: {_scores(counts)}  {counts.predicted}" for label, counts in types.items()
    ]
    return "\n".join(lines)


def _scores(counts: SpanCounts) -> str:
    precision, recall, f1 = (100 * x for x in (counts.precision, counts.recall, counts.f1))
    return f"precision: {precision:6.2f}%; recall: {recall:6.2f}%; FB1: {f1:6.2f}"

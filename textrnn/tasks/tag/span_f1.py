"""Precision, recall and F1 of entities, as conlleval counts them: right are those whose place and
type are both right (Tjong Kim Sang and De Meulder 2003)."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

Entity = tuple[int, int, int, str]
"""Sentence, start, end, type."""


class Counts(NamedTuple):
    gold: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.right / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        both = self.gold + self.found
        return 2 * self.right / both if both else 0.0


def count(gold: Iterable[Entity], found: Iterable[Entity]) -> tuple[Counts, dict[str, Counts]]:
    """Over all types, and by type."""
    truth, given = set(gold), set(found)
    by_type = [Counter(entity[3] for entity in part) for part in (truth, given, truth & given)]
    types = {
        label: Counts(*(part[label] for part in by_type))
        for label in sorted(by_type[0] | by_type[1])
    }
    return Counts(len(truth), len(given), len(truth & given)), types


def table(whole: Counts, types: dict[str, Counts], tokens: int, accuracy: float) -> str:
    """What the script conlleval prints for these counts; without tokens, what it would of text."""
    lines = [
        (f"processed {tokens} tokens with" if tokens else "processed text with")
        + f" {whole.gold} phrases; found: {whole.found} phrases; correct: {whole.right}.",
        (f"accuracy: {100 * accuracy:6.2f}%; " if tokens else "") + _scores(whole),
    ]
    lines += [f"{label:>17}: {_scores(counts)}  {counts.found}" for label, counts in types.items()]
    return "\n".join(lines)


def _scores(counts: Counts) -> str:
    precision, recall, f1 = (100 * x for x in (counts.precision, counts.recall, counts.f1))
    return f"precision: {precision:6.2f}%; recall: {recall:6.2f}%; FB1: {f1:6.2f}"

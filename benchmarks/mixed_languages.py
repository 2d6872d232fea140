"""Spans of texts in several languages: how many are right, and how many texts/s.

A text has one to four parts in two languages by turns, each a sentence of the Tatoeba development
data or two to six words of one. Names and numbers at a change of language belong to either, so that
not every border can be found.
"""

import gzip
import random
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import textrnn
from benchmarks.timing import table
from textrnn.tasks import Answer
from training.sources import data_root

MODEL = "language-id"
PAIRS = {("en", "de"): "tatoeba_en_de/dev.tsv", ("en", "es"): "tatoeba_en_es/dev.tsv.gz"}
TEXTS = 500


class MixedText(NamedTuple):
    text: str
    spans: list[tuple[int, int, str]]
    """Start, end and language of each part."""


def main() -> None:
    predictor = textrnn.load(MODEL)
    known = predictor.task.config.labels
    rows = []
    for pair, path in PAIRS.items():
        if not set(pair) <= set(known):
            continue
        mixed = mixed_texts(path, pair)
        texts = [each.text for each in mixed]
        for labels in ((), pair):
            options = {"spans": True, "candidate_labels": labels}
            predictor.predict(texts[:50], **options)  # compiles
            began = time.perf_counter()
            answers = predictor.predict(texts, **options)
            speed = len(texts) / (time.perf_counter() - began)
            languages = len(labels or known)
            rows.append([" and ".join(pair), languages, *quality(answers, mixed), f"{speed:.0f}"])
    table(
        f"{MODEL}: spans of {TEXTS} texts",
        ["texts in", "languages to choose from", "characters right, %", "span F1", "texts in one "
         "language kept whole, %", "texts/s"],
        rows,
    )  # fmt: skip


def mixed_texts(path: str, languages: Sequence[str]) -> list[MixedText]:
    """Deterministic."""
    draw = random.Random(0)
    full = data_root() / path
    opened = gzip.open if full.suffix == ".gz" else open
    with opened(full, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t")[:2] for line in lines]
    return [_mixed_text(draw, rows, languages) for _ in range(TEXTS)]


def _mixed_text(
    draw: random.Random, rows: Sequence[Sequence[str]], languages: Sequence[str]
) -> MixedText:
    text, spans = "", []
    side = draw.randrange(2)
    for _ in range(draw.choice([1, 1, 2, 2, 3, 4])):
        part = draw.choice(rows)[side]
        if draw.random() < 0.3:
            words = part.split()
            first = draw.randrange(max(1, len(words) - 5))
            part = " ".join(words[first : first + draw.randint(2, 6)])
        text += " " if text else ""
        spans.append((len(text), len(text) + len(part), languages[side]))
        text += part
        side = 1 - side
    return MixedText(text, spans)


def quality(answers: Iterable[Answer], mixed: Iterable[MixedText]) -> tuple[str, str, str]:
    """The share of characters in a span of their language, the F1 of spans that are exactly right,
    and the share of texts in one language that are one span."""
    right = characters = exact = found = gold = whole = alone = 0
    for answer, (_, expected) in zip(answers, mixed, strict=True):
        spans = {(span["start"], span["end"], span["label"]) for span in answer["spans"]}
        for start, end, language in expected:
            characters += end - start
            right += sum(
                max(0, min(end, stop) - max(start, first))
                for first, stop, label in spans
                if label == language
            )
        exact += len(spans & set(expected))
        found += len(spans)
        gold += len(expected)
        if len(expected) == 1:
            alone += 1
            whole += len(spans) == 1
    f1 = 2 * exact / (found + gold)
    return f"{100 * right / characters:.1f}", f"{100 * f1:.1f}", f"{100 * whole / alone:.1f}"


if __name__ == "__main__":
    main()

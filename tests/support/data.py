"""Small generated data."""

import csv
import random
from pathlib import Path

NEUTRAL = ["the", "a", "film", "plot", "actor", "was", "is", "of", "and", "scene", "ending"]


GOOD = ["good", "great", "lovely", "fine"]


BAD = ["bad", "awful", "boring", "poor"]


PEOPLE = ["Ada Lovelace", "Bob", "Grace Hopper", "Alan"]


TOWNS = ["Rome", "New York", "Oslo", "San Jose"]


def towns(count: int, seed: int = 0) -> str:
    """Sentences in CoNLL columns about people in towns. A small model learns them perfectly."""
    draw = random.Random(seed)
    lines = []
    for _ in range(count):
        shape = draw.choice(["P lives in T", "is T big ?", "P met P in T .", "T and T are far"])
        for word in shape.split():
            names = {"P": PEOPLE, "T": TOWNS}.get(word)
            parts = draw.choice(names).split() if names else [word]
            for number, part in enumerate(parts):
                label = {"P": "PER", "T": "LOC"}.get(word)
                lines.append(f"{part}\t{'BI'[number > 0]}-{label}" if label else f"{part}\tO")
        lines.append("")
    return "\n".join(lines)


def sentences(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Pairs of text and label: one word determines the label, the rest is noise."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        label = draw.choice(["friendly", "hostile"])
        words = draw.choices(NEUTRAL, k=draw.randint(2, 10))
        words.insert(draw.randrange(len(words)), draw.choice(GOOD if label == "friendly" else BAD))
        rows.append((" ".join(words), label))
    return rows


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["id", "text", "label"])
        writer.writerows((index, text, label) for index, (text, label) in enumerate(rows))
    return path

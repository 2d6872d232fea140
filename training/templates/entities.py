"""Made texts with names of persons, places and organisations.

Corpora of annotated sentences are tidy, and know the names of their time. People type headlines,
lists, addresses, signatures and single names, in capitals or in lower case, and names that are also
words.
"""

import random
import re
from collections.abc import Iterator

from textrnn.rows import Row
from training.templates.templates import load_templates

_WEIGHTS = {
    "statements": 5, "questions": 1, "headlines": 2, "lines": 2, "tweets": 2, "marked": 1,
    "single": 1, "none": 4,
}  # fmt: skip
_LOUD, _QUIET = 0.05, 0.08
"""Shares of the texts that are in capitals, and without any."""
_MARK = re.compile(r"⟦(\w+)\||⟧")
"""Where an entity begins, with its type, and where it ends."""
_NAMELESS = ("words", "judgement", "negated", "recommend", "product", "service", "travel")
"""Topics of opinions in which no name occurs."""


def made_entities(count: int, seed: int) -> Iterator[Row]:
    """`count` rows with text and entities of the types LOC, ORG and PER: a function of the
    arguments."""
    chance = random.Random(seed)
    templates = {kind: load_templates("entities").of(kind) for kind in _WEIGHTS}
    opinions = load_templates("opinions")
    nameless = [opinions.of(label, _NAMELESS) for label in ("positive", "negative")]
    for _ in range(count):
        (kind,) = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        if kind == "none" and chance.random() < 0.7:
            text = chance.choice(nameless).write(chance)
        else:
            text = templates[kind].write(chance).replace("\\n", "\n")
        if kind in ("statements", "headlines", "none") and text[-1].isalnum():
            text += chance.choices(("", ".", "!"), (4, 6, 1))[0]
        draw = chance.random()
        yield _annotated(text, loud=draw < _LOUD, quiet=_LOUD <= draw < _LOUD + _QUIET)


def _annotated(marked: str, loud: bool, quiet: bool) -> Row:
    """The text without its marks, in capitals or without them, and the innermost entities."""
    text, entities, open_marks, at = "", [], [], 0
    for mark in _MARK.finditer(marked):
        piece = marked[at : mark.start()]
        text += piece.upper() if loud else piece.lower() if quiet else piece
        at = mark.end()
        if mark[1]:
            open_marks.append((len(text), mark[1]))
            continue
        start, label = open_marks.pop()
        if not entities or entities[-1]["start"] < start:
            entities.append({"start": start, "end": len(text), "label": label})
    piece = marked[at:]
    text += piece.upper() if loud else piece.lower() if quiet else piece
    return {"text": text, "entities": entities}

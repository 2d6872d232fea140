"""Sentences of annotated corpora as rows: tokens glued, types renamed, text made of tokens."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from textrnn.errors import UserError
from textrnn.tasks.tag.schemes import SCHEMES, Scheme, count_violations, parse, spans
from training.trees import detokenize


class SchemeCheck:
    """Counts the tags of a file that break its scheme: the one that is named, or else the one that
    they break least."""

    def __init__(self, scheme: Scheme | None):
        self._named = scheme is not None
        self._counts: dict[Scheme, int] = dict.fromkeys([scheme] if scheme else SCHEMES, 0)

    def add(self, tags: Sequence[str]) -> None:
        """Raises UserError for a tag of no scheme, where a scheme is named; else there is none."""
        try:
            for scheme in self._counts:
                self._counts[scheme] += count_violations(tags, scheme)
        except UserError:
            if self._named:
                raise
            self._counts = {}

    def report(self) -> str | None:
        if not any(self._counts.values()) or not all(self._counts.values()):
            return None
        scheme = min(self._counts, key=lambda name: self._counts[name])
        return f"{self._counts[scheme]} tags break {scheme} and were read as conlleval reads them"


def glue(
    tokens: Sequence[str], tags: Sequence[str], marks: Collection[str]
) -> tuple[list[str], list[str]]:
    """Each token of `marks` as one with the token after it, by the first one's tag.

    >>> glue(["@", "ada", "hi"], ["B-PER", "B-PER", "O"], ["@"])
    (['@ada', 'hi'], ['B-PER', 'O'])
    """
    glued: tuple[list[str], list[str]] = ([], [])
    waiting = False
    for token, tag in zip(tokens, tags, strict=True):
        if waiting:
            glued[0][-1] += token
        else:
            glued[0].append(token)
            glued[1].append(tag)
        waiting = not waiting and token in marks
    return glued


def rename(tags: Sequence[str], names: Mapping[str, str], dropped: Collection[str]) -> list[str]:
    """Entity tags with their types renamed; those of a dropped type become O."""
    renamed = []
    for tag in tags:
        prefix, label = parse(tag)
        if prefix == "O" or label in dropped:
            renamed.append("O")
        else:
            renamed.append(f"{prefix}-{names.get(label, label)}")
    return renamed


def as_text(tokens: Sequence[str], tags: Sequence[str], text: str | None) -> dict[str, Any]:
    """Tokens and tags as text with entities at their places in it.

    The text is the given one, or else the tokens put together as people write them. Raises
    UserError where the tokens are not, in their order, what the given text holds.
    """
    text = detokenize(" ".join(tokens)) if text is None else text
    places, here = [], 0
    for token in tokens:
        start = text.find(token, here)
        if start < 0 or text[here:start].strip():
            raise UserError(f"the text does not go on with {token!r} at character {here}")
        here = start + len(token)
        places.append((start, here))
    entities = [
        {"start": places[start][0], "end": places[end - 1][1], "label": label}
        for start, end, label in spans(tags)
    ]
    return {"text": text, "entities": entities}

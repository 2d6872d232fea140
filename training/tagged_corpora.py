"""Sentences of annotated corpora as rows: merge tokens, rename types, restore the raw text."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from textrnn.errors import UserError
from textrnn.tasks.tag.schemes import SCHEMES, Scheme, count_violations, parse, spans
from training.findings import BAD_TAGS, REPAIRED_TAGS, Findings, RowError
from training.trees import detokenize


class SchemeCheck:
    """Finds the sentences of a source that violate its scheme: the given one, or else the scheme
    with the fewest violations."""

    def __init__(self, scheme: Scheme | None):
        self._given = scheme is not None
        schemes: Sequence[Scheme] = [scheme] if scheme else SCHEMES
        self._violations: dict[Scheme, list[tuple[str, int]]] = {name: [] for name in schemes}

    def add(self, place: str, tags: Sequence[str]) -> None:
        """Count the violations of one sentence.

        Raises RowError for a tag of no scheme if a scheme is given; otherwise tags of no scheme
        turn the check off.
        """
        try:
            for scheme, found in self._violations.items():
                count = count_violations(tags, scheme)
                if count:
                    found.append((place, count))
        except UserError as error:
            if self._given:
                raise RowError(BAD_TAGS, str(error)) from None
            self._violations = {}

    def report(self, findings: Findings) -> None:
        """Add the violations of the scheme that fits best."""
        if not self._violations:
            return
        scheme = min(
            self._violations, key=lambda name: sum(count for _, count in self._violations[name])
        )
        for place, count in self._violations[scheme]:
            findings.add(REPAIRED_TAGS, place, f"{count} tags violate {scheme}")


def merge_marked_tokens(
    tokens: Sequence[str], tags: Sequence[str], marks: Collection[str]
) -> tuple[list[str], list[str]]:
    """Merge each token in `marks` with the token after it, under the tag of the first.

    >>> merge_marked_tokens(["@", "ada", "hi"], ["B-PER", "B-PER", "O"], ["@"])
    (['@ada', 'hi'], ['B-PER', 'O'])
    """
    merged: tuple[list[str], list[str]] = ([], [])
    pending = False
    for token, tag in zip(tokens, tags, strict=True):
        if pending:
            merged[0][-1] += token
        else:
            merged[0].append(token)
            merged[1].append(tag)
        pending = not pending and token in marks
    return merged


def rename_types(
    tags: Sequence[str], names: Mapping[str, str], dropped: Collection[str]
) -> list[str]:
    """Tags with their entity types renamed; a tag of a dropped type becomes O."""
    renamed = []
    for tag in tags:
        prefix, label = parse(tag)
        if prefix == "O" or label in dropped:
            renamed.append("O")
        else:
            renamed.append(f"{prefix}-{names.get(label, label)}")
    return renamed


def as_text_row(tokens: Sequence[str], tags: Sequence[str], text: str | None) -> dict[str, Any]:
    """Tokens and tags as raw text with entities at character offsets.

    Without a given `text` the tokens are detokenized. Raises UserError if the given text does not
    consist of the tokens, in order, and white space.
    """
    text = detokenize(" ".join(tokens)) if text is None else text
    offsets, position = [], 0
    for token in tokens:
        start = text.find(token, position)
        if start < 0 or text[position:start].strip():
            raise UserError(f"expected {token!r} in the text at character {position}")
        position = start + len(token)
        offsets.append((start, position))
    entities = [
        {"start": offsets[start][0], "end": offsets[end - 1][1], "label": label}
        for start, end, label in spans(tags)
    ]
    return {"text": text, "entities": entities}

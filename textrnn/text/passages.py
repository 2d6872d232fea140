"""Raw text to the sentences to translate, and all that stands between them."""

from collections.abc import Sequence
from itertools import pairwise

import regex

from textrnn.text.treebank import Span, sentences, split

_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
_COUNTED = tuple(f"{_MONTHS} Jahrhundert Geburtstag Klasse Stock Platz Mal".split())
_ABBREVIATED = regex.compile(r"\b(?:[zduoisv]|bzw|ca|evtl|ggf|inkl|Nr|Str|Hr|Fr|Abs)\.$")
_NUMBERED = regex.compile(r"\b\p{N}{1,2}\.$")
_BEHIND = 8
"""Characters at the end of a sentence that these look at."""


def passages(text: str) -> list[Span]:
    """Spans of the sentences of `text`, in order. None holds a line break, and none is without a
    letter: what has nothing to translate is left between them."""
    found: list[Span] = []
    start = 0
    for line in text.splitlines(keepends=True):
        found += [
            (start + first, start + last)
            for first, last in _sentences(line)
            if any(character.isalpha() for character in line[first:last])
        ]
        start += len(line)
    return found


def _sentences(line: str) -> list[Span]:
    words = list(split(line))
    if not words:
        return []
    spans = [(words[part][0][0], words[part][-1][1]) for part in sentences(line, words, len(words))]
    joined = spans[:1]
    for (_, end), (start, last) in pairwise(spans):
        if _goes_on(line[max(end - _BEHIND, 0) : end], line[start:last]):
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((start, last))
    return joined


def _goes_on(end: str, following: str) -> bool:
    """Whether a full stop ends no sentence, as in "z. B." and "3. Mai", which German has. (What
    English has is known to `sentences`.)"""
    if _NUMBERED.search(end):
        return following.startswith(_COUNTED)
    return bool(_ABBREVIATED.search(end))


def rejoin(text: str, spans: Sequence[Span], replaced: Sequence[str]) -> str:
    """`text` with what is at each span replaced, and the rest as it is."""
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    between = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    return "".join(a + b for a, b in zip(between, [*replaced, ""], strict=True))

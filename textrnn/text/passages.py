"""The sentences of a text to translate, and the text between them."""

from collections.abc import Sequence
from itertools import pairwise

import regex

from textrnn.text.segments import MARKUP_BREAK, Offsets, segments
from textrnn.text.treebank import split_segment, treebank_tokens

_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
_COUNTED = tuple(f"{_MONTHS} Jahrhundert Geburtstag Klasse Stock Platz Mal".split())
_ABBREVIATED = regex.compile(r"\b(?:[zduoisv]|bzw|ca|evtl|ggf|inkl|Nr|Str|Hr|Fr|Abs)\.$")
_NUMBERED = regex.compile(r"\b\p{N}{1,2}\.$")
_CONTEXT = 8
"""The number of characters before a sentence boundary that these patterns are applied to."""


def passages(text: str) -> list[Offsets]:
    """Offsets of the sentences of `text`, in order. No sentence contains a line break, except of
    wrapped lines; a part of text without a letter has nothing to translate and belongs to no
    sentence."""
    offsets: list[Offsets] = []
    for start, end in segments(text):
        segment = text[start:end]
        if MARKUP_BREAK.fullmatch(segment.strip()):
            continue
        offsets += [
            (start + first, start + last)
            for first, last in _sentences(segment)
            if any(character.isalpha() for character in segment[first:last])
        ]
    return offsets


def _sentences(segment: str) -> list[Offsets]:
    tokens = list(treebank_tokens(segment))
    if not tokens:
        return []
    parts = split_segment(segment, tokens, len(tokens))
    spans = [(tokens[part][0][0], tokens[part][-1][1]) for part in parts]
    joined = spans[:1]
    for (_, end), (start, last) in pairwise(spans):
        if _is_continued(segment[max(end - _CONTEXT, 0) : end], segment[start:last]):
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((start, last))
    return joined


def _is_continued(end: str, following: str) -> bool:
    """Whether a full stop is part of a German abbreviation or ordinal, as in "z. B." and "3. Mai",
    and ends no sentence. (English abbreviations are handled by `treebank_tokens`.)"""
    if _NUMBERED.search(end):
        return following.startswith(_COUNTED)
    return bool(_ABBREVIATED.search(end))


def rejoin(text: str, spans: Sequence[Offsets], replaced: Sequence[str]) -> str:
    """`text` with each span replaced; the rest is unchanged."""
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    between = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    return "".join(a + b for a, b in zip(between, [*replaced, ""], strict=True))

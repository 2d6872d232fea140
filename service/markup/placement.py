"""Put the inline markup of a segment into its translation, where the alignment says.

    source         Click <b>here</b> to <i>continue</i>.
    translation    Um <i>fortzufahren</i>, klicken Sie <b>hier</b>.

Each word of the translation has a weight for each word of the source. The weight of an element for
a word is the largest one of its own source words, less the largest one of all others. An element
goes around the words in a row that have the largest sum of these weights (Kadane's maximum
subarray), within its parent's words and beside its siblings'. Markup between two words goes between
the words with the largest weights for the two.
"""

import html
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from service.markup.segments import PLACEHOLDER, Inline, Segment
from textrnn.text.treebank import Offsets, treebank_tokens

_SAME = 0.5
"""Added to the weight between equal words, such as names and numbers."""
_CERTAIN = 100.0
"""The weight between two placeholders of the same."""
_FAINT = 0.2
"""A word is given to an element without a word of its own from this weight."""
_ORDER = 0.1
"""The importance of having all preceding words before, and all following ones after, compared to
having the two neighbors there."""
_TAKEN = -1000.0
"""The weight of a word that belongs to a sibling."""
_SYMBOL = re.compile(r"[^\w\s]")
_LARGEST = 1_000_000
"""Weights of the longest sentence whose words are told apart."""
_UNSPOKEN = 64
"""Words of a passage between sentences, which may be long."""


def translated(segment: Segment, translation: str, sentences: Sequence[dict[str, Any]]) -> str:
    """HTML of a segment with its translation.

    `sentences` are those of `TranslateOptions.sentence_alignments`, needed if there are inlines.
    """
    if segment.inlines:
        alignment = Alignment(segment, translation, sentences)
        body = "".join(_write(_placed(segment, alignment), alignment))
    else:
        body = escape(translation)
    return segment.before + body + segment.after


def escape(text: str) -> str:
    """Text as HTML (section 13.3 of the standard)."""
    return html.escape(text, quote=False).replace("\xa0", "&nbsp;")


@dataclass(frozen=True)
class _Passage:
    """A sentence, or the text between two, with its translation."""

    source: Int[np.ndarray, "source 2"]
    """The spans of its words."""
    first: int
    last: int
    """Its words in the translation, from `first` to before `last`."""
    weights: Float[np.ndarray, "target source"]

    def divided(
        self, start: int, end: int
    ) -> tuple[Float[np.ndarray, " target"], Float[np.ndarray, " target"]]:
        """For each word of the translation its largest weight for a source word between `start`
        and `end`, and its largest for one outside."""
        inside = (self.source[:, 0] < end) & (self.source[:, 1] > start)
        return (
            self.weights[:, inside].max(axis=1, initial=0.0),
            self.weights[:, ~inside].max(axis=1, initial=0.0),
        )

    def boundary(self, start: int, end: int) -> int:
        """Where markup between these places in the source goes: before the word of this index."""
        preceding = np.flatnonzero(self.source[:, 1] <= start)
        following = np.flatnonzero(self.source[:, 0] >= end)
        if not len(preceding):
            return self.first
        if not len(following):
            return self.last
        before, after = self.weights[:, preceding[-1]], self.weights[:, following[0]]
        neighbors = np.concatenate([[0], before]) + np.concatenate([after, [0]])
        order = self.weights[:, preceding].max(axis=1) - self.weights[:, following].max(axis=1)
        ordered = np.concatenate([[0], order.cumsum()]) / len(order)
        return self.first + int((neighbors + _ORDER * ordered).argmax())


class Alignment:
    """The words of a translation, and their weights for those of the source."""

    def __init__(self, segment: Segment, translation: str, sentences: Sequence[dict[str, Any]]):
        self.translation = translation
        self.words: list[Offsets] = []
        """Their spans in the translation."""
        self.placeholders: dict[str, int] = {}
        """The indices of the words that represent what is not translated."""
        self._source = segment.text
        self._known = segment.placeholders
        self._passages: list[_Passage] = []
        self._starts: list[int] = []
        """Where each passage starts in the source."""
        self._boundaries: dict[Offsets, int] = {}
        source = target = 0
        for sentence in sentences:
            (start, end), (first, last) = sentence["source"], sentence["target"]
            self._add_between((source, start), (target, first))
            self._add_sentence((start, end), (first, last), sentence)
            source, target = end, last
        self._add_between((source, len(segment.text)), (target, len(translation)))

    def _add_between(self, source: Offsets, target: Offsets) -> None:
        """Add text between sentences, which is the same in both languages."""
        source_words = self._words(self._source, source)
        target_words = self._words(self.translation, target)
        for at in range(0, max(len(source_words), 1), _UNSPOKEN):
            part = slice(at, at + _UNSPOKEN)
            weights = np.eye(len(target_words[part]), len(source_words[part]))
            start = source_words[at][0] if at else source[0]
            self._add(start, source_words[part], target_words[part], weights)

    def _add_sentence(self, source: Offsets, target: Offsets, sentence: dict[str, Any]) -> None:
        source_words = self._words(self._source, source)
        target_words = self._words(self.translation, target)
        if len(source_words) * len(target_words) > _LARGEST:  # a long list of numbers is one token
            source_words = self._words(self._source, source, whole=True)
            target_words = self._words(self.translation, target, whole=True)
        weights = _word_weights(source_words, target_words, sentence)
        columns: defaultdict[str, list[int]] = defaultdict(list)
        for index, word in enumerate(source_words):
            columns[self._source[slice(*word)]].append(index)
        for index, word in enumerate(target_words):
            string = self.translation[slice(*word)]
            if string in self._known:
                weights[index, columns[string]] += _CERTAIN
                self.placeholders.setdefault(string, len(self.words) + index)
            elif string in columns:
                weights[index, columns[string]] += _SAME
        self._add(source[0], source_words, target_words, weights)

    def _add(
        self,
        start: int,
        source_words: Sequence[Offsets],
        target_words: Sequence[Offsets],
        weights: Float[np.ndarray, "target source"],
    ) -> None:
        first = len(self.words)
        self.words += target_words
        spans = np.array(source_words, np.int64).reshape(-1, 2)
        self._starts.append(start)
        self._passages.append(_Passage(spans, first, len(self.words), weights))

    def _words(self, text: str, span: Offsets, whole: bool = False) -> list[Offsets]:
        """The words of a part of a text, among them each placeholder by itself. With `whole`, all
        text between two placeholders is one word."""
        words: list[Offsets] = []
        at, stop = span
        ends = [
            match.span()
            for match in (PLACEHOLDER.finditer(text, at, stop) if self._known else ())
            if match[0] in self._known
        ]
        for start, end in [*ends, (stop, stop)]:
            between = text[at:start]
            if whole and not between.isspace():
                words += [(at, start)] * (start > at)
            else:
                words += [(at + a, at + b) for a, b in treebank_tokens(between)]
            words += [(start, end)] * (end > start)
            at = end
        return words

    def html(self, start: int, end: int) -> str:
        """A part of the translation, without placeholders for what has another place."""
        text = self.translation[start:end]
        if self._known:
            text = PLACEHOLDER.sub(lambda word: "" if word[0] in self._known else word[0], text)
        return escape(text)

    def interval(
        self, inline: Inline, first: int, last: int, taken: Bool[np.ndarray, " words"]
    ) -> tuple[float, int, int] | None:
        """The words of an element: their sum of weights and their range, which is within `first`
        and `last` and has no word that is taken. None if no word is aligned with it."""
        low = bisect_right(self._starts, inline.start) - 1
        high = bisect_left(self._starts, inline.end)
        passages = self._passages[low:high]
        begin, end = max(first, passages[0].first), min(last, passages[-1].last)
        if begin >= end:
            return None
        inner, outer = (
            np.concatenate(parts)[begin - passages[0].first : end - passages[0].first]
            for parts in zip(*(p.divided(inline.start, inline.end) for p in passages), strict=True)
        )
        unavailable = taken[begin - first : end - first]
        weights = np.where(unavailable, _TAKEN, inner - outer)
        if not _SYMBOL.search(self._source, inline.start, inline.end):
            weights = np.where(self._symbols(begin, end), np.minimum(weights, 0), weights)
        sums = np.concatenate([[0.0], weights.cumsum()])
        gains = sums - np.minimum.accumulate(sums)
        stop = int(gains.argmax())
        if gains[stop] > 0:
            start = stop - int(sums[: stop + 1][::-1].argmin())
            return float(gains[stop]), begin + start, begin + stop
        inner[unavailable] = 0
        best = int(inner.argmax())
        return (0.0, begin + best, begin + best + 1) if inner[best] >= _FAINT else None

    def _symbols(self, first: int, last: int) -> list[bool]:
        """Which words are punctuation."""
        strings = (self.translation[start:end] for start, end in self.words[first:last])
        return [not any(character.isalnum() for character in string) for string in strings]

    def boundary(self, start: int, end: int) -> int:
        """Where markup without words goes that is between these places in the source: before the
        word of this index."""
        if (start, end) not in self._boundaries:
            index = bisect_right(self._starts, start) - 1
            self._boundaries[start, end] = self._passages[index].boundary(start, end)
        return self._boundaries[start, end]


def _word_weights(
    source_words: Sequence[Offsets], target_words: Sequence[Offsets], sentence: dict[str, Any]
) -> Float[np.ndarray, "target source"]:
    """The weights between tokens as weights between words: the sum over the tokens of a source
    word, the mean over those of a target word."""
    weights = np.array(sentence["weights"], float).reshape(
        len(sentence["target_tokens"]), len(sentence["source_tokens"])
    )
    rows = _overlaps(target_words, sentence["target_tokens"])
    columns = _overlaps(source_words, sentence["source_tokens"])
    rows /= np.maximum(rows.sum(axis=1, keepdims=True), 1)
    return rows @ weights @ columns.T


def _overlaps(
    words: Sequence[Offsets], tokens: Sequence[Offsets]
) -> Float[np.ndarray, "words tokens"]:
    (word_starts, word_ends), (starts, ends) = (
        np.array(spans, np.int64).reshape(-1, 2).T for spans in (words, tokens)
    )
    return ((starts < word_ends[:, None]) & (ends > word_starts[:, None])).astype(float)


@dataclass(eq=False)
class _Placed:
    """Markup at its place in the translation: around the words from `first` to before `last`."""

    inline: Inline
    first: int
    last: int
    children: list["_Placed"] = field(default_factory=list)


def _placed(segment: Segment, alignment: Alignment) -> _Placed:
    """The place of all markup of a segment, as the children of one root."""
    whole = Inline("", start=0, end=len(segment.text), children=segment.inlines)
    root = _Placed(whole, 0, len(alignment.words))
    unfinished = [root]
    while unfinished:
        parent = unfinished.pop()
        if parent.inline.children:
            parent.children = _children(parent, alignment)
            unfinished += parent.children
    return root


def _children(parent: _Placed, alignment: Alignment) -> list[_Placed]:
    """The children of an element in the order of the translation. Their ranges are within that of
    the parent and do not overlap."""
    first, last, inlines = parent.first, parent.last, parent.inline.children
    if first == last:
        return [_Placed(inline, first, last) for inline in inlines]
    ranges = _ranges(parent, alignment)
    occupied = sorted(ranges.values())
    earliest = first
    for index, inline in enumerate(inlines):
        if index not in ranges:
            at = _boundary(inline, parent, alignment)
            if inline.is_unpaired:  # their order is that of the source
                at = earliest = max(earliest, at)
            at = _outside(at, occupied)
            ranges[index] = (at, at)
    order = sorted(range(len(inlines)), key=lambda index: (*ranges[index], index))
    return [_Placed(inlines[index], *ranges[index]) for index in order]


def _boundary(inline: Inline, parent: _Placed, alignment: Alignment) -> int:
    """Where markup without words goes, among the words of its parent."""
    if inline.end <= parent.inline.start:
        return parent.first
    if inline.start >= parent.inline.end:
        return parent.last
    at = alignment.boundary(inline.start, inline.end)
    return min(max(at, parent.first), parent.last)


def _ranges(parent: _Placed, alignment: Alignment) -> dict[int, Offsets]:
    """The words of those children of an element, by index, that have any. Where two children
    compete for a word, the one with more weight takes it."""
    first, last = parent.first, parent.last
    taken = np.zeros(last - first, bool)
    ranges: dict[int, Offsets] = {}
    found: list[tuple[float, int, int, int]] = []
    for index, inline in enumerate(parent.inline.children):
        if inline.word:
            at = alignment.placeholders.get(inline.word, -1)
            if first <= at < last:
                ranges[index] = (at, at + 1)
                taken[at - first] = True
        elif inline.start == inline.end:
            continue
        elif (inline.start, inline.end) == (parent.inline.start, parent.inline.end):
            found.append((_CERTAIN, first, last, index))
        elif interval := alignment.interval(inline, first, last, taken):
            found.append((*interval, index))
    for _, start, end, index in sorted(found, key=lambda entry: -entry[0]):
        if taken[start - first : end - first].any():
            inline = parent.inline.children[index]
            interval = alignment.interval(inline, first, last, taken)
            if interval is None:
                continue
            _, start, end = interval
        taken[start - first : end - first] = True
        ranges[index] = (start, end)
    return ranges


def _outside(at: int, ranges: Sequence[Offsets]) -> int:
    """`at`, or the nearest end of the range that it is within."""
    index = bisect_left(ranges, (at, 0)) - 1
    if index >= 0 and at < ranges[index][1]:
        start, end = ranges[index]
        return start if at - start < end - at else end
    return at


@dataclass(frozen=True)
class _Closing:
    """What is left to write after the children of an element."""

    markup: str
    at: int
    """The place in the translation."""


def _write(root: _Placed, alignment: Alignment) -> Iterator[str]:
    """The parts of the translation with its markup."""
    words, at = alignment.words, 0
    stack: list[_Closing | tuple[_Placed, _Placed]] = [
        (child, root) for child in reversed(root.children)
    ]
    while stack:
        entry = stack.pop()
        if isinstance(entry, _Closing):
            yield alignment.html(at, entry.at) + entry.markup
            at = max(at, entry.at)
            continue
        placed, parent = entry
        inline = placed.inline
        if placed.first < placed.last:
            start, end = words[placed.first][0], words[placed.last - 1][1]
            before = after = ""
        else:
            start, before, after = _between(placed, parent, alignment)
            start = end = max(start, at)
        yield alignment.html(at, start) + before + inline.opening
        at = start
        if inline.word and end > start:
            at = end  # the word that represents it
            continue
        stack.append(_Closing(inline.closing + after, end))
        stack += [(child, placed) for child in reversed(placed.children)]
    yield alignment.html(at, len(alignment.translation))


def _between(placed: _Placed, parent: _Placed, alignment: Alignment) -> tuple[int, str, str]:
    """The place in the translation of markup between words, and white space before and after."""
    words, inline, at = alignment.words, placed.inline, placed.first
    space_before = inline.space_before or bool(inline.word)
    space_after = inline.space_after or bool(inline.word)
    if at == parent.last:  # also if the parent is between words
        return words[at - 1][1] if at else 0, " " * space_before, ""
    if at == parent.first:
        return words[at][0], "", " " * space_after
    end, start = words[at - 1][1], words[at][0]
    if not space_before:
        return end, "", ""
    return start, "", " " * (space_after and start > end)

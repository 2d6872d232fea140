"""The words of many texts in flat arrays, each in the case that it has within sentences."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

from textrnn.text.treebank import Offsets, treebank_tokens

_ENDS = frozenset(".!?…:;–—-\"“”„«»‚‘'([¿¡")
"""First characters of the marks after which a sentence may begin."""
_CLEAR = 0.9
"""The fraction of occurrences within sentences from which on the case of a word is clear."""
_JOINERS = frozenset("-‐‑'’/&")
"""Marks that join the words on both sides if no space separates them."""


@dataclass(frozen=True)
class WordTable:
    """The words of many texts, one after another; punctuation marks are words too.

    Of the texts "Dogs bark." and "I like dogs" the forms are `dogs bark . I like dogs` and the rows
    are 0 0 0 1 1 1.
    """

    texts: Sequence[str]
    forms: Sequence[str]
    """The word of each id."""
    ids: Int[np.ndarray, " words"]
    rows: Int[np.ndarray, " words"]
    """The text that each word is in."""
    offsets: Int[np.ndarray, "words 2"]
    """Where each word is in its text."""
    joined: Bool[np.ndarray, " words"]
    """Whether it is a part of one written word with the word before, as in do|n't and e|-|mail."""
    is_mark: Bool[np.ndarray, " words"]
    """Whether it is a punctuation mark."""
    is_cased: Bool[np.ndarray, " words"]
    """Whether its case within sentences is known: "Sie" at the beginning may be "sie" or "Sie"."""

    @cached_property
    def opens(self) -> Bool[np.ndarray, " words"]:
        """Whether it is the first word of its row or after a mark."""
        return np.append(True, self._new_row | self.is_mark[:-1])[: len(self.ids)]

    @cached_property
    def closes(self) -> Bool[np.ndarray, " words"]:
        """Whether it is the last word of its row or before a mark."""
        return np.append(self._new_row | self.is_mark[1:], True)[: len(self.ids)]

    @property
    def _new_row(self) -> Bool[np.ndarray, " boundaries"]:
        return self.rows[1:] != self.rows[:-1]

    def span(self, start: int, end: int) -> str:
        """The text of words `start` to `end` of one row, as if it stood within a sentence."""
        text = self.texts[int(self.rows[start])]
        rest = text[self.offsets[start, 1] : self.offsets[end - 1, 1]]
        return self.forms[int(self.ids[start])] + rest


def split_into_words(texts: Sequence[str], vocabulary: dict[str, int]) -> WordTable:
    """Split texts of one language. Adds their words to `vocabulary`, whose values are the ids.

    A word that begins a sentence is written as it most often is elsewhere (truecasing, Lita et al.
    2003), so that "Dogs" there and "dogs" elsewhere are one word, but "Tom" is another one.
    """
    spans = [list(treebank_tokens(text)) for text in texts]
    rows = [[text[a:b] for a, b in row] for text, row in zip(texts, spans, strict=True)]
    within, ambiguous = _case_within_sentences(rows)
    ids, is_cased, joined = [], [], []
    for words, offsets in zip(rows, spans, strict=True):
        joined += _joined(words, offsets)
        for word, begins in zip(words, _begins(words), strict=False):
            form = within.get(word.lower(), word) if begins else word
            ids.append(vocabulary.setdefault(form.replace("’", "'"), len(vocabulary)))
            is_cased.append(not begins or word.lower() not in ambiguous)
    forms = list(vocabulary)
    return WordTable(
        texts=texts,
        forms=forms,
        ids=np.array(ids, np.int32),
        rows=np.repeat(np.arange(len(texts), dtype=np.int32), [len(row) for row in rows]),
        offsets=np.array([offset for row in spans for offset in row], np.int32).reshape(-1, 2),
        joined=np.array(joined, bool),
        is_mark=np.array([not is_word(form) for form in forms], bool)[ids],
        is_cased=np.array(is_cased, bool),
    )


def is_word(form: str) -> bool:
    """Whether it is a word rather than a punctuation mark."""
    return any(map(str.isalnum, form))


def is_joiner(form: str) -> bool:
    """Whether it is a mark that joins words, such as a hyphen."""
    return form in _JOINERS


def _begins(row: Sequence[str]) -> Iterator[bool]:
    """Whether a sentence may begin with each word of a text."""
    yield True
    for word in row:
        yield word[0] in _ENDS and not is_word(word)


def _case_within_sentences(rows: Sequence[Sequence[str]]) -> tuple[dict[str, str], set[str]]:
    """By the word in lower case: its most frequent form where no sentence begins; and the words of
    which other forms are frequent too."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(word for word, begins in zip(row, _begins(row), strict=False) if not begins)
    totals: Counter[str] = Counter()
    for word, count in counts.items():
        totals[word.lower()] += count
    within = {word.lower(): word for word, _ in reversed(counts.most_common())}
    return within, {word for word, form in within.items() if counts[form] < _CLEAR * totals[word]}


def _joined(row: Sequence[str], spans: Sequence[Offsets]) -> Iterator[bool]:
    if row:
        yield False
    for (before, (_, end)), (word, (start, _)) in pairwise(zip(row, spans, strict=True)):
        joins = is_joiner(before) or is_joiner(word) or (is_word(before) and is_word(word))
        yield start == end and joins

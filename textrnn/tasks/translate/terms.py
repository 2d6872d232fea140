"""Terms with a given translation: where they are in a text, and how a sentence is read with them.

    glossary {"dog": "Rüde"}, do not translate "Acme"

    source      ▁The ▁dog ▁of ▁ <unk> ▁barks .
    copied      Acme
    phrases     ▁R üde

A translation is a phrase that the search has to write. What the subwords cannot write exactly, and
a term that would be copied anyway, is copied: its UNK stands for the given translation.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import regex
from jaxtyping import Bool, Int

from textrnn.tasks.translate.options import TranslateOptions
from textrnn.text import UNK, CopyingTokenizer
from textrnn.text.passages import rejoin
from textrnn.text.tokenizer import Tokens
from textrnn.text.treebank import Offsets

PHRASES = 16
"""Phrases that a sentence may owe. Further terms are copied."""
PHRASE_TOKENS = 16
"""Tokens of the longest phrase. Longer ones are copied."""
_WORD = r"[\p{L}\p{M}\p{N}_]"


class Term(NamedTuple):
    """An occurrence of a term in a text."""

    start: int
    end: int
    translation: str
    is_copied: bool
    """Whether it stays as it is."""


class SentenceWithTerms(NamedTuple):
    """A sentence to translate."""

    tokens: Tokens
    words: list[str]
    """What each UNK stands for."""
    phrases: list[Int[np.ndarray, " tokens"]]
    """What the translation has to contain."""
    phrase_of: Int[np.ndarray, " tokens"]
    """The phrase that translates each token of the source, or PHRASES."""


def find_terms(text: str, options: TranslateOptions) -> list[Term]:
    """The terms of the options in a text, in order and without overlap; of several at one place,
    the longest.

    >>> options = TranslateOptions(glossary={"cat": "Kater", "black cat": "Rappe"})
    >>> [(t.start, t.end, t.translation) for t in find_terms("A Cat, a black cat, cats.", options)]
    [(2, 5, 'Kater'), (9, 18, 'Rappe')]
    """
    translations = {**options.glossary, **dict.fromkeys(options.do_not_translate)}
    if not translations:
        return []
    terms = sorted(translations, key=len, reverse=True)
    found = []
    for match in _pattern(tuple(terms)).finditer(text):
        given = translations[terms[(match.lastindex or 1) - 1]]
        translation = match[0] if given is None else given
        found.append(Term(match.start(), match.end(), translation, given is None))
    return found


@lru_cache(maxsize=64)
def _pattern(terms: tuple[str, ...]) -> regex.Pattern[str]:
    """One group for each term, in this order."""
    return regex.compile("|".join(f"({_term_pattern(term)})" for term in terms))


def _term_pattern(term: str) -> str:
    words = r"\s+".join(regex.escape(word) for word in term.split()).replace("'", "['’]")
    any_case = not regex.search(rf"{_WORD}\p{{Lu}}", term)
    starts = rf"(?<!{_WORD})" if regex.match(_WORD, term) else ""
    ends = rf"(?!{_WORD})" if regex.match(_WORD, term[-1]) else ""
    return starts + (f"(?i:{words})" if any_case else words) + ends


def including(spans: Sequence[Offsets], terms: Iterable[Term]) -> list[Offsets]:
    """The spans of the sentences of a text, those joined that a term extends over. A term that is
    in no sentence is one of its own."""
    joined: list[Offsets] = []
    for start, end in sorted([*spans, *((term.start, term.end) for term in terms)]):
        if joined and start < joined[-1][1]:
            start, end = joined[-1][0], max(joined.pop()[1], end)
        joined.append((start, end))
    return joined


def read_sentence(
    text: str, terms: Sequence[Term], tokenizer: CopyingTokenizer, max_tokens: int, room: int
) -> SentenceWithTerms:
    """The first `max_tokens` tokens of a sentence, in which `terms` are. Its phrases have at most
    `room` tokens together."""
    tokens, words = tokenizer.encode_source(text, max_tokens)
    if not terms:
        return SentenceWithTerms(tokens, words, [], np.full(len(tokens.ids), PHRASES))
    end = int(tokens.spans[-1, 1])  # of what fits
    copied, translated, phrases = [], [], []
    for term in (term for term in terms if term.start < end):
        ids = None if term.is_copied else tokenizer.encode_phrase(term.translation)
        if (
            ids is not None
            and len(ids) <= min(PHRASE_TOKENS, room)
            and len(phrases) < PHRASES
            and not _contains_unk(tokens, term)
        ):
            phrases.append(ids)
            translated.append(term)
            room -= len(ids)
        else:
            copied.append(term)
    if copied:
        also = [(term.start, term.end) for term in copied]
        tokens, words = tokenizer.encode_source(text, max_tokens, also)
        spans = tokens.spans[tokens.ids == UNK].tolist()
        words = [
            type(word)(_translated(text, span, copied))
            for word, span in zip(words, spans, strict=True)
        ]
    phrase_of = np.full(len(tokens.ids), PHRASES)
    for number, term in enumerate(translated):
        phrase_of[_overlaps(tokens.spans, term)] = number
    return SentenceWithTerms(tokens, words, phrases, phrase_of)


def _contains_unk(tokens: Tokens, term: Term) -> bool:
    return bool(_overlaps(tokens.spans[tokens.ids == UNK], term).any())


def _overlaps(spans: Int[np.ndarray, "tokens 2"], term: Term) -> Bool[np.ndarray, " tokens"]:
    starts, ends = spans.T
    return (starts < term.end) & (ends > term.start)


def _translated(text: str, span: Offsets, terms: Iterable[Term]) -> str:
    """A part of a text with the translations of the terms in it."""
    start, end = span
    inside = [term for term in terms if start <= term.start and term.end <= end]
    spans = [(term.start - start, term.end - start) for term in inside]
    return rejoin(text[start:end], spans, [term.translation for term in inside])

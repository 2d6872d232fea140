"""Subwords for translation, with placeholders for what is copied: literals and unknown names.

    text      Ada Szulc paid 42.50.
    subwords  ▁ <unk> ▁paid ▁ <unk> .
    copied    Ada Szulc, 42.50

A model trained on such pairs writes UNK for a copied word, and its attention selects which source
word it is (Luong et al. 2015, Addressing the rare word problem).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import regex
from jaxtyping import Bool, Int

from textrnn.errors import UserError
from textrnn.rows import Row
from textrnn.text.formality import Formality
from textrnn.text.literals import literals
from textrnn.text.subwords import SubwordTokenizer
from textrnn.text.tokenizer import EOS, UNK, Tokenizer, TokenizerConfig, Tokens
from textrnn.text.treebank import Offsets, treebank_tokens
from textrnn.text.truecasing import Truecaser
from textrnn.text.whole_words import (
    Copyable,
    WordEncoder,
    join_subwords,
    separated,
    with_words,
)

_TYPEWRITER = str.maketrans("’‘“”„‟", '\'\'""""')
"""For bundles that read the composed form of texts, which has typographic quotes."""
_SEPARATOR = regex.compile(r"\s+ | (?<= \p{N} ) [.,:] (?= \p{N} )", regex.VERBOSE)
_SYMBOLS: dict[Formality, str] = {"formal": "<formal>", "informal": "<informal>"}
"""Symbols that are no words: in a text they are markup, which is copied."""
_TITLES = frozenset(
    {"Mr.", "Mrs.", "Ms.", "Miss", "Dr.", "Prof.", "Herr", "Herrn", "Frau", "señor", "señora"}
)
_TRUECASERS = ("lower_case_source.txt", "lower_case_target.txt")
_FREQUENT = 20
"""Occurrences from which a word is known, even if its translation is always the word itself."""


class CopyingTokenizer(Tokenizer):
    """Subwords of both languages, and the source words that are translated, not copied.

    `truecasers` are those of source and target; earlier bundles have none.
    """

    kind = "copying"

    def __init__(
        self,
        subwords: SubwordTokenizer,
        known: Collection[str],
        truecasers: tuple[Truecaser, Truecaser] | None = None,
    ):
        self.subwords = subwords
        self.known = frozenset(known)
        self.source, self.target = (
            WordEncoder(subwords, truecaser) for truecaser in truecasers or (None, None)
        )

    @classmethod
    def fit(cls, pairs: Sequence[tuple[str, str]], size: int, formality: bool = False) -> Self:
        """Fit to (source, target) pairs. A source word is known if it is frequent, or if the
        target of any of its sentences does not contain it. With `formality`, the vocabulary has
        symbols for forms of address."""
        seen: Counter[str] = Counter()
        copied: Counter[str] = Counter()
        for source, target in pairs:
            in_target = set(_words(target))
            for word in (source[slice(*part.span)] for part in _parts(source) if not part.literal):
                seen[word.lower()] += 1
                copied[word.lower()] += word in in_target
        known = {w for w, n in seen.items() if n >= _FREQUENT or copied[w] < n}
        sources, targets = zip(*pairs, strict=True) if pairs else ((), ())
        truecasers = (Truecaser.fit(sources), Truecaser.fit(targets))
        texts = (
            separated(truecaser.apply(text))[0]
            for pair in pairs
            for text, truecaser in zip(pair, truecasers, strict=True)
        )
        symbols = [*_SYMBOLS.values()] if formality else []
        subwords = SubwordTokenizer.fit(texts, size, coverage=0.99999, symbols=symbols)
        return cls(subwords, known, truecasers)

    @classmethod
    def fit_rows(cls, rows: Sequence[Row], config: TokenizerConfig) -> Self:
        pairs = [(row["source"], row["target"]) for row in rows]
        return cls.fit(pairs, config.size, any("formality" in row for row in rows))

    def __len__(self) -> int:
        return len(self.subwords)

    def end_of_source(self, formality: Formality | None) -> int:
        """The id at the end of a source that is to be translated with this form of address; UNK if
        the vocabulary has none."""
        return EOS if formality is None else self.subwords.id(_SYMBOLS[formality])

    def encode(self, text: str, max_tokens: int | None = None) -> Tokens:
        return self.encode_source(text, max_tokens).tokens

    def encode_source(
        self, text: str, max_tokens: int | None = None, also: Iterable[Offsets] = ()
    ) -> Copyable:
        """Encode a text to translate. Literals are copied; which words are, follows from the known
        words; `also` are further parts to copy, each as a whole."""
        plain = text.translate(_TYPEWRITER)
        tokens = self.source.encode(plain, max_tokens)
        unknown = tokens.spans[tokens.ids == UNK, 0].tolist()

        def is_copied(start: int, end: int) -> bool:
            return bisect_left(unknown, start) < bisect_left(unknown, end) or self._is_copied(
                plain[start:end]
            )

        words = [*_copied_parts(plain, is_copied), *(_Part(span, False) for span in also)]
        copied = _merge_adjacent(plain, sorted(words))
        if not copied:
            return with_words(text, tokens)
        return self.source.encode_copyable(text, plain, copied, max_tokens)

    def encode_phrase(self, text: str) -> Int[np.ndarray, " tokens"] | None:
        """The ids that decode to exactly this text within a translation, or None if it has
        characters that the subwords do not have."""
        ids = self.subwords.encode(text).ids
        exact = len(ids) and UNK not in ids and self.decode(ids) == text
        return ids if exact and self.subwords.piece(int(ids[0])).startswith("▁") else None

    def encode_scored(
        self,
        source: str,
        target: str,
        max_tokens: int | None = None,
        rewrite: Callable[[str], str] = str,
    ) -> tuple[Copyable, Copyable]:
        """Encode a text and a given translation. The words to copy that the translation contains
        are UNK in both, once in the translation for each time in the source. `rewrite` gives a
        copied literal as the target writes it."""
        plain, given = source.translate(_TYPEWRITER), target.translate(_TYPEWRITER)
        tokens, words = self.encode_source(source, max_tokens)
        spans: list[Offsets] = [(a, b) for a, b in tokens.spans[tokens.ids == UNK].tolist()]
        shared: list[Offsets] = []
        used: list[Offsets] = []
        for first, last in spans:
            parts = ((first + a, first + b) for a, b in treebank_tokens(plain[first:last]))
            for start, end in ((first, last), *parts):
                if shared and start <= shared[-1][1]:
                    continue  # found as a part of the whole, or next to another part
                found = _find_apart(given, rewrite(plain[start:end]), used)
                if found is not None:
                    shared.append((start, end))
                    used.append(found)
        if shared != spans:
            tokens, words = self.source.encode_copyable(source, plain, shared, max_tokens)
        output = self.target.encode_copyable(target, given, sorted(used), max_tokens)
        return Copyable(tokens, words), output

    def continues_word(self) -> Bool[np.ndarray, " ids"]:
        """For each id, whether it continues the word before it: a letter or digit without ▁."""
        pieces = [self.subwords.piece(id) for id in range(len(self))]
        return np.array([id > EOS and piece[:1].isalnum() for id, piece in enumerate(pieces)])

    def folded_ids(self) -> Int[np.ndarray, " ids"]:
        """For each id, the first one whose subword is equal but for case."""
        first: dict[str, int] = {}
        pieces = (self.subwords.piece(id).lower() for id in range(len(self)))
        return np.array([first.setdefault(piece, id) for id, piece in enumerate(pieces)], np.int32)

    def encode_pair(
        self, source: str, target: str, rewrite: Callable[[str], str] = str
    ) -> tuple[Tokens, Tokens]:
        """Encode a text and its translation, with UNK in both for what is copied into the
        translation, where `rewrite` gives a copied literal as the target writes it."""
        source = source.translate(_TYPEWRITER)
        targets = {_key(word): word for word in _words(target)}
        # Most pairs share known words and punctuation at most, and nothing that is copied.
        if not any(
            (part.literal or (word.lower() not in self.known and word.isalnum()))
            and _key(rewrite(word)) in targets
            for part in _parts(source)
            if (word := source[slice(*part.span)])
        ):
            return self.source.encode(source), self.target.encode(target)
        copied = [word for copied in self.encode_source(source).words for word in _words(copied)]
        shared = {word: key for word in copied if (key := _key(rewrite(word))) in targets}
        written = {targets[key] for key in shared.values()}
        return (
            self.source.encode_copyable(source, source, _spans_of(source, shared)).tokens,
            self.target.encode_copyable(target, target, _spans_of(target, written)).tokens,
        )

    def decode_subwords(self, ids: Int[np.ndarray, " tokens"], words: Iterable[str]) -> list[str]:
        """Subwords, with ▁ for a space, and the copied `words` in place of each UNK. There is no
        space after a Prefix, nor after marks that open a word."""
        return join_subwords(ids, words, self.subwords, self.target.truecaser is not None)

    def decode(self, ids: Int[np.ndarray, " tokens"], words: Iterable[str] = ()) -> str:
        return "".join(self.decode_subwords(ids, words)).replace("▁", " ").strip()

    def _is_copied(self, word: str) -> bool:
        if any(character.isdigit() for character in word):
            return word.lower() not in self.known
        if word.lower() in self.known:
            return False
        if not word.isalpha():
            return len(word) > 1
        # An unknown word of long subwords is a compound, which can be translated.
        return not word.islower() and len(word) < 3 * len(self.subwords.encode(word).ids)

    def save(self, directory: Path) -> None:
        self.subwords.save(directory)
        (directory / "known.txt").write_text("\n".join(sorted(self.known)) + "\n", "utf-8")
        for name, side in zip(_TRUECASERS, (self.source, self.target), strict=True):
            if side.truecaser is not None:
                text = "\n".join(sorted(side.truecaser.lower_case)) + "\n"
                (directory / name).write_text(text, "utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        known = _read_words(directory / "known.txt")
        truecasers = None
        if any((directory / name).exists() for name in _TRUECASERS):
            source, target = (Truecaser(_read_words(directory / name)) for name in _TRUECASERS)
            truecasers = (source, target)
        return cls(SubwordTokenizer.load(directory), known, truecasers)


def _read_words(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is not a list of words: {error}") from None


class _Part(NamedTuple):
    span: Offsets
    literal: bool


def _parts(text: str) -> Iterator[_Part]:
    """The literals of a text, and the words between them."""
    done = 0
    for start, end in literals(text):
        yield from (
            _Part((done + a, done + b), False) for a, b in treebank_tokens(text[done:start])
        )
        yield _Part((start, end), True)
        done = end
    yield from (_Part((done + a, done + b), False) for a, b in treebank_tokens(text[done:]))


def _copied_parts(text: str, is_copied: Callable[[int, int], bool]) -> Iterator[_Part]:
    """The literals and the words to copy. After a title or a copied name, a word with a capital is
    a name too, even if it is also a word that could be translated: Mr. Brown, Jens Bauer."""
    end, after_name = 0, False
    for part in _parts(text):
        start, word = part.span[0], text[slice(*part.span)]
        follows = after_name and text[end:start] == " " and word[0].isupper() and word.isalpha()
        copied = part.literal or follows or is_copied(*part.span)
        if copied:
            yield part
        is_name = copied and not part.literal and word[0].isupper()
        end, after_name = part.span[1], is_name or word in _TITLES


def _spans_of(text: str, words: Collection[str]) -> list[Offsets]:
    return [part.span for part in _parts(text) if text[slice(*part.span)] in words]


def _words(text: str) -> list[str]:
    return [text[slice(*part.span)] for part in _parts(text)]


def _key(word: str) -> str:
    """What is equal for spellings of a literal that differ in white space or separators alone, such
    as 2:30 and 2.30."""
    return _SEPARATOR.sub("", word)


def _merge_adjacent(text: str, parts: Sequence[_Part]) -> list[Offsets]:
    """The spans of parts, joined where nothing separates them, since two placeholders would be one
    token; and where only a space or a hyphen separates words: a name of several words is copied as
    one, since models tend to drop one of two consecutive placeholders."""
    merged: list[_Part] = []
    for part in parts:
        (start, end), literal = part
        if merged:
            (first, last), before = merged[-1]
            words = not literal and not before
            if start <= last or (words and text[last:start] in (" ", "-")):
                merged.pop()
                start, end, literal = first, max(last, end), literal or before
        merged.append(_Part((start, end), literal))
    return [part.span for part in merged]


def _find_apart(text: str, word: str, used: Sequence[Offsets]) -> Offsets | None:
    """The first place of a word in a text, not within a longer word, that is not in use and not
    next to one that is."""
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        apart = not (text[:start][-1:].isalnum() and word[0].isalnum()) and not (
            text[end:][:1].isalnum() and word[-1].isalnum()
        )
        if apart and all(end < first or last < start for first, last in used):
            return start, end
        start = text.find(word, start + 1)
    return None

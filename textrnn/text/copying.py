"""Subwords for translation, with placeholders for words to copy: numbers and unknown names.

    text      Ada Szulc paid 42.50.
    subwords  ▁ <unk> ▁paid ▁ <unk> .
    copied    Ada Szulc, 42.50

A model trained on such pairs writes UNK for a copied word, and its attention selects which source
word it is (Luong et al. 2015, Addressing the rare word problem).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Bool, Int

from textrnn.errors import UserError
from textrnn.rows import Row
from textrnn.text.subwords import SubwordTokenizer
from textrnn.text.tokenizer import EOS, UNK, Tokenizer, TokenizerConfig, Tokens
from textrnn.text.treebank import Offsets, treebank_tokens

_PLACEHOLDER = "\ue000"
"""Replaces a copied word. A private-use character, which no vocabulary contains."""
_TYPEWRITER = str.maketrans("’‘“”„‟", '\'\'""""')
_OPENING, _CLOSING = "([{", ")]}"
_FREQUENT = 20
"""Occurrences from which a word is known, even if its translation is always the word itself."""


class Copyable(NamedTuple):
    """A text with UNK in place of the words to copy."""

    tokens: Tokens
    words: list[str]
    """The word of each UNK."""


class CopyingTokenizer(Tokenizer):
    """Subwords of both languages, and the source words that are translated, not copied."""

    kind = "copying"

    def __init__(self, subwords: SubwordTokenizer, known: Collection[str]):
        self.subwords = subwords
        self.known = frozenset(known)

    @classmethod
    def fit(cls, pairs: Sequence[tuple[str, str]], size: int) -> Self:
        """Fit to (source, target) pairs. A source word is known if it is frequent, or if the
        target of any of its sentences does not contain it."""
        seen: Counter[str] = Counter()
        copied: Counter[str] = Counter()
        for source, target in pairs:
            in_target = set(_words(target))
            for word in _words(source):
                seen[word.lower()] += 1
                copied[word.lower()] += word in in_target
        known = {w for w, n in seen.items() if n >= _FREQUENT or copied[w] < n}
        texts = (text for pair in pairs for text in pair)
        return cls(SubwordTokenizer.fit(texts, size, coverage=0.99995), known)

    @classmethod
    def fit_rows(cls, rows: Sequence[Row], config: TokenizerConfig) -> Self:
        return cls.fit([(row["source"], row["target"]) for row in rows], config.size)

    def __len__(self) -> int:
        return len(self.subwords)

    def encode(self, text: str, max_tokens: int | None = None) -> Tokens:
        return self.encode_source(text, max_tokens).tokens

    def encode_source(
        self, text: str, max_tokens: int | None = None, also: Iterable[Offsets] = ()
    ) -> Copyable:
        """Encode a text to translate. Which words are copied follows from the known words; `also`
        are further parts to copy, each as a whole."""
        plain = text.translate(_TYPEWRITER)
        tokens = self.subwords.encode(plain, max_tokens)
        unknown = tokens.spans[tokens.ids == UNK, 0].tolist()

        def is_copied(start: int, end: int) -> bool:
            return bisect_left(unknown, start) < bisect_left(unknown, end) or self._is_copied(
                plain[start:end]
            )

        words = [word for word in treebank_tokens(plain) if is_copied(*word)]
        copied = _merge_adjacent(plain, sorted([*words, *also]))
        if not copied:
            return _with_words(text, tokens)
        return self._with_placeholders(text, plain, copied, max_tokens)

    def encode_phrase(self, text: str) -> Int[np.ndarray, " tokens"] | None:
        """The ids that decode to exactly this text within a translation, or None if it has
        characters that the subwords do not have."""
        ids = self.subwords.encode(text).ids
        exact = len(ids) and UNK not in ids and self.decode(ids) == text
        return ids if exact and self.subwords.piece(int(ids[0])).startswith("▁") else None

    def encode_scored(
        self, source: str, target: str, max_tokens: int | None = None
    ) -> tuple[Copyable, Copyable]:
        """Encode a text and a given translation. The words to copy that the translation contains
        are UNK in both, once in the translation for each time in the source."""
        plain, given = source.translate(_TYPEWRITER), target.translate(_TYPEWRITER)
        tokens, words = self.encode_source(source, max_tokens)
        spans: list[Offsets] = [(a, b) for a, b in tokens.spans[tokens.ids == UNK].tolist()]
        shared: list[Offsets] = []
        used: list[Offsets] = []
        for first, last in spans:
            parts = ((first + a, first + b) for a, b in treebank_tokens(plain[first:last]))
            for start, end in ((first, last), *parts):
                if shared and start < shared[-1][1]:
                    continue  # found as a part of the whole
                found = _find_apart(given, plain[start:end], used)
                if found is not None:
                    shared.append((start, end))
                    used.append(found)
        if shared != spans:
            tokens, words = self._with_placeholders(source, plain, shared, max_tokens)
        output = self._with_placeholders(target, given, sorted(used), max_tokens)
        return Copyable(tokens, words), output

    def continues_word(self) -> Bool[np.ndarray, " ids"]:
        """For each id, whether it continues the word before it: a letter or digit without ▁."""
        pieces = [self.subwords.piece(id) for id in range(len(self))]
        return np.array([id > EOS and piece[:1].isalnum() for id, piece in enumerate(pieces)])

    def encode_pair(self, source: str, target: str) -> tuple[Tokens, Tokens]:
        """Encode a text and its translation, with UNK in both for the words to copy that the
        translation contains."""
        source = source.translate(_TYPEWRITER)
        words = [word for copied in self.encode_source(source).words for word in _words(copied)]
        shared = set(words).intersection(_words(target))
        return self._without_words(source, shared), self._without_words(target, shared)

    def _without_words(self, text: str, words: Collection[str]) -> Tokens:
        shared = [word for word in treebank_tokens(text) if text[slice(*word)] in words]
        return self._with_placeholders(text, text, shared, None).tokens

    def decode_subwords(self, ids: Int[np.ndarray, " tokens"], words: Iterable[str]) -> list[str]:
        """Subwords, with ▁ for a space, and the copied `words` in place of each UNK. There is no
        space after a copied bracket that opens, nor before one that closes."""
        copied = iter(words)
        pieces: list[str] = []
        opens = False
        for id in ids.tolist():
            word = next(copied, "") if id == UNK else ""
            piece = word or self.subwords.piece(id)
            if opens:
                piece = piece.removeprefix("▁")
            if word.startswith(tuple(_CLOSING)) and pieces:
                pieces[-1] = pieces[-1].removesuffix("▁")
            opens = word.endswith(tuple(_OPENING)) or (opens and not piece)
            pieces.append(piece)
        return pieces

    def decode(self, ids: Int[np.ndarray, " tokens"], words: Iterable[str] = ()) -> str:
        return "".join(self.decode_subwords(ids, words)).replace("▁", " ").strip()

    def _is_copied(self, word: str) -> bool:
        if any(character.isdigit() for character in word):
            return True
        if word.lower() in self.known:
            return False
        if not word.isalpha():
            return len(word) > 1
        # An unknown word of long subwords is a compound, which can be translated.
        return not word.islower() and len(word) < 3 * len(self.subwords.encode(word).ids)

    def _with_placeholders(
        self, text: str, plain: str, words: Iterable[Offsets], max_tokens: int | None
    ) -> Copyable:
        """The tokens of `plain` with UNK in place of `words`, and spans in `text`. Spaces are put
        inside of brackets that are copied, or the words there would not be whole words."""
        parts: list[str] = []
        origins: list[int] = []  # the position in `text` of each character of `parts`
        done = 0
        for start, end in words:
            parts.append(plain[done:start])
            origins += range(done, start)
            if plain[start] in _CLOSING and plain[:start][-1:].isalnum():
                parts.append(" ")
                origins.append(start)
            parts.append(_PLACEHOLDER)
            origins.append(start)
            if plain[end - 1] in _OPENING and plain[end:][:1].isalnum():
                parts.append(" ")
                origins.append(end)
            done = end
        parts.append(plain[done:])
        origins += range(done, len(plain) + 1)
        tokens = self.subwords.encode("".join(parts), max_tokens)
        return _with_words(text, Tokens(tokens.ids, np.array(origins, np.int32)[tokens.spans]))

    def save(self, directory: Path) -> None:
        self.subwords.save(directory)
        (directory / "known.txt").write_text("\n".join(sorted(self.known)) + "\n", "utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        path = directory / "known.txt"
        try:
            known = path.read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: is not a list of words: {error}") from None
        return cls(SubwordTokenizer.load(directory), known)


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in treebank_tokens(text)]


def _merge_adjacent(text: str, words: Sequence[Offsets]) -> list[Offsets]:
    """Words joined where only a space or a hyphen separates them, or where they overlap: a name of
    several words is copied as one, since models tend to drop one of two consecutive
    placeholders."""
    merged: list[Offsets] = []
    for start, end in words:
        if merged and text[merged[-1][1] : start] in (" ", "-", ""):
            start, before = merged.pop()
            end = max(before, end)
        merged.append((start, end))
    return merged


def _find_apart(text: str, word: str, used: Sequence[Offsets]) -> Offsets | None:
    """The first place of a word in a text, not within a longer word, that is not in use."""
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        apart = not (text[:start][-1:].isalnum() and word[0].isalnum()) and not (
            text[end:][:1].isalnum() and word[-1].isalnum()
        )
        if apart and all(end <= first or last <= start for first, last in used):
            return start, end
        start = text.find(word, start + 1)
    return None


def _with_words(text: str, tokens: Tokens) -> Copyable:
    words = [text[start:end] for start, end in tokens.spans[tokens.ids == UNK].tolist()]
    return Copyable(tokens, words)

"""Subwords for translation, with words that are copied: numbers, and names nobody has seen.

    text    Ada Szulc paid 42.50.
    pieces  ▁ <unk> ▁paid ▁ <unk> .
    copied  Ada Szulc, 42.50

A model that is trained on such pairs writes an UNK where a copied word belongs, and its attention
says which one (Luong et al. 2015, Addressing the rare word problem).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Int

from textrnn.errors import UserError
from textrnn.text.subwords import SubwordTokenizer
from textrnn.text.tokenizer import UNK, Tokenizer, Tokens
from textrnn.text.treebank import Span, split

_PLACE = "\ue000"
"""Stands in for a copied word. Of private use, so that no vocabulary knows it."""
_TYPEWRITER = str.maketrans("’‘“”„‟", '\'\'""""')
_SEEN_OFTEN = 20


class Copyable(NamedTuple):
    """A text with its words to copy left out."""

    tokens: Tokens
    words: list[str]
    """One for each UNK."""


class CopyingTokenizer(Tokenizer):
    """Subwords of both languages, and the words of the source that have a translation."""

    kind = "copying"

    def __init__(self, subwords: SubwordTokenizer, known: Collection[str]):
        self.subwords = subwords
        self.known = frozenset(known)

    @classmethod
    def fit(cls, pairs: Sequence[tuple[str, str]], size: int) -> Self:
        """From sources and targets. A word is known if it was often seen, or ever came without
        itself in the target."""
        seen: Counter[str] = Counter()
        copied: Counter[str] = Counter()
        for source, target in pairs:
            there = set(_words(target))
            for word in _words(source):
                seen[word.lower()] += 1
                copied[word.lower()] += word in there
        known = {w for w, n in seen.items() if n >= _SEEN_OFTEN or copied[w] < n}
        texts = (text for pair in pairs for text in pair)
        return cls(SubwordTokenizer.fit(texts, size, coverage=0.99995), known)

    def __len__(self) -> int:
        return len(self.subwords)

    def encode(self, text: str, at_most: int | None = None) -> Tokens:
        return self.source(text, at_most).tokens

    def source(self, text: str, at_most: int | None = None) -> Copyable:
        """A text to translate: what is to be copied is found by what is known."""
        plain = text.translate(_TYPEWRITER)
        found = self.subwords.encode(plain, at_most)
        holes = found.spans[found.ids == UNK, 0].tolist()

        def is_copied(start: int, end: int) -> bool:
            return bisect_left(holes, start) < bisect_left(holes, end) or self._is_copied(
                plain[start:end]
            )

        places = _joined(plain, [place for place in split(plain) if is_copied(*place)])
        return self._without(text, plain, places, at_most) if places else _with_words(text, found)

    def pair(self, source: str, target: str) -> tuple[Tokens, Tokens]:
        """A text with its translation, both without the words that are to be copied and that the
        translation has."""
        source = source.translate(_TYPEWRITER)
        words = [word for copied in self.source(source).words for word in _words(copied)]
        shared = set(words).intersection(_words(target))
        return self._apart(source, shared), self._apart(target, shared)

    def _apart(self, text: str, words: Collection[str]) -> Tokens:
        places = [place for place in split(text) if text[slice(*place)] in words]
        return self._without(text, text, places, None).tokens

    def pieces(self, ids: Int[np.ndarray, " tokens"], words: Iterable[str]) -> list[str]:
        """Tokens as they are read, with ▁ for a space, and the copied words in their places."""
        copied = iter(words)
        return [next(copied, "") if id == UNK else self.subwords.piece(id) for id in ids.tolist()]

    def decode(self, ids: Int[np.ndarray, " tokens"], words: Iterable[str] = ()) -> str:
        return "".join(self.pieces(ids, words)).replace("▁", " ").strip()

    def _is_copied(self, word: str) -> bool:
        if any(character.isdigit() for character in word):
            return True
        if word.lower() in self.known:
            return False
        if not word.isalpha():
            return len(word) > 1
        # An unknown word of long pieces is a compound, which can be translated.
        return not word.islower() and len(word) < 3 * len(self.subwords.encode(word).ids)

    def _without(
        self, text: str, plain: str, places: Iterable[Span], at_most: int | None
    ) -> Copyable:
        """The tokens of `plain` without what is at `places`, with spans in `text`."""
        parts: list[str] = []
        origins: list[int] = []  # where in the text each character of the parts comes from
        done = 0
        for start, end in places:
            parts += [plain[done:start], _PLACE]
            origins += range(done, start + 1)
            done = end
        parts.append(plain[done:])
        origins += range(done, len(plain) + 1)
        found = self.subwords.encode("".join(parts), at_most)
        return _with_words(text, Tokens(found.ids, np.array(origins, np.int32)[found.spans]))

    def save(self, directory: Path) -> None:
        self.subwords.save(directory)
        (directory / "known.txt").write_text("\n".join(sorted(self.known)) + "\n", "utf-8")

    @classmethod
    def load(cls, directory: Path) -> Self:
        path = directory / "known.txt"
        try:
            known = path.read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: not a list of words: {error}") from None
        return cls(SubwordTokenizer.load(directory), known)


def _words(text: str) -> list[str]:
    return [text[start:end] for start, end in split(text)]


def _joined(text: str, places: Sequence[Span]) -> list[Span]:
    """Places with what stands between them where that is a space or a hyphen: a name of several
    words is copied as one, since a model that is asked for two in a row tends to forget one."""
    joined: list[Span] = []
    for start, end in places:
        if joined and text[joined[-1][1] : start] in (" ", "-", ""):
            start = joined.pop()[0]
        joined.append((start, end))
    return joined


def _with_words(text: str, found: Tokens) -> Copyable:
    words = [text[start:end] for start, end in found.spans[found.ids == UNK].tolist()]
    return Copyable(found, words)

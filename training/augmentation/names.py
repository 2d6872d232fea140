"""Other names in place of names.

A model that has read of Tom and Mary in every second sentence translates Rose and Mark as the words
that they are, too.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

from textrnn.text.treebank import treebank_tokens
from training.augmentation.phrases import SLOT

_SHARED = 0.8
"""Of the occurrences of a name in sources, the fraction whose target contains it."""
_KNOWN = 0.5
"""The fraction of the new names that are names in the training text."""
_PLACEHOLDER = 0.1
"""The fraction of names that become the placeholder of a template, as in "Dear {name}"."""
_SURNAME = 0.2
_TITLE = 0.15


class NameReplacement:
    """The names of parallel text, and words that may be names."""

    def __init__(self, pairs: Sequence[tuple[str, str]], titles: Sequence[tuple[str, str]] = ()):
        seen: Counter[str] = Counter()
        shared: Counter[str] = Counter()
        words: Counter[str] = Counter()
        for source, target in pairs:
            in_target = set(_words(target))
            for word in _words(source):
                words[word.lower()] += 1
                if word.istitle():
                    seen[word] += 1
                    shared[word] += word in in_target
            words.update(word.lower() for word in in_target)
        self.known = sorted(
            word
            for word, count in seen.items()
            if shared[word] >= 3 and shared[word] >= _SHARED * count and len(word) > 2
        )
        self._names = frozenset(self.known)
        self._words = sorted(
            word.capitalize()
            for word, count in words.items()
            if count >= 5 and 3 <= len(word) <= 9 and word.isalpha()
        )
        self._titles = titles

    def __bool__(self) -> bool:
        return bool(self.known)

    def replaced(self, source: str, target: str, random: Random) -> tuple[str, str]:
        """The pair with another name, a title before the name or a placeholder, wherever a name
        occurs equally often in both."""
        found = Counter(word for word in _words(source) if word in self._names)
        targets = list(_words(target))
        for name, count in found.items():
            inflected = sum(word.startswith(name) for word in targets)
            if inflected != count or targets.count(name) != count:
                continue
            first, second = self._new_name(name, random)
            source = _replaced(source, name, first)
            target = _replaced(target, name, second)
        return source, target

    def _new_name(self, name: str, random: Random) -> tuple[str, str]:
        if random.random() < _PLACEHOLDER:
            return SLOT, SLOT
        if random.random() < _KNOWN:
            name = random.choice(self.known)
        elif self._words:
            name = random.choice(self._words)
        if self._words and random.random() < _SURNAME:
            name = f"{random.choice(self.known)} {random.choice(self._words)}"
        if self._titles and random.random() < _TITLE:
            first, second = random.choice(self._titles)
            return f"{first} {name}", f"{second} {name}"
        return name, name


def _words(text: str) -> Iterator[str]:
    return (text[start:end] for start, end in treebank_tokens(text) if text[start].isalpha())


def _replaced(text: str, word: str, other: str) -> str:
    parts, done = [], 0
    for start, end in treebank_tokens(text):
        if text[start:end] == word:
            parts += [text[done:start], other]
            done = end
    return "".join([*parts, text[done:]])

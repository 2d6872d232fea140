"""Templates of labelled texts, from the files of this package, and texts from them."""

import random
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

_FIELD = re.compile(r"\{([^{}]*)\}")
_VOWEL = re.compile(r"\b([aA])(?= [aeiouAEIOU](?!seful|seless|nusable))")


class Templates(NamedTuple):
    """Templates of texts that have something in common."""

    words: Mapping[str, Sequence[str]]
    """What each field may be."""
    texts: Sequence[str]

    def write(self, chance: random.Random) -> str:
        """A text; whether it begins with a capital letter says nothing."""
        # What has fields stands for many texts.
        weights = [3 if "{" in text else 1 for text in self.texts]
        (text,) = chance.choices(self.texts, weights)
        while "{" in text:  # the innermost fields first
            text = _FIELD.sub(lambda match: self._fill(match[1], chance), text)
        text = _VOWEL.sub(r"\1n", " ".join(text.split()))
        return text[0].upper() + text[1:] if chance.random() < 0.6 else text

    def _fill(self, field: str, chance: random.Random) -> str:
        return chance.choice(field.split("|") if "|" in field else self.words[field])


class TemplateFile(NamedTuple):
    words: Mapping[str, Sequence[str]]
    texts: Mapping[str, Mapping[str, Sequence[str]]]
    """Templates by label and topic."""

    def of(self, label: str, topics: Collection[str] = ()) -> Templates:
        """The templates of a label, of all topics or of some."""
        chosen = [
            texts for topic, texts in self.texts[label].items() if topic in (topics or (topic,))
        ]
        return Templates(self.words, [text for texts in chosen for text in texts])


@cache
def load_templates(name: str) -> TemplateFile:
    file = resources.files("training.templates").joinpath(f"{name}.toml")
    tables = {
        label: {topic: _split(text) for topic, text in topics.items()}
        for label, topics in tomllib.loads(file.read_text("utf-8")).items()
    }
    return TemplateFile(tables.pop("words"), tables)


def _split(text: str) -> list[str]:
    return [part for line in text.strip().splitlines() for part in line.split(" | ")]

"""Templates of labelled texts, from the files of this package, and texts from them."""

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

_FIELD = re.compile(r"\{([^{}]*)\}")
_VOWEL = re.compile(r"\b([aA])(?= [aeiouAEIOU](?!seful|seless|nusable))")


class Templates(NamedTuple):
    words: Mapping[str, Sequence[str]]
    """What each field may be."""
    texts: Mapping[str, Mapping[str, Sequence[str]]]
    """Templates by label and topic."""

    def write(self, label: str, chance: random.Random) -> str:
        """A text of this label; that a template begins in lower case says nothing."""
        texts = [text for topic in self.texts[label].values() for text in topic]
        # What has fields stands for many texts.
        (text,) = chance.choices(texts, [3 if "{" in text else 1 for text in texts])
        while "{" in text:  # the innermost fields first
            text = _FIELD.sub(lambda match: self._fill(match[1], chance), text)
        text = _VOWEL.sub(r"\1n", " ".join(text.split()))
        return text[0].upper() + text[1:] if chance.random() < 0.6 else text

    def _fill(self, field: str, chance: random.Random) -> str:
        if field in ("thing", "other") and field not in self.words:
            return f"{chance.choice(('the', 'this', 'the', 'my'))} {self._fill('noun', chance)}"
        return chance.choice(field.split("|") if "|" in field else self.words[field])


@cache
def load_templates(name: str) -> Templates:
    file = resources.files("training.templates").joinpath(f"{name}.toml")
    tables = {
        label: {topic: _split(text) for topic, text in topics.items()}
        for label, topics in tomllib.loads(file.read_text("utf-8")).items()
    }
    return Templates(tables.pop("words"), tables)


def _split(text: str) -> list[str]:
    return [part for line in text.strip().splitlines() for part in line.split(" | ")]

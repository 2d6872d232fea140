"""Random excerpts of labelled texts, so that a model reads single words as well as it reads
sentences.

    "Wir sehen uns morgen!"     one word    "morgen"
                                two words   "sehen uns"
                                the text    "Wir sehen uns morgen!"

Each label gets as many excerpts as the recipe says, whatever the size of its corpus: the number is
the model's prior for the label. Drawing depends on the seed and the texts alone.
"""

import random
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence

import regex
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from textrnn.config import Config
from textrnn.errors import UserError
from textrnn.rows import Row
from training.no_language import ornament

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_WORD = regex.compile(rf"[{_UNSPACED}]{{1,4}}|[^\s{_UNSPACED}]+")
"""A word; where a script has no spaces, up to four characters."""
_EDGES = regex.compile(r"^[^\p{L}\p{M}\p{N}]+|[^\p{L}\p{M}\p{N}]+$")
_LETTER = regex.compile(r"\p{L}")
_PUNCTUATION = regex.compile(r"(?<!\p{L})\p{P}+|\p{P}+(?!\p{L})")
_WITHOUT_ACCENTS = str.maketrans(
    {"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "ı": "i", "æ": "ae", "œ": "oe"}
)
_ACCENTED = regex.compile(r"([\p{Latin}\p{Greek}])\p{M}+")


class Excerpts(Config):
    """How many excerpts of each label are drawn, and of which lengths."""

    rows: NonNegativeInt = 5000
    """Excerpts of each label that `rows_of` does not name."""
    rows_of: dict[str, NonNegativeInt] = {}
    """Excerpts by label."""
    per_text: PositiveInt = 4
    """Excerpts per text of a label at most, so that few texts are not repeated too often."""
    fewest: PositiveInt = 1
    """Texts that a label needs; labels with fewer are left out."""
    words: dict[NonNegativeInt, PositiveFloat] = Field(
        default={1: 0.45, 2: 0.25, 5: 0.15, 0: 0.15}, min_length=1
    )
    """Relative frequency of excerpts of at most so many words; 0 stands for the whole text."""
    longest: PositiveInt = 200
    """Characters of the longest excerpt."""
    variants: float = Field(default=0.0, ge=0, le=1)
    """Share of excerpts that are written as in messages and on signs: without punctuation or
    accents, in capitals, or with an address, a number or an emoji."""
    seed: NonNegativeInt = 0
    """Seed of the drawing."""


def draw(rows: Sequence[Row], config: Excerpts) -> Iterator[tuple[int, Row]]:
    """Excerpts of rows with `text` and `label`, each with the index of its row, by label.

    Raises UserError for a row without a label.
    """
    by_label: defaultdict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if "label" not in row:
            raise UserError(
                "excerpts are drawn for each label, but a row has none; remove excerpts"
            )
        by_label[row["label"]].append(index)
    lengths, shares = list(config.words), list(config.words.values())
    for label, indices in sorted(by_label.items()):
        if len(indices) < config.fewest:
            continue
        chance = random.Random(f"{config.seed} {label}")
        wanted = config.rows_of.get(label, config.rows)
        left: list[int] = []
        for length in chance.choices(
            lengths, shares, k=min(wanted, config.per_text * len(indices))
        ):
            left = left or chance.sample(indices, len(indices))
            index = left.pop()
            text = excerpt(rows[index]["text"], length, config.longest, chance)
            if chance.random() < config.variants:
                text = variant(text, chance)
            yield index, {**rows[index], "text": text}


def excerpt(text: str, words: int, longest: int, chance: random.Random) -> str:
    """At most `words` consecutive words at a random place, or the text for 0; not longer than
    `longest` characters.

    Longer words are preferred as single words: the short ones are few, and stand in every excerpt.
    A text without letters is returned as it is.
    """
    spans = [match.span() for match in _WORD.finditer(text) if _LETTER.search(match[0])]
    if not spans:
        return text[:longest]
    if words == 0:
        start, end = 0, len(text)
        if end > longest:
            start = chance.choice([s for s, _ in spans if s <= end - longest] or [0])
    else:
        count = words if words < 3 else chance.randint(3, words)
        at = chance.randrange(max(len(spans) - count, 0) + 1)
        if count == 1:
            other = chance.randrange(len(spans))
            at = max(at, other, key=lambda i: spans[i][1] - spans[i][0])
        start, end = spans[at][0], spans[min(at + count, len(spans)) - 1][1]
    part = text[start : min(end, start + longest)]
    return _EDGES.sub("", part) if words in (1, 2) else part.strip()


def variant(text: str, chance: random.Random) -> str:
    """The text as it may be written elsewhere."""
    match chance.randrange(6):
        case 0:
            return _PUNCTUATION.sub("", text).strip() or text
        case 1:
            return without_accents(text)
        case 2:
            return text.upper()
        case 3:
            return text.translate(str.maketrans("'’", "’'"))
        case 4:
            return f"{ornament(chance)} {text}"
        case _:
            return f"{text} {ornament(chance)}"


def without_accents(text: str) -> str:
    """The text in the letters that any keyboard has.

    >>> without_accents("Straße, ça va, một")
    'Strasse, ca va, mot'
    """
    plain = _ACCENTED.sub(r"\1", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", plain.translate(_WITHOUT_ACCENTS))

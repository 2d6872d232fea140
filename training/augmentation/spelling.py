"""Changes of the input alone: case, punctuation and typing errors."""

from collections.abc import Mapping
from random import Random

import regex

from textrnn.tasks.translate.writing import ABBREVIATION

_WORD = regex.compile(r"\p{L}[\p{L}\p{M}'’]*")
_TYPED = regex.compile(r"\p{Ll}{4,}")
_FINAL = regex.compile(r"\s?[.!?…]+\s*\Z")
_FIRST = regex.compile(r"\A[¿¡]+")
_DROPPED = regex.compile(r"[,'’¿¡]")


def title_case(text: str) -> str:
    """Each word with a capital.

    >>> title_case("Don't look now.")
    "Don't Look Now."
    """
    return _WORD.sub(lambda match: match[0][0].upper() + match[0][1:], text)


def without_final_mark(text: str) -> str:
    """Unchanged if the mark belongs to an abbreviation, or if nothing would be left. In Spanish,
    the mark that opens the sentence goes too."""
    if ABBREVIATION.search(text):
        return text
    shorter = _FINAL.sub("", text)
    if shorter != text:
        shorter = _FIRST.sub("", shorter)
    return shorter or text


def without_punctuation(text: str) -> str:
    """Without commas, apostrophes and the opening marks of Spanish, as people type in a hurry."""
    return _DROPPED.sub("", text)


def with_typing_error(text: str, random: Random) -> str:
    """One word of at least four letters with two letters swapped, one left out or one doubled."""
    words = list(_TYPED.finditer(text))
    if not words:
        return text
    start, end = random.choice(words).span()
    at = random.randrange(start, end - 1)
    typed = random.choice((text[at + 1] + text[at], text[at + 1], text[at] * 2 + text[at + 1]))
    return text[:at] + typed + text[at + 2 :]


def respelled(text: str, respellings: Mapping[str, str]) -> str:
    """The text with all occurrences of the keys replaced by their values."""
    for letters, replacement in respellings.items():
        text = text.replace(letters, replacement)
    return text

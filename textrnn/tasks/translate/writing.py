"""The writing of a sentence that its translation keeps: capitals and final marks.

as sent             STOP IT!!!                  Please wait
as translated       stop it!  -> hör auf!       Please wait -> bitte warten.
as answered         HÖR AUF!!!                  Bitte warten
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import regex

from textrnn.text.truecasing import OPENING

_MARKS = regex.compile(
    r"(?P<marks> [.!?…‽]+ ) (?P<closing> [\"'”’»)\]}*_]* ) \s* \Z", regex.VERBOSE
)
ABBREVIATION = regex.compile(
    r"""
    \b (?: (?: \p{L}\. \s? ){2,}
       | (?: etc | usw | bzw | Dr | Mr | Mrs | St | Jr | Sr | Nr | Inc | Ltd | Co ) \. ) \Z
    """,
    regex.VERBOSE,
)
"""The end of a text whose last full stop belongs to an abbreviation."""
_WORDS = regex.compile(r"\p{L}[\p{L}\p{M}'’]*")


class Writing(NamedTuple):
    """How a sentence is written."""

    capitals: bool
    """Whether all of its letters are capitals."""
    initial: bool
    """Whether it begins with a capital, and has several words: a single word may be a noun, which
    German writes so."""
    marks: str | None
    """Its final marks; empty if it has none. None if they are part of an abbreviation or within
    quotes or brackets, and the model's own are kept."""
    after_copied: bool = False
    """Whether the capital follows what is copied, as in <b>Stop</b>."""


def plain_writing(text: str) -> tuple[str, Writing]:
    """A sentence as the model reads it, with its writing.

    Text in capitals becomes lower case, and one final mark is left of several. Each character but
    those of the final marks keeps its place.
    """
    capitals = in_capitals(text)
    initial = begins_with_capital(text)
    if capitals:
        text = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    if ABBREVIATION.search(text):
        return text, Writing(capitals, initial, None)
    match = _MARKS.search(text)
    if match is None:
        return text, Writing(capitals, initial, "")
    if match["closing"]:
        return text, Writing(capitals, initial, None)
    marks = match["marks"]
    plain = text[: match.start()] + _single(marks) + text[match.end("marks") :]
    return plain, Writing(capitals, initial, marks)


def in_capitals(text: str) -> bool:
    """Whether a text is written in capitals: all of its letters are, and it has several words or
    one of four letters, so that "USA", "OK" and "I" are not."""
    letters = [c for c in text if c.isalpha() and c.lower() != c.upper()]
    if not letters or not all(c.isupper() for c in letters):
        return False
    words = _WORDS.findall(text)
    return len(letters) >= (4 if len(words) == 1 else 3)


def begins_with_capital(text: str) -> bool:
    """Whether a text of several words begins with a capital."""
    words = _WORDS.findall(text)
    return len(words) > 1 and words[0][0].isupper() and text.lstrip(OPENING + " ")[0].isupper()


def restore(tokens: Sequence[str], fixed: Collection[int], writing: Writing) -> list[str]:
    """The tokens of a translation, written as its source. Those at the places `fixed` stay as they
    are."""
    tokens = list(tokens)
    if writing.capitals:
        tokens = [t if place in fixed else t.upper() for place, t in enumerate(tokens)]
    if writing.initial:
        _capitalise(tokens, fixed, writing.after_copied)
    return tokens if writing.marks is None else _with_marks(tokens, fixed, writing.marks)


def _capitalise(tokens: list[str], fixed: Collection[int], after_fixed: bool) -> None:
    """Write the first letter as a capital, unless it stays as it is; or with `after_fixed` the
    first one after what stays."""
    for place, token in enumerate(tokens):
        if place in fixed:
            if after_fixed:
                continue
            return
        for at, character in enumerate(token):
            if character.isalpha():
                tokens[place] = token[:at] + character.upper() + token[at + 1 :]
                return


def _with_marks(tokens: list[str], fixed: Collection[int], marks: str) -> list[str]:
    """The tokens with `marks` at their end instead of their own."""
    if ABBREVIATION.search("".join(tokens[-8:]).replace("▁", " ")) and marks in ("", "."):
        return tokens
    while tokens and len(tokens) - 1 not in fixed and tokens[-1].endswith(tuple(".!?…‽")):
        tokens[-1] = tokens[-1].rstrip(".!?…‽")
        if tokens[-1].strip("▁"):
            break
        tokens.pop()
    if marks:
        tokens.append(marks)
    else:
        _without_open_mark(tokens, fixed)
    return tokens


def _without_open_mark(tokens: list[str], fixed: Collection[int]) -> None:
    """Remove a Spanish mark that opens a question or an exclamation which no mark closes any
    more."""
    for place in reversed(range(len(tokens))):
        if tokens[place].endswith(tuple("?!")):
            return
        if place not in fixed and tokens[place].strip("▁") in ("¿", "¡"):
            tokens[place] = tokens[place].rstrip("¿¡")
            return


def _single(marks: str) -> str:
    """The mark that stands for several: "?!" asks, "..." stays."""
    if marks in (".", "...", "…"):
        return marks
    if "?" in marks or "‽" in marks:
        return "?"
    if "!" in marks:
        return "!"
    return "..." if len(marks) > 2 else marks[0]

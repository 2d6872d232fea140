"""Plain texts and HTML, in the pieces that models translate."""

from collections.abc import Sequence
from typing import NamedTuple

from service.markup.placement import translated
from service.markup.segments import Segment, split_html
from textrnn.tasks import Answer
from textrnn.text.segments import segments
from textrnn.text.treebank import split_sentences, treebank_tokens

_CUT = "\u2029"
"""The paragraph separator, which always ends a sentence."""


class Piece(NamedTuple):
    text: str
    aligned: bool = False
    """Whether the document needs its alignment."""
    divisible: bool = False
    """Whether a sentence that is too long for a model may be cut."""


class TextDocument:
    """A plain text, whose white space is kept."""

    def __init__(self, source: str, by_line: bool = False):
        """`by_line` makes each line a piece, or several lines of one text that was wrapped. No
        sentence is in two pieces, so that translations are the same, but alternatives are not."""
        self.source = source
        bounds = segments(source) if by_line else [(0, len(source))]
        self._parts = [source[start:end] for start, end in bounds]
        self.pieces = [Piece(part) for part in self._parts if not _is_blank(part)]

    def joined(self, translations: Sequence[Answer]) -> str:
        rest = iter(translations)
        return "".join(part if _is_blank(part) else next(rest)["text"] for part in self._parts)


class HtmlDocument:
    """HTML, whose markup is kept."""

    def __init__(self, source: str):
        self.source = source
        self._parts = split_html(source)
        self.pieces = [
            Piece(part.text, bool(part.inlines), divisible=True)
            for part in self._parts
            if isinstance(part, Segment)
        ]

    def joined(self, translations: Sequence[Answer]) -> str:
        rest = iter(translations)
        return "".join(
            part if isinstance(part, str) else _translated(part, next(rest)) for part in self._parts
        )


Document = TextDocument | HtmlDocument
"""What is translated as a whole."""


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _translated(segment: Segment, answer: Answer) -> str:
    text = answer["text"].replace(_CUT, " ")
    return translated(segment, text, answer.get("sentences", ()))


def cut_sentences(text: str, max_words: int) -> str:
    """A text of the same length in which sentences have at most `max_words` words: the end of a
    paragraph takes the place of a space where a sentence is cut."""
    characters = list(text)
    words = list(treebank_tokens(text))
    for part in split_sentences(text, words, max_words)[1:]:
        before = words[part.start][0] - 1
        if characters[before] == " ":
            characters[before] = _CUT
    return "".join(characters)

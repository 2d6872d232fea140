"""Split HTML into text and markup, so that the text can be replaced and the markup kept.

<p>A <b>fine</b> film</p>    "<p>" | A  | "<b>" | fine | "</b>" |  film | "</p>"
"""

import html
from collections.abc import Sequence
from html.parser import HTMLParser

_OPAQUE = frozenset({"script", "style", "code", "pre", "textarea", "svg", "math"})


class _Splitter(HTMLParser):
    def __init__(self, markup: str):
        super().__init__(convert_charrefs=False)
        self._markup = markup
        self._lines = [0]
        for line in markup.split("\n")[:-1]:
            self._lines.append(self._lines[-1] + len(line) + 1)
        self._opaque: list[str] = []
        self.texts: list[tuple[int, int]] = []
        """Spans of text in order. Character references belong to the text."""
        self.feed(markup)
        self.close()

    def _position(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _text(self, length: int) -> None:
        start = self._position()
        if self._opaque:
            return
        if self.texts and self.texts[-1][1] == start:
            self.texts[-1] = (self.texts[-1][0], start + length)
        else:
            self.texts.append((start, start + length))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _OPAQUE:
            self._opaque.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._opaque and tag == self._opaque[-1]:
            self._opaque.pop()

    def handle_data(self, data: str) -> None:
        self._text(len(data))

    def handle_entityref(self, name: str) -> None:
        self._reference(f"&{name}")

    def handle_charref(self, name: str) -> None:
        self._reference(f"&#{name}")

    def _reference(self, plain: str) -> None:
        end = self._position() + len(plain)
        self._text(len(plain) + self._markup.startswith(";", end))


def texts_of(markup: str) -> list[str]:
    """The texts of `markup`, with character references resolved."""
    return [html.unescape(markup[start:end]) for start, end in _Splitter(markup).texts]


def with_texts(markup: str, texts: Sequence[str]) -> str:
    """`markup` with its texts replaced. There must be as many as `texts_of` returns."""
    parts, end_of_last = [], 0
    for (start, end), text in zip(_Splitter(markup).texts, texts, strict=True):
        parts += [markup[end_of_last:start], html.escape(text, quote=False)]
        end_of_last = end
    return "".join([*parts, markup[end_of_last:]])

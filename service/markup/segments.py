"""Split HTML into segments: each is the text of a block, translated as a whole, with its inline
markup.

    <ul><li>Click <b>here</b>.</li>
    <li>Run <code>make</code>.</ul>

    "<ul><li>"   Click here.   "</li>\\n<li>"   Run XQ0X.   "</ul>"
                       ^^^^ b                      ^^^^ <code>make</code>

Block elements end a text, inline elements do not, and white space is collapsed, as in a browser.
What is not to be translated but is part of a sentence, such as code, is represented by a word with
a digit, which translators copy.
"""

import html
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from service.markup.scanner import RAW_TEXT, MarkupToken, TokenKind, scan_html


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BLOCKS = _names(
    """
    address article aside base basefont bgsound blockquote body button caption center col colgroup
    datalist dd details dialog dir div dl dt fieldset figcaption figure footer form frame frameset
    h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li link listing main menu meta nav noframes
    noscript ol optgroup option p plaintext pre search section select summary table tbody td tfoot
    th thead title tr ul xmp
    """
)
"""Elements whose text is apart from the text around: those that the HTML standard (section 15.3)
displays as blocks, lists and tables, those of the head, and controls with a label of their own."""
_VOID = _names(
    """
    area base basefont bgsound br col embed frame hr img input link meta param source track wbr
    """
)
_SEPARATORS = _VOID - {"wbr"}
"""Void elements between two words are also a space between them."""
_UNTRANSLATED = RAW_TEXT | _names("code kbd listing math pre samp svg template var")
_FOREIGN = frozenset({"svg", "math"})
"""Only these may be closed by `/>`."""
_INVISIBLE = RAW_TEXT | {"svg", "template"}
"""Untranslated elements that are no words of the sentence around."""
_ENDED_BY = {
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "option": {"option"},
    "optgroup": {"option", "optgroup"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
    "tbody": {"td", "th", "tr", "thead", "tbody"},
    "tfoot": {"td", "th", "tr", "thead", "tbody"},
}
"""The open elements that a start tag ends, if their own end tags are left out. In addition, each
block ends a paragraph."""

_ATTRIBUTE = re.compile(r"""([^\s/>=]++)(?:\s*+=\s*+("[^"]*"|'[^']*'|[^\s>]++))?""")
_LONGEST = 500
"""Texts and tags of the longest segment. A longer one is cut, so that work remains bounded."""
_WHITE_SPACE = " \t\n\f\r"
_SPACE = re.compile(f"[{_WHITE_SPACE}]+")

PLACEHOLDER = re.compile(r"XQ\d+X")
"""Matches the words that represent what is not translated, and perhaps others."""


@dataclass(eq=False)
class Inline:
    """Markup within a segment: an element around words, a word that is not translated, or markup
    between words."""

    opening: str
    closing: str = ""
    start: int = 0
    end: int = 0
    """Its span in the text; empty for markup between words."""
    word: str = ""
    """What represents it in the text, if it is a word that is not translated."""
    is_unpaired: bool = False
    """Whether it is a tag without its partner in this segment."""
    space_before: bool = False
    space_after: bool = False
    """White space next to markup between words."""
    children: list["Inline"] = field(default_factory=list)


@dataclass(eq=False)
class Segment:
    """A text to translate, with the markup inside."""

    text: str
    """White space is collapsed, character references are resolved."""
    before: str
    after: str
    """White space around the text."""
    inlines: list[Inline]
    placeholders: frozenset[str]
    """The words that represent what is not translated."""


def split_html(source: str) -> list[str | Segment]:
    """Segments, and between them the source that stays as it is."""
    splitter = _Splitter(source)
    for token in scan_html(source):
        splitter.add(token)
    return splitter.finish()


class _OpenElements:
    """The names of the elements that are open, from the root to the innermost one."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._names)

    def _pop(self) -> str:
        name = self._names.pop()
        self._counts[name] -= 1
        return name

    def imply_ends(self, name: str) -> None:
        """End the elements that a start tag ends."""
        ended = _ENDED_BY.get(name, ())
        while self._names and (
            self._names[-1] in ended or (self._names[-1] == "p" and name in _BLOCKS)
        ):
            self._pop()

    def open(self, name: str) -> None:
        self._names.append(name)
        self._counts[name] += 1

    def close(self, name: str) -> None:
        """End the innermost element with this name and all within. Others' end tags are ignored."""
        if self._counts[name]:
            while self._pop() != name:
                pass


@dataclass(frozen=True)
class _Item:
    """A token of a segment, or a whole element that is not translated."""

    kind: TokenKind
    start: int
    end: int
    name: str = ""
    is_word: bool = False


class _Splitter:
    def __init__(self, source: str):
        self._source = source
        self._parts: list[str | Segment] = []
        self._items: list[_Item] = []
        """The tokens of the segment that has begun."""
        self._open = _OpenElements()
        self._kept: MarkupToken | None = None
        """The start tag of the element that is being skipped, as it is not translated."""
        self._kept_depth = 0
        self._kept_text = False

    def add(self, token: MarkupToken) -> None:
        if token.kind is TokenKind.START:
            self._open.imply_ends(token.name)
            self._end_kept(token.start)
            self._start_tag(token)
        elif token.kind is TokenKind.END:
            is_own = self._kept is not None and self._kept.name == token.name
            self._open.close(token.name)
            is_last = is_own and len(self._open) == self._kept_depth - 1
            self._end_kept(token.end if is_last else token.start)
            if not is_last and self._kept is None:
                self._tag(token)
        elif self._kept is None:
            self._append(_Item(token.kind, token.start, token.end))
        elif token.kind is TokenKind.TEXT:
            self._kept_text |= not self._source[token.start : token.end].isspace()

    def finish(self) -> list[str | Segment]:
        self._open = _OpenElements()
        self._end_kept(len(self._source))
        self._end_segment()
        return self._parts

    def _start_tag(self, token: MarkupToken) -> None:
        name, tag = token.name, self._source[token.start : token.end]
        is_element = name not in _VOID and not (name in _FOREIGN and tag.endswith("/>"))
        if is_element:
            self._open.open(name)
        if self._kept is None:
            if is_element and (name in _UNTRANSLATED or _is_kept(tag)):
                self._kept, self._kept_depth, self._kept_text = token, len(self._open), False
            else:
                self._tag(token)

    def _end_kept(self, end: int) -> None:
        """End the element that is not translated at `end`, if it is no longer open."""
        if self._kept is None or len(self._open) >= self._kept_depth:
            return
        (_, start, _, name), self._kept = self._kept, None
        if name in _BLOCKS:
            self._end_segment()
            self._parts.append(self._source[start:end])
        else:
            is_word = self._kept_text and name not in _INVISIBLE
            self._append(_Item(TokenKind.OTHER, start, end, is_word=is_word))

    def _tag(self, token: MarkupToken) -> None:
        kind, start, end, name = token
        if name in _BLOCKS or (name == "br" and self._follows_line_break()):
            self._end_segment()
            self._parts.append(self._source[start:end])
        else:
            kind = TokenKind.OTHER if name in _VOID else kind
            self._append(_Item(kind, start, end, name))

    def _append(self, item: _Item) -> None:
        self._items.append(item)
        if len(self._items) == _LONGEST:
            self._end_segment()

    def _follows_line_break(self) -> bool:
        """Whether nothing but white space is between here and another line break."""
        for item in reversed(self._items):
            if item.kind is not TokenKind.TEXT or not self._source[item.start : item.end].isspace():
                return item.name == "br"
        return False

    def _end_segment(self) -> None:
        items, self._items = self._items, []
        if items:
            segment = _SegmentBuilder(self._source, items).build()
            self._parts.append(segment or self._source[items[0].start : items[-1].end])


def _is_kept(tag: str) -> bool:
    """Whether the attributes of a start tag exclude its element from translation."""
    if "translate" not in tag.lower():
        return False
    for name, value in _ATTRIBUTE.findall(tag):
        value = value.strip("\"'").lower()
        if name.lower() == "translate" and value.strip() == "no":
            return True
        if name.lower() == "class" and "notranslate" in value.split():
            return True
    return False


class _SegmentBuilder:
    def __init__(self, source: str, items: Sequence[_Item]):
        self._source = source
        self._items = items
        self._strings = [
            html.unescape(self._slice(item)) if item.kind is TokenKind.TEXT else ""
            for item in items
        ]
        self._text: list[str] = []
        self._length = 0
        self._space = False
        """Whether there is white space since the last word or markup between words."""
        self._gap = False
        """Whether there is anything since the last word that separates words."""
        self._last: Inline | None = None
        """The last markup between words since the last word."""
        self._starting: list[Inline] = []
        """Elements that start with the next word."""
        self._open: list[Inline] = []
        """Elements that are open."""
        self._siblings: list[list[Inline]] = [[]]
        """What is in the segment so far, and in each open element."""
        self._placeholders = self._new_placeholders()
        self._used: list[str] = []
        self._before = self._after = ""

    def build(self) -> Segment | None:
        """None if there is nothing to translate."""
        if not any(character.isalpha() for string in self._strings for character in string):
            return None
        pairs = self._pairs()
        skipped = -1
        for index, item in enumerate(self._items):
            if index <= skipped:
                continue
            if item.kind is TokenKind.TEXT:
                self._add_text(self._strings[index])
            elif item.is_word:
                self._add_placeholder(item)
            elif index not in pairs:
                inline = self._add_between(self._slice(item), item.name)
                inline.is_unpaired = item.kind is not TokenKind.OTHER
            elif item.kind is TokenKind.END:
                self._siblings.pop()
                self._open.pop().end = self._length
            else:
                closing, is_empty = pairs[index]
                if is_empty:
                    markup = self._source[item.start : self._items[closing].end]
                    self._add_between(markup, item.name)
                    skipped = closing
                else:
                    self._open_element(item, self._items[closing])
        self._add_edges()
        (inlines,) = self._siblings
        text, used = "".join(self._text), frozenset(self._used)
        return Segment(text, self._before, self._after, inlines, used)

    def _open_element(self, opening: _Item, closing: _Item) -> None:
        inline = Inline(self._slice(opening), self._slice(closing))
        self._starting.append(inline)
        self._open.append(inline)
        self._siblings[-1].append(inline)
        self._siblings.append(inline.children)

    def _add_placeholder(self, item: _Item) -> None:
        inline = Inline(self._slice(item), word=next(self._placeholders))
        self._used.append(inline.word)
        self._starting.append(inline)
        self._add_word(inline.word)
        inline.end = self._length
        self._siblings[-1].append(inline)

    def _new_placeholders(self) -> Iterator[str]:
        """Words that do not occur in the text."""
        taken = {word for string in self._strings for word in PLACEHOLDER.findall(string)}
        words = (f"XQ{number}X" for number in itertools.count())
        return (word for word in words if word not in taken)

    def _slice(self, item: _Item) -> str:
        return self._source[item.start : item.end]

    def _pairs(self) -> dict[int, tuple[int, bool]]:
        """For each tag that has a partner in this segment its index, and whether there is no word
        between the two. Tags without one are markup between words."""
        open_tags: list[tuple[int, int]] = []
        counts: Counter[str] = Counter()
        pairs: dict[int, tuple[int, bool]] = {}
        words = 0
        for index, item in enumerate(self._items):
            if item.is_word or (self._strings[index] and not self._strings[index].isspace()):
                words += 1
            elif item.kind is TokenKind.START:
                open_tags.append((index, words))
                counts[item.name] += 1
            elif item.kind is TokenKind.END and counts[item.name]:
                partner, before = open_tags.pop()
                while (name := self._items[partner].name) != item.name:
                    counts[name] -= 1
                    partner, before = open_tags.pop()
                counts[item.name] -= 1
                pairs[partner] = (index, words == before)
                pairs[index] = (partner, words == before)
        return pairs

    def _add_text(self, string: str) -> None:
        collapsed = _SPACE.sub(" ", string)
        word = collapsed.strip(" ")
        if collapsed.startswith(" "):
            self._space = self._gap = True
        if word:
            self._add_word(word)
            self._space = self._gap = collapsed.endswith(" ")

    def _add_word(self, word: str) -> None:
        if self._space and self._last:
            self._last.space_after = True
        elif self._space and not self._length:
            self._before = " "
        if self._gap and self._length:
            self._text.append(" ")
            self._length += 1
        for inline in self._starting:
            inline.start = self._length
        self._starting.clear()
        self._space = self._gap = False
        self._last = None
        self._text.append(word)
        self._length += len(word)

    def _add_between(self, markup: str, name: str) -> Inline:
        at = self._length
        self._last = inline = Inline(markup, start=at, end=at, space_before=self._space)
        self._siblings[-1].append(inline)
        self._space = False
        self._gap |= name in _SEPARATORS
        return inline

    def _add_edges(self) -> None:
        """The white space around the text as in the source, if it is not between markup."""
        if self._space and self._last:
            self._last.space_after = True
        elif self._space:
            self._after = " "
        first, last = self._slice(self._items[0]), self._slice(self._items[-1])
        if self._items[0].kind is TokenKind.TEXT:
            self._before = first[: len(first) - len(first.lstrip(_WHITE_SPACE))]
        if self._items[-1].kind is TokenKind.TEXT:
            self._after = last[len(last.rstrip(_WHITE_SPACE)) :]

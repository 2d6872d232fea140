"""The parts of a text that stand by themselves, by the shape of its lines.

    Name: Ada King            a segment
    City: London              another
                              ...
    It was a dark and stormy night; the rain fell in torrents, except at
    occasional intervals, when it was checked by a violent gust of wind.
                              one segment of two lines

A line break ends a segment, unless the line before it was wrapped. It was if

- the block of lines, between two blank ones, is 40 to 120 characters wide (URLs may go beyond),
- the line has at least two thirds of this width, and the first word of the next did not fit,
- the next line is no item of a list, "Key: value" or the first line of a paragraph, by its indent,
- and something says that it is prose: the next line begins with a small letter, the line ends with
  a comma, the block ends with a full stop, or it has three lines or more that were all wrapped.

Tabs and bars separate cells of tables, which are segments, too. So are line breaks in markup,
<br>, and what is before and after them.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

import regex

Offsets = tuple[int, int]
"""`text[start:end]`, in Unicode code points."""

_NARROWEST, _WIDEST = 40, 120
"""Columns of wrapped text."""
_CELL_ENDS = re.compile(r"\t+|\|(?<=\s\|)(?=\s)")
MARKUP_BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
_PARAGRAPH_ENDS = ("\v", "\f", "\x1c", "\x1d", "\x1e", "\u2029")
_ITEM = regex.compile(r"\s*(?: [-*+•‣·–—>\#|=] | \p{N}{1,3}[.)] | \p{L}\) ) \s", regex.VERBOSE)
_KEY = regex.compile(r"\s*(?: \p{Lu} [^:.!?,]{0,30} | [\p{L}-]{1,30} ) : (?:\s|$)", regex.VERBOSE)
_FINAL = regex.compile(r"[.!?…。！？][\p{P}\s]*$")


def segments(text: str) -> list[Offsets]:
    """Offsets of the segments of `text`, which cover it."""
    lines = text.splitlines(keepends=True)
    bounds = {0, len(text)}
    if "\t" in text or "|" in text:
        bounds.update(match.end() for match in _CELL_ENDS.finditer(text))
    if "<" in text:
        bounds.update(at for match in MARKUP_BREAK.finditer(text) for at in match.span())
    at = 0
    for line, wrapped in zip(lines, _wrapped(lines), strict=True):
        at += len(line)
        if not wrapped:
            bounds.add(at)
    return list(pairwise(sorted(bounds)))


def _wrapped(lines: Sequence[str]) -> Iterator[bool]:
    """For each line, whether the next one continues it."""
    for blank, group in groupby(lines, lambda line: not line.strip()):
        block = list(group)
        yield from [False] * len(block) if blank else _wrapped_in_block(block)


def _wrapped_in_block(lines: Sequence[str]) -> Iterator[bool]:
    width = max(map(_columns, lines))
    full = [_is_full(line, following, width) for line, following in pairwise(lines)]
    prose = (len(full) > 1 and all(full)) or bool(_FINAL.search(lines[-1]))
    for wrapped, (line, following) in zip(full, pairwise(lines), strict=True):
        yield wrapped and (prose or _continues(line, following))
    yield False


def _columns(line: str) -> int:
    """Up to where a line was filled: a word that has no room anywhere, as a URL, may go beyond."""
    length = len(line.rstrip())
    last = length - 1 - len(line.rstrip().rpartition(" ")[2])
    return length if length - last < _NARROWEST else max(last, 0)


def _is_full(line: str, following: str, width: int) -> bool:
    """Whether a line was wrapped, if it is of prose: the first word of the next one did not fit."""
    length, word = len(line.rstrip()), following.split(maxsplit=1)[0]
    return (
        _NARROWEST <= width <= _WIDEST
        and 3 * length >= 2 * width
        and length + 1 + len(word) > width
        and not line.endswith(_PARAGRAPH_ENDS)
        and not _ITEM.match(following)
        and not _KEY.match(following)
        and (_indent(following) <= _indent(line) or bool(_ITEM.match(line)))
    )


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _continues(line: str, following: str) -> bool:
    return following.lstrip()[0].islower() or line.rstrip().endswith((",", ";"))

"""Sentences in columns, a token a line and an empty line between sentences: CoNLL and CoNLL-U."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

_COMMENT = re.compile(r"#\s*(?:[\w.:-]+\s*=|newdoc|newpar)")
_TEXT = re.compile(r"#\s*text\s*=\s?(.*)")
UNIVERSAL_NER = ("id", "tokens", "tags", "-", "annotator")
"""The columns of Universal NER's .iob2 files."""
_CONLLU = ("id", "tokens", "lemmas", "tags", "xpos", "feats", "head", "deprel", "deps", "misc")


class Sentence(NamedTuple):
    """The lists `tokens` and `tags`, one entry a token, and `text` where a comment gives it."""

    line: int
    """Where it begins in the file, or where it is at fault, from 1."""
    fields: dict[str, Any]
    error: str | None = None


def read_columns(
    lines: Iterable[tuple[int, str]], columns: Sequence[str] = ()
) -> Iterator[Sentence]:
    """Sentences of numbered lines in columns, which tabs separate or else white space.

    `columns` names them, `tokens` and `tags` among them; without names the first is the tokens and
    the last the tags. A sentence at fault comes with the line and the reason; then the next.
    """
    names = tuple(columns)
    for comments, body in _blocks(lines):
        rows = [(n, line.split("\t") if "\t" in line else line.split()) for n, line in body]
        width = len(rows[0][1])
        names = names or ("tokens", *("-" for _ in range(width - 2)), "tags")
        if rows[0][1][0] != "-DOCSTART-":
            yield _sentence(comments, rows, names, ("tokens", "tags"))


def read_conllu(lines: Iterable[tuple[int, str]]) -> Iterator[Sentence]:
    """Sentences of CoNLL-U. `tags` is UPOS; `xpos` is there too. Multi-word tokens, whose ids are
    ranges, and empty nodes, whose ids have a dot, are left out: their words are there."""
    for comments, body in _blocks(lines):
        rows = [(n, line.split("\t")) for n, line in body]
        words = [row for row in rows if not re.match(r"\d+[-.]\d", row[1][0])]
        yield _sentence(comments, words or rows, _CONLLU, ("tokens", "tags", "xpos"))


def write_columns(tokens: Sequence[str], *columns: Sequence[str]) -> str:
    """A sentence as lines of columns with tabs between, and an empty line.

    Raises ValueError where a cell is empty or holds white space.
    """
    lines = []
    for number, cells in enumerate(zip(tokens, *columns, strict=True), start=1):
        if any(not cell or len(cell.split()) != 1 for cell in cells):
            raise ValueError(f"token {number} is empty or holds white space: {cells[0]!r}")
        lines.append("\t".join(cells) + "\n")
    return "".join(lines) + "\n"


Lines = list[tuple[int, str]]


def _blocks(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[Lines, Lines]]:
    """The comments and the token lines of each sentence that has tokens."""
    comments: Lines = []
    body: Lines = []
    for number, line in chain(lines, [(0, "")]):
        line = line.rstrip("\r\n")
        if not line.strip():
            if body:
                yield comments, body
            comments, body = [], []
        elif not body and _COMMENT.match(line):
            comments.append((number, line))
        else:
            body.append((number, line))


def _sentence(
    comments: Lines,
    rows: list[tuple[int, list[str]]],
    names: Sequence[str],
    wanted: Sequence[str],
) -> Sentence:
    missing = [name for name in ("tokens", "tags") if name not in names]
    if missing:
        fault = f"no column is called {missing[0]!r}; the columns are {', '.join(names)}"
        return Sentence(rows[0][0], {}, fault)
    for number, cells in rows:
        fault = _fault(cells, names)
        if fault:
            return Sentence(number, {}, fault)
    fields: dict[str, Any] = {
        name: [cells[names.index(name)].strip() for _, cells in rows] for name in wanted
    }
    for _, comment in comments:
        found = _TEXT.match(comment)
        if found:
            fields["text"] = found.group(1)
    return Sentence(rows[0][0], fields)


def _fault(cells: Sequence[str], names: Sequence[str]) -> str | None:
    if len(cells) != len(names):
        return f"has {len(cells)} columns, expected {len(names)}: {', '.join(names)}"
    token = cells[names.index("tokens")]
    if not token.strip():
        return "has an empty token"
    if len(token.split()) != 1:
        return f"has a token with white space in it: {token!r}"
    return None if cells[names.index("tags")].strip() else "has an empty tag"

"""CoNLL and CoNLL-U: one token per line in columns, and a blank line between sentences."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from textrnn.io.records import Record, encoding_error, numbered_lines

# "#newparents" is a token of a tweet, and "# NN O" the token "#": a comment has a blank and a key.
_COMMENT = re.compile(r"# +(?:[\w.:-]+ *=|new(?:doc|par)\b)|#[\w.:-]+ +=")
_CONLLU_COMMENT = re.compile(r"#")
_DOCUMENT = re.compile(r"-DOCSTART-(?!\S)")
_TEXT = re.compile(r"#\s*text\s*=\s?(.*)")
UNIVERSAL_NER = ("id", "tokens", "tags", "-", "annotator")
"""The columns of the .iob2 files of Universal NER."""
_CONLLU = ("id", "tokens", "lemmas", "tags", "xpos", "feats", "head", "deprel", "deps", "misc")


def read_conll(path: Path, columns: Sequence[str] = ()) -> Iterator[Record]:
    """The sentences of a CoNLL file; see `parse_conll`."""
    return parse_conll(numbered_lines(path), columns)


def read_iob2(path: Path, columns: Sequence[str] = ()) -> Iterator[Record]:
    """The sentences of a file with the columns of Universal NER."""
    return parse_conll(numbered_lines(path), columns or UNIVERSAL_NER)


def read_conllu(path: Path, columns: Sequence[str] = ()) -> Iterator[Record]:
    """The sentences of a CoNLL-U file; see `parse_conllu`."""
    return parse_conllu(numbered_lines(path))


def parse_conll(lines: Iterable[tuple[int, str]], columns: Sequence[str] = ()) -> Iterator[Record]:
    """Sentences from numbered lines, whose columns are separated by tabs or else by white space.

    A record has the lists `tokens` and `tags`, and `text` if a comment contains it. `columns` names
    the columns, `tokens` and `tags` among them; by default the first column has the tokens and the
    last the tags. A line -DOCSTART- separates sentences, as a blank line does. A malformed sentence
    becomes a record with the line and the reason.
    """
    names = tuple(columns)
    for comments, body in _blocks(lines, _COMMENT):
        rows = [(n, _cells(line)) for n, line in body]
        width = len(rows[0][1])
        names = names or ("tokens", *("-" for _ in range(width - 2)), "tags")
        yield _sentence(comments, rows, names, ("tokens", "tags"))


def parse_conllu(lines: Iterable[tuple[int, str]]) -> Iterator[Record]:
    """Sentences of CoNLL-U from numbered lines. `tags` are UPOS; the field `xpos` is kept.

    Multi-word tokens, whose ids are ranges, and empty nodes, whose ids have a dot, are skipped; the
    words of a multi-word token are tokens of their own.
    """
    for comments, body in _blocks(lines, _CONLLU_COMMENT):
        rows = [(n, line.split("\t")) for n, line in body]
        words = [row for row in rows if not re.match(r"\d+[-.]\d", row[1][0])]
        yield _sentence(comments, words or rows, _CONLLU, ("tokens", "tags", "xpos"))


def write_columns(tokens: Sequence[str], *columns: Sequence[str]) -> str:
    """A sentence as tab-separated lines, followed by a blank line.

    Raises ValueError if a cell is empty or contains white space.
    """
    lines = []
    for number, cells in enumerate(zip(tokens, *columns, strict=True), start=1):
        if any(not cell or len(cell.split()) != 1 for cell in cells):
            raise ValueError(f"token {number} is empty or contains white space: {cells[0]!r}")
        lines.append("\t".join(cells) + "\n")
    return "".join(lines) + "\n"


Lines = list[tuple[int, str]]


def _blocks(
    lines: Iterable[tuple[int, str]], comment: re.Pattern[str]
) -> Iterator[tuple[Lines, Lines]]:
    """The comments and the token lines of each sentence with tokens. Comments precede the tokens;
    what looks like one between them is a token line."""
    comments: Lines = []
    body: Lines = []
    for number, line in chain(lines, [(0, "")]):
        line = line.rstrip("\r\n")
        if not line.strip() or _DOCUMENT.match(line):
            if body:
                yield comments, body
            comments, body = [], []
        elif not body and comment.match(line):
            comments.append((number, line))
        else:
            body.append((number, line))


def _cells(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else [cell for cell in line.split(" ") if cell]


def _sentence(
    comments: Lines,
    rows: list[tuple[int, list[str]]],
    names: Sequence[str],
    fields: Sequence[str],
) -> Record:
    missing = [name for name in ("tokens", "tags") if name not in names]
    if missing:
        error = f"no column is called {missing[0]!r}; the columns are {', '.join(names)}"
        return Record(rows[0][0], {}, error)
    for number, cells in rows:
        error = _token_error(cells, names)
        if error:
            return Record(number, {}, error)
    values: dict[str, Any] = {
        name: [cells[names.index(name)].strip() for _, cells in rows] for name in fields
    }
    for _, comment in comments:
        text = _TEXT.match(comment)
        if text:
            values["text"] = text.group(1)
    error = encoding_error("".join(chain.from_iterable(values.values())))
    return Record(rows[0][0], {} if error else values, error)


def _token_error(cells: Sequence[str], names: Sequence[str]) -> str | None:
    if any("\r" in cell for cell in cells):
        return "has a carriage return inside; end every line with a newline"
    if len(cells) != len(names):
        return f"has {len(cells)} columns, expected {len(names)}: {', '.join(names)}"
    token = cells[names.index("tokens")]
    if not token.strip():
        return "has an empty token"
    if len(token.split()) != 1:
        return f"has a token that contains white space: {token!r}"
    return None if cells[names.index("tags")].strip() else "has an empty tag"

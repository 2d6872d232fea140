"""CoNLL and CoNLL-U: one token per line in columns, and a blank line between sentences."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from textrnn.io.lines import Line, Lines
from textrnn.io.records import Record, TableOptions

# "#newparents" is a token of a tweet, and "# NN O" the token "#": a comment has a blank and a key.
_COMMENT = re.compile(r"# +(?:[\w.:-]+ *=|new(?:doc|par)\b)|#[\w.:-]+ +=")
_CONLLU_COMMENT = re.compile(r"#")
_DOCUMENT = re.compile(r"-DOCSTART-(?!\S)")
_TEXT = re.compile(r"#\s*text\s*=\s?(.*)")
UNIVERSAL_NER = ("id", "tokens", "tags", "-", "annotator")
"""The columns of the .iob2 files of Universal NER."""
_CONLLU = ("id", "tokens", "lemmas", "tags", "xpos", "feats", "head", "deprel", "deps", "misc")


def read_conll(lines: Lines, options: TableOptions) -> Iterator[Record]:
    """The sentences of a CoNLL file; see `parse_conll`."""
    return parse_conll(lines, options.columns, lines.skip)


def read_iob2(lines: Lines, options: TableOptions) -> Iterator[Record]:
    """The sentences of a file with the columns of Universal NER."""
    return parse_conll(lines, options.columns or UNIVERSAL_NER, lines.skip)


def read_conllu(lines: Lines, options: TableOptions) -> Iterator[Record]:
    """The sentences of a CoNLL-U file; see `parse_conllu`."""
    return parse_conllu(lines, lines.skip)


def parse_conll(
    lines: Iterable[Line], columns: Sequence[str] = (), skip: Callable[[int], None] = lambda _: None
) -> Iterator[Record]:
    """Sentences from lines whose columns are separated by tabs or else by white space.

    A record has the lists `tokens` and `tags`, and `text` if a comment contains it. `columns` names
    the columns, `tokens` and `tags` among them; by default the first column has the tokens and the
    last the tags. A line -DOCSTART- separates sentences, as a blank line does. A malformed sentence
    becomes a record with the line and the reason. `skip` is called with the number of lines that
    belong to no sentence.
    """
    names = tuple(columns)
    for comments, body in _blocks(lines, _COMMENT, skip):
        rows = [(n, _cells(line)) for n, line, _ in body]
        if not names and not body[0].error:
            names = ("tokens", *("-" for _ in rows[0][1][2:]), "tags")
        yield _sentence(comments, body, rows, names, ("tokens", "tags"))


def parse_conllu(
    lines: Iterable[Line], skip: Callable[[int], None] = lambda _: None
) -> Iterator[Record]:
    """Sentences of CoNLL-U. `tags` are UPOS; the field `xpos` is kept.

    Multi-word tokens, whose ids are ranges, and empty nodes, whose ids have a dot, are skipped; the
    words of a multi-word token are tokens of their own.
    """
    for comments, body in _blocks(lines, _CONLLU_COMMENT, skip):
        rows = [(n, line.split("\t")) for n, line, _ in body]
        words = [row for row in rows if not re.match(r"\d+[-.]\d", row[1][0])]
        yield _sentence(comments, body, words or rows, _CONLLU, ("tokens", "tags", "xpos"))


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


def _blocks(
    lines: Iterable[Line], comment: re.Pattern[str], skip: Callable[[int], None]
) -> Iterator[tuple[list[Line], list[Line]]]:
    """The comments and the token lines of each sentence with tokens. Comments precede the tokens;
    what looks like one between them is a token line."""
    comments: list[Line] = []
    body: list[Line] = []
    for line in lines:
        line = line._replace(text=line.text.rstrip("\r\n"))
        if not line.error and (not line.text.strip() or _DOCUMENT.match(line.text)):
            if body:
                yield comments, body
            else:
                skip(len(comments))
            skip(1)
            comments, body = [], []
        elif not body and comment.match(line.text):
            comments.append(line)
        else:
            body.append(line)
    if body:
        yield comments, body
    else:
        skip(len(comments))


def _cells(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else [cell for cell in line.split(" ") if cell]


def _sentence(
    comments: list[Line],
    body: list[Line],
    rows: list[tuple[int, list[str]]],
    names: Sequence[str],
    fields: Sequence[str],
) -> Record:
    first, last = (comments or body)[0].number, body[-1].number
    for number, _, error in comments + body:
        if error:
            return Record(number, {}, error, (first, last))
    missing = [name for name in ("tokens", "tags") if name not in names]
    if missing:
        error = f"no column is called {missing[0]!r}; the columns are {', '.join(names)}"
        return Record(rows[0][0], {}, error, (first, last))
    for number, cells in rows:
        error = _token_error(cells, names)
        if error:
            return Record(number, {}, error, (first, last))
    values: dict[str, Any] = {
        name: [cells[names.index(name)].strip() for _, cells in rows] for name in fields
    }
    for comment in comments:
        text = _TEXT.match(comment.text)
        if text:
            values["text"] = text.group(1)
    return Record(rows[0][0], values, None, (first, last))


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

"""From the sources of a recipe to rows in memory."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path

from textrnn.errors import UserError
from textrnn.io import readers
from textrnn.tasks import TASKS, Row, StreamTask
from textrnn.text.words import split
from training.recipe import Data, Source
from training.tagged_corpora import SchemeCheck, as_text, glue, rename
from training.text_files import by_position, files_of, is_text, read_texts
from training.trees import detokenize, phrases


def data_root() -> Path:
    return Path(os.environ.get("TEXTRNN_DATA", "data"))


def load(data: Data, task: str) -> tuple[list[Row], dict[str, list[Row]]]:
    """The training rows and the development rows by set. Raises UserError."""
    train = [row for source in data.train for row in read_source(source, task)]
    _check_all_have_rows({"train": train})
    if data.dev:
        dev = load_dev(data, task)
    elif issubclass(TASKS[task], StreamTask):
        dev = {"heldout": by_position(train, 0.9, 1)}
        train = by_position(train, 0, 0.9)
        _check_all_have_rows({"train": train, **dev})
    else:
        sides = [_in_dev(_words(row), 0.1) for row in train]
        dev = {"heldout": [row for row, held in zip(train, sides, strict=True) if held]}
        train = [row for row, held in zip(train, sides, strict=True) if not held]
        _check_all_have_rows({"train": train, **dev})
    return train, dev


def load_dev(
    data: Data, task: str, check: Callable[[Row], object] = lambda _: None
) -> dict[str, list[Row]]:
    """The development rows by set. Raises UserError; what `check` raises comes with the line."""
    if not data.dev:
        return load(data, task)[1]
    dev = {
        name: [row for source in sources for row in read_source(source, task, check)]
        for name, sources in data.dev.items()
    }
    _check_all_have_rows(dev)
    return dev


def _check_all_have_rows(sets: Mapping[str, Sequence[Row]]) -> None:
    for name, rows in sets.items():
        if not rows:
            raise UserError(f"data: {name!r} has no rows")


def read_source(
    source: Source, task: str, check: Callable[[Row], object] = lambda _: None
) -> Iterator[Row]:
    """The rows of one source, each `repeat` times. Raises UserError, with file and line."""
    rows = _rows(source, task, check)
    return iter(by_position(list(rows), *source.part)) if source.part else rows


def _rows(source: Source, task: str, check: Callable[[Row], object]) -> Iterator[Row]:
    names = _label_names(source)
    groups = _groups(source)
    for index, (where, fields) in enumerate(islice(_fields(source, task), source.rows)):
        if groups is not None and index >= len(groups):
            raise UserError(f"{source.groups}: has fewer lines than {source.path} has rows")
        try:
            row = _row(fields, source, task, names)
            if row is not None:
                check(row)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        if row is None:
            continue
        if source.holdout is not None:
            group = _words(row) if groups is None else groups[index]
            if _in_dev(group, source.holdout.fraction) != (source.holdout.side == "dev"):
                continue
        for piece in _pieces(row, source.words):
            for _ in range(source.repeat):
                yield piece


def _fields(source: Source, task: str) -> Iterator[tuple[str, Row]]:
    """What the file holds, each row with the name of the place that it comes from."""
    if source.dataset is not None:
        yield from _hub(source, source.dataset)
        return
    assert source.path is not None
    path = data_root() / source.path
    if issubclass(TASKS[task], StreamTask) and source.format is None and is_text(path):
        yield from _whole(path)
        return
    if source.format == "trees":
        for number, line in enumerate(_text_lines(path), start=1):
            try:
                found = phrases(line)
            except ValueError as error:
                raise UserError(f"{path}:{number}: is not a labelled tree: {error}") from None
            for label, text in found if source.phrases else found[:1]:
                yield f"{path}:{number}", {"label": label, "text": text}
        return
    skipped, check = 0, SchemeCheck(source.scheme)
    for record in _records(path, source):
        if record.error and not source.skip_faulty:
            raise UserError(f"{path}:{record.line}: {record.error}")
        if record.error:
            skipped += 1
            continue
        where = f"{path}:{record.line}"
        if "tags" in record.fields:
            try:
                check.add(record.fields["tags"])
            except UserError as error:
                raise UserError(f"{where}: {error}") from None
        yield where, record.fields
    if skipped:
        _say(f"{path}: left out {skipped} rows that cannot be read")
    broken = check.report()
    if broken:
        _say(f"{path}: {broken}")


def _whole(path: Path) -> Iterator[tuple[str, Row]]:
    """Whole texts. In a folder, what is none is left out and counted."""
    left_out = 0
    for file, text in read_texts(path):
        if text is not None:
            yield str(file), {"text": text}
        elif path.is_dir():
            left_out += 1
        else:
            raise UserError(f"{path}: is not text in UTF-8, or is empty")
    if left_out:
        _say(f"{path}: left out {left_out} files that are not text in UTF-8, or are empty")


def _records(path: Path, source: Source) -> Iterator[readers.Record]:
    if source.parallel is not None:
        return readers.read_parallel(path, data_root() / source.parallel)
    assert source.format != "trees"
    return readers.read(path, source.format, source.columns)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _hub(source: Source, name: str) -> Iterator[tuple[str, Row]]:
    import datasets

    try:
        rows = datasets.load_dataset(name, source.subset, split=source.split)
    except Exception as error:  # the library raises what its many back ends raise
        raise UserError(f"data set {name!r} cannot be loaded: {error}") from None
    for index, row in enumerate(rows):
        yield f"{name}[{source.split}:{index}]", dict(row)


def _row(fields: Row, source: Source, task: str, names: dict[str, str]) -> Row | None:
    if task == "tag":
        return _sentence(fields, source, names)
    if "tokens" in fields and "text" not in fields:
        tokens, _ = glue(fields["tokens"], fields["tags"], source.glue)
        fields = {**fields, "text": " ".join(tokens)}
    wanted = {"text": "text"}
    if task == "classify":
        wanted |= {"labels": "labels"} if source.label_separator else {"label": "label"}
    if task == "translate":
        wanted = {"source": "source", "target": "target"}
    row: Row = dict(source.values)
    for name, column in {**wanted, **source.fields}.items():
        if name in source.values:
            continue
        if column not in fields:
            known = ", ".join(fields)
            raise UserError(
                f"no column {column!r} for {name!r}; the columns are {known}; "
                f'name the right one with fields.{name}="..."'
            )
        row[name] = fields[column]
    for name in ("text", "source", "target"):
        if name in row:
            row[name] = _cleaned(row[name], name, source)
    if "label" in row:
        label = str(row["label"])
        if label in source.drop_labels:
            return None
        row["label"] = names.get(label, label)
    if "labels" in row:
        found = row["labels"]
        if isinstance(found, str):
            found = [part for part in found.split(source.label_separator) if part]
        row["labels"] = [names.get(str(label), str(label)) for label in found]
    return row


def _cleaned(text: object, name: str, source: Source) -> str:
    if not isinstance(text, str):
        raise UserError(f"{name} must be a string, found {text!r}")
    if name != "text" and not text.strip():
        raise UserError(f"the {name} is empty; a pair needs text on both sides")
    for old, new in source.replace.items():
        text = text.replace(old, new)
    return detokenize(text) if source.detokenize else text


def _sentence(fields: Row, source: Source, names: dict[str, str]) -> Row:
    """A row for tagging, from a sentence in columns or from one that is a row already."""
    row = {**fields, **{name: fields[column] for name, column in source.fields.items()}}
    if "tags" not in row:
        return {name: row[name] for name in ("text", "tokens", "entities") if name in row}
    tokens, tags = glue(row["tokens"], row["tags"], source.glue)
    if names or source.drop_labels:
        tags = rename(tags, names, source.drop_labels)
    if source.as_text:
        return as_text(tokens, tags, row.get("text"))
    return {"tokens": tokens, "tags": tags}


def _pieces(row: Row, words: int | None) -> Iterable[Row]:
    """The row, or rows that hold `words` words of its text each."""
    if words is None:
        return [row]
    starts = [start for start, _ in split(row["text"])][::words]
    cuts = [*starts, len(row["text"])]
    return [{**row, "text": row["text"][start:end]} for start, end in pairwise(cuts)]


def _label_names(source: Source) -> dict[str, str]:
    if isinstance(source.label_names, Path):
        lines = _text_lines(data_root() / source.label_names)
        return {str(number): name.strip() for number, name in enumerate(lines)}
    return source.label_names or {}


def _groups(source: Source) -> list[str] | None:
    return None if source.groups is None else list(_text_lines(data_root() / source.groups))


def _text_lines(path: Path) -> Iterator[str]:
    for record in readers.read(path, "lines"):
        if record.error:
            raise UserError(f"{path}:{record.line}: {record.error}")
        yield record.fields["text"]


def _words(row: Row) -> str:
    for name in ("text", "source"):
        if name in row:
            return str(row[name])
    return " ".join(row["tokens"])


def _in_dev(group: str, fraction: float) -> bool:
    digest = hashlib.sha256(group.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) < fraction * 2**64


def fingerprints(source: Source) -> dict[str, str]:
    """The SHA-256 of the bytes of each file by its path, of a folder that of all its files with
    their names, or of a data set of the hub what names it."""
    if source.path is None:
        return {str(source.dataset): f"{source.dataset} {source.subset or ''} [{source.split}]"}
    found = {}
    for path in filter(None, (source.path, source.parallel)):
        full = data_root() / path
        if full.is_dir():
            lines = (f"{_digest(file)} {file.relative_to(full)}\n" for file in files_of(full))
            found[str(path)] = hashlib.sha256("".join(lines).encode()).hexdigest()
        else:
            found[str(path)] = _digest(full)
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

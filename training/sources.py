"""The rows of one source of a recipe: a file, a folder, or a Hugging Face data set."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path

from textrnn.errors import UserError
from textrnn.io.formats import read_parallel, read_records
from textrnn.io.records import TableOptions
from textrnn.rows import Row, text_of
from textrnn.tasks import TASKS, StreamTask
from textrnn.text.words import split_words
from training.recipe import Source
from training.row_mapping import to_row
from training.splits import by_position, in_dev
from training.tagged_corpora import SchemeCheck
from training.text_files import is_text, read_texts
from training.trees import phrases


def data_root() -> Path:
    return Path(os.environ.get("TEXTRNN_DATA", "data"))


def read_source(
    source: Source, task: str, check: Callable[[Row], object] = lambda _: None
) -> Iterator[Row]:
    """The rows of one source, each `repeat` times.

    Raises UserError, with file and line, also for errors that `check` raises for a row.
    """
    rows = _rows(source, task, check)
    return iter(by_position(list(rows), *source.part)) if source.part else rows


def _rows(source: Source, task: str, check: Callable[[Row], object]) -> Iterator[Row]:
    label_names = _label_names(source)
    groups = _groups(source)
    for index, (location, record) in enumerate(islice(_records(source, task), source.rows)):
        if groups is not None and index >= len(groups):
            raise UserError(f"{source.groups}: has fewer lines than {source.path} has rows")
        try:
            row = to_row(record, source, task, label_names)
            if row is not None:
                check(row)
        except UserError as error:
            raise UserError(f"{location}: {error}") from None
        if row is None:
            continue
        if source.holdout is not None:
            group = text_of(row) if groups is None else groups[index]
            if in_dev(group, source.holdout.fraction) != (source.holdout.side == "dev"):
                continue
        for part in _parts(row, source.words):
            for _ in range(source.repeat):
                yield part


def _records(source: Source, task: str) -> Iterator[tuple[str, Row]]:
    """The records of the source, each with its location for error messages."""
    if source.dataset is not None:
        return _hub_records(source, source.dataset)
    assert source.path is not None
    path = data_root() / source.path
    if issubclass(TASKS[task], StreamTask) and source.format is None and is_text(path):
        return _whole_texts(path)
    if source.format == "trees":
        return _tree_records(path, source.phrases)
    return _file_records(path, source)


def _hub_records(source: Source, name: str) -> Iterator[tuple[str, Row]]:
    import datasets

    try:
        rows = datasets.load_dataset(name, source.subset, split=source.split)
    except Exception as error:  # the library passes on any exception of its back ends
        raise UserError(f"data set {name!r} cannot be loaded: {error}") from None
    for index, row in enumerate(rows):
        yield f"{name}[{source.split}:{index}]", dict(row)


def _whole_texts(path: Path) -> Iterator[tuple[str, Row]]:
    """A file as one text, or the text files of a folder; its other files are skipped."""
    skipped = 0
    for file, text in read_texts(path):
        if text is not None:
            yield str(file), {"text": text}
        elif path.is_dir():
            skipped += 1
        else:
            raise UserError(f"{path}: is not UTF-8 text, or is empty")
    if skipped:
        _log(f"{path}: skipped {skipped} files that are not UTF-8 text or are empty")


def _tree_records(path: Path, all_phrases: bool) -> Iterator[tuple[str, Row]]:
    for number, line in enumerate(_text_lines(path), start=1):
        location = f"{path}:{number}"
        try:
            labelled = phrases(line)
        except ValueError as error:
            raise UserError(f"{location}: is not a labelled tree: {error}") from None
        for label, text in labelled if all_phrases else labelled[:1]:
            yield location, {"label": label, "text": text}


def _file_records(path: Path, source: Source) -> Iterator[tuple[str, Row]]:
    if source.parallel is not None:
        records = read_parallel(path, data_root() / source.parallel)
    else:
        records = read_records(path, source.format, TableOptions(columns=source.columns))
    skipped, check = 0, SchemeCheck(source.scheme)
    for record in records:
        location = f"{path}:{record.line}"
        if record.error:
            if not source.skip_faulty:
                raise UserError(f"{location}: {record.error}")
            skipped += 1
            continue
        if "tags" in record.fields:
            try:
                check.add(record.fields["tags"])
            except UserError as error:
                raise UserError(f"{location}: {error}") from None
        yield location, record.fields
    if skipped:
        _log(f"{path}: skipped {skipped} rows that cannot be read")
    violations = check.report()
    if violations:
        _log(f"{path}: {violations}")


def _parts(row: Row, max_words: int | None) -> Iterable[Row]:
    """The row, or rows with at most `max_words` words of its text each."""
    if max_words is None:
        return [row]
    starts = [start for start, _ in split_words(row["text"])][::max_words]
    boundaries = [*starts, len(row["text"])]
    return [{**row, "text": row["text"][start:end]} for start, end in pairwise(boundaries)]


def _label_names(source: Source) -> dict[str, str]:
    if isinstance(source.label_names, Path):
        lines = _text_lines(data_root() / source.label_names)
        return {str(number): name.strip() for number, name in enumerate(lines)}
    return source.label_names or {}


def _groups(source: Source) -> list[str] | None:
    return None if source.groups is None else list(_text_lines(data_root() / source.groups))


def _text_lines(path: Path) -> Iterator[str]:
    for record in read_records(path, "lines"):
        if record.error:
            raise UserError(f"{path}:{record.line}: {record.error}")
        yield record.fields["text"]


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

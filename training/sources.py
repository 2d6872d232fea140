"""The rows of one source of a recipe: a file, a folder, or a Hugging Face data set."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from glob import glob
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import NamedTuple

from textrnn.errors import UserError
from textrnn.io.formats import read_parallel, read_records
from textrnn.io.records import TableOptions
from textrnn.rows import Row, text_of
from textrnn.tasks import TASKS, StreamTask
from textrnn.text.words import split_words
from training.excerpts import draw
from training.findings import INVALID, NO_TEXT, UNREADABLE, Findings, RowError
from training.locale_phrases.pairs import locale_pairs
from training.no_language import made_texts
from training.phrases.pairs import phrase_pairs
from training.recipe import Source
from training.row_mapping import to_row
from training.splits import by_position, in_dev
from training.tagged_corpora import SchemeCheck
from training.templates.emotions import made_emotions
from training.templates.entities import made_entities
from training.templates.opinions import made_opinions
from training.text_files import is_text, read_texts
from training.trees import phrases


def data_root() -> Path:
    return Path(os.environ.get("TEXTRNN_DATA", "data"))


class Located(NamedTuple):
    """A row, and where it comes from."""

    place: str
    """File and line."""
    row: Row
    repeat: int
    """How often it occurs in an epoch."""
    skip_faulty: bool
    """Whether it is left out if it turns out to be faulty."""


def read_source(
    source: Source, task: str, findings: Findings, check: Callable[[Row], object] = lambda _: None
) -> Iterator[Located]:
    """The rows of one source that can be used.

    All others are added to `findings`, also those for which `check` raises UserError. Raises
    UserError if the source as a whole cannot be read.
    """
    found = _located(source, task, findings, check)
    if source.part:
        found = iter(cut_by_position(list(found), *source.part))
    if source.excerpts is not None:
        texts = list(found)
        drawn = draw([located.row for located in texts], source.excerpts)
        found = (texts[index]._replace(row=row) for index, row in drawn)
    return found if source.phrase_pairs is None else _with_phrase_pairs(found, source, task)


def cut_by_position(rows: Sequence[Located], start: float, end: float) -> list[Located]:
    """What lies between two fractions of the concatenated texts of the rows."""
    slices = by_position([len(located.row["text"]) for located in rows], start, end)
    return [
        located._replace(row={**located.row, "text": located.row["text"][part]})
        for located, part in zip(rows, slices, strict=True)
        if part.start < part.stop
    ]


def _with_phrase_pairs(rows: Iterable[Located], source: Source, task: str) -> Iterator[Located]:
    """The rows, and then those of words and phrases in them."""
    if "source" not in TASKS[task].row_fields:
        raise UserError(f"phrase_pairs needs sentence pairs, which {task} has not; remove the key")
    rows = list(rows)
    yield from rows
    pairs = [(row["source"], row["target"]) for _, row, *_ in rows]
    place = f"{source.path or source.dataset}, phrase"
    for number, (phrase, translation) in enumerate(phrase_pairs(pairs, source.phrase_pairs), 1):
        row = {"source": phrase, "target": translation}
        yield Located(f"{place} {number}", row, source.repeat, source.skip_faulty)


def _located(
    source: Source, task: str, findings: Findings, check: Callable[[Row], object]
) -> Iterator[Located]:
    label_names = _label_names(source)
    groups = _groups(source)
    fields = TASKS[task].row_fields
    schemes = SchemeCheck(source.scheme)
    for index, (place, record) in enumerate(islice(_records(source, task), source.rows)):
        if groups is not None and index >= len(groups):
            raise UserError(f"{source.groups}: has fewer lines than {source.path} has rows")
        if not isinstance(record, RowError) and not _is_chosen(record, source):
            continue
        try:
            if isinstance(record, RowError):
                raise record
            row = to_row(record, source, task, label_names)
            if row is None:
                continue
            if "tags" in fields and "tags" in record:
                schemes.add(place, record["tags"])
            check(row)
        except UserError as error:
            kind = error.kind if isinstance(error, RowError) else INVALID
            # A text that is all there is to a row loses nothing if it is empty.
            left_out = source.skip_faulty or (kind is NO_TEXT and fields == ("text",))
            findings.add(kind, place, str(error), left_out)
            continue
        if source.holdout is not None:
            group = text_of(row) if groups is None else groups[index]
            if in_dev(group, source.holdout.fraction) != (source.holdout.side == "dev"):
                continue
        if source.between is not None:
            least, most = source.between
            if not least <= sum(1 for _ in split_words(text_of(row))) <= most:
                continue
        for part in _parts(row, source.words):
            yield Located(place, part, source.repeat, source.skip_faulty)
    schemes.report(findings)


def _is_chosen(record: Row, source: Source) -> bool:
    """Whether `where` has the values of a record."""
    for column in source.where:
        if column not in record:
            columns, name = ", ".join(record), source.path or source.dataset
            raise UserError(f"{name}: where: there is no column {column!r}; there are {columns}")
    return all(str(record[column]) in values for column, values in source.where.items())


def _records(source: Source, task: str) -> Iterator[tuple[str, Row | RowError]]:
    """The records of the source, or why they cannot be read, each with its place."""
    if source.dataset is not None:
        return _hub_records(source, source.dataset)
    if source.made is not None:
        return _made_records(source, task)
    return chain.from_iterable(_records_of(path, source, task) for path in paths_of(source))


def paths_of(source: Source) -> list[Path]:
    """The files and folders of a source, by name. Raises UserError if none matches its pattern."""
    if source.path is None:
        return []
    path = data_root() / source.path
    if path.exists() or not source.is_pattern:  # a name may have brackets
        return [path]
    found = sorted(glob(str(source.path), root_dir=data_root()))
    if not found:
        raise UserError(f"{path}: no file matches; correct path or TEXTRNN_DATA")
    return [data_root() / name for name in found]


def _records_of(path: Path, source: Source, task: str) -> Iterator[tuple[str, Row | RowError]]:
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


def _made_records(source: Source, task: str) -> Iterator[tuple[str, Row]]:
    assert source.rows is not None
    rows: Iterator[Row]
    if source.made == "locale":
        assert source.languages is not None
        if "source" not in TASKS[task].row_fields:
            raise UserError(f'made = "locale" makes pairs for translation, not for {task}')
        pairs = locale_pairs(*source.languages, source.rows, seed=0)
        rows = ({"source": phrase, "target": translation} for phrase, translation in pairs)
    elif source.made == "entities":
        rows = made_entities(source.rows, seed=0)
    elif source.made in ("opinions", "emotions"):
        make = made_opinions if source.made == "opinions" else made_emotions
        labelled = make(source.rows, seed=0)
        rows = ({"text": text, "label": label} for text, label in labelled)
    else:
        rows = ({"text": text} for text in made_texts(source.rows, seed=0))
    return ((f"{source.made}[{index}]", row) for index, row in enumerate(rows))


def _whole_texts(path: Path) -> Iterator[tuple[str, Row | RowError]]:
    """A file as one text, or the text files of a folder."""
    for file, text in read_texts(path):
        if text is not None:
            yield str(file), {"text": text}
        elif path.is_dir():
            yield str(file), RowError(NO_TEXT, "is not UTF-8 text, or is empty")
        else:
            raise UserError(f"{path}: is not UTF-8 text, or is empty")


def _tree_records(path: Path, all_phrases: bool) -> Iterator[tuple[str, Row | RowError]]:
    for number, line in enumerate(_text_lines(path), start=1):
        place = f"{path}:{number}"
        try:
            labelled = phrases(line)
        except ValueError as error:
            yield place, RowError(UNREADABLE, f"is not a labelled tree: {error}")
            continue
        for label, text in labelled if all_phrases else labelled[:1]:
            yield place, {"label": label, "text": text}


def _file_records(path: Path, source: Source) -> Iterator[tuple[str, Row | RowError]]:
    if source.parallel is not None:
        records = read_parallel(path, data_root() / source.parallel)
    else:
        records = read_records(path, source.format, TableOptions(columns=source.columns))
    for record in records:
        place = f"{path}:{record.line}"
        yield place, RowError(UNREADABLE, record.error) if record.error else record.fields


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

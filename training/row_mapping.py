"""Map the columns of a record to the row of a task, by the options of its source."""

from collections.abc import Mapping, Sequence
from typing import Any

from textrnn.errors import UserError
from textrnn.rows import Row
from textrnn.tasks import TASKS, StreamTask
from textrnn.text.validation import validate_text
from training.findings import BAD_TAGS, NO_LABEL, NO_TEXT, RowError
from training.recipe import Source
from training.tagged_corpora import as_text_row, merge_marked_tokens, rename_types
from training.trees import detokenize


def to_row(
    record: Row, source: Source, task: str, label_names: Mapping[str, str]
) -> dict[str, Any] | None:
    """The row of a record, or None if its label is dropped. Raises UserError."""
    fields = TASKS[task].row_fields
    if "tags" in fields:
        return _tagged_row(record, source, label_names)
    if "text" not in record and _are_strings(record.get("tokens")):
        tokens, _ = merge_marked_tokens(record["tokens"], record["tokens"], source.glue)
        record = {**record, "text": " ".join(tokens)}
    row: dict[str, Any] = dict(source.values)
    for name, column in {**_required_fields(fields, source), **source.fields}.items():
        if name not in source.values:
            row[name] = _column(record, column, name)
    blank_is_text = issubclass(TASKS[task], StreamTask)
    for name in ("text", "source", "target"):
        if name in row:
            row[name] = _cleaned(row[name], name, source, blank_is_text)
    if "label" in row:
        label = _label(row["label"])
        if label in source.drop_labels:
            return None
        row["label"] = _named(label, label_names)
    if "labels" in row:
        labels = row["labels"]
        if isinstance(labels, str):
            parts = labels.split(source.label_separator)
            labels = [part.strip() for part in parts if part.strip()]
        if not isinstance(labels, Sequence):
            raise RowError(NO_LABEL, f"labels must be a list, found {labels!r:.80}")
        row["labels"] = [_named(_label(label), label_names) for label in labels]
    return row


def _required_fields(fields: Sequence[str], source: Source) -> dict[str, str]:
    """The fields that a task trains on, each with the default name of its column."""
    names = {"label": "labels"} if source.label_separator else {}
    return {names.get(field, field): names.get(field, field) for field in fields}


def _column(record: Row, column: str, name: str) -> Any:
    if column not in record:
        raise UserError(
            f"no column {column!r} for {name!r}; the columns are {', '.join(record)}; "
            f'name the right one with fields.{name}="..."'
        )
    return record[column]


def _cleaned(text: object, name: str, source: Source, blank_is_text: bool) -> str:
    if text is None:
        raise RowError(NO_TEXT, f"the {name} is null")
    if not isinstance(text, str):
        raise UserError(f"{name} must be a string, found {text!r:.80}")
    for old, new in source.replace.items():
        text = text.replace(old, new)
    if not text or (not text.strip() and not blank_is_text):
        pair = "" if name == "text" else "; a pair needs text on both sides"
        raise RowError(NO_TEXT, f"the {name} is empty{pair}")
    return detokenize(text) if source.detokenize else text


def _label(value: object) -> str:
    """A label as text; of a missing one, "". Raises RowError for a value that is no label."""
    if value is None or value != value:  # null, or NaN as pandas writes it
        return ""
    if not isinstance(value, str | int | float):
        raise RowError(NO_LABEL, f"a label must be a string or a number, found {value!r:.80}")
    return str(value)


def _named(label: str, label_names: Mapping[str, str]) -> str:
    """The label of the model. Raises UserError if there is none, or no well-formed Unicode."""
    name = label_names.get(label, label)
    if not name.strip():
        raise RowError(NO_LABEL, "the label is empty or null")
    validate_text(name)
    return name


def _are_strings(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _tagged_row(record: Row, source: Source, label_names: Mapping[str, str]) -> dict[str, Any]:
    """A row for tagging, from a sentence in columns or from a record that has the fields."""
    given = {name: _column(record, column, name) for name, column in source.fields.items()}
    row = {**record, **given}
    if "tags" not in row:
        return {name: row[name] for name in ("text", "tokens", "entities") if name in row}
    tokens, tags = _column(row, "tokens", "tokens"), row["tags"]
    for name, values in (("tokens", tokens), ("tags", tags)):
        if not _are_strings(values):
            raise RowError(BAD_TAGS, f"{name} must be a list of strings, found {values!r:.80}")
    if len(tokens) != len(tags):
        raise RowError(BAD_TAGS, f"there are {len(tokens)} tokens but {len(tags)} tags")
    tokens, tags = merge_marked_tokens(tokens, tags, source.glue)
    if label_names or source.drop_labels:
        tags = rename_types(tags, label_names, source.drop_labels)
    if source.as_text:
        return as_text_row(tokens, tags, row.get("text"))
    return {"tokens": tokens, "tags": tags}

"""Map the columns of a record to the row of a task, by the options of its source."""

from collections.abc import Mapping, Sequence
from typing import Any

from textrnn.errors import UserError
from textrnn.rows import Row
from textrnn.tasks import TASKS
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
    if "tokens" in record and "text" not in record:
        tokens, _ = merge_marked_tokens(record["tokens"], record["tags"], source.glue)
        record = {**record, "text": " ".join(tokens)}
    row: dict[str, Any] = dict(source.values)
    for name, column in {**_required_fields(fields, source), **source.fields}.items():
        if name in source.values:
            continue
        if column not in record:
            known = ", ".join(record)
            raise UserError(
                f"no column {column!r} for {name!r}; the columns are {known}; "
                f'name the right one with fields.{name}="..."'
            )
        row[name] = record[column]
    for name in ("text", "source", "target"):
        if name in row:
            row[name] = _cleaned(row[name], name, source)
    if "label" in row:
        label = str(row["label"])
        if label in source.drop_labels:
            return None
        row["label"] = label_names.get(label, label)
    if "labels" in row:
        labels = row["labels"]
        if isinstance(labels, str):
            labels = [part for part in labels.split(source.label_separator) if part]
        row["labels"] = [label_names.get(str(label), str(label)) for label in labels]
    return row


def _required_fields(fields: Sequence[str], source: Source) -> dict[str, str]:
    """The fields that a task trains on, each with the default name of its column."""
    names = {"label": "labels"} if source.label_separator else {}
    return {names.get(field, field): names.get(field, field) for field in fields}


def _cleaned(text: object, name: str, source: Source) -> str:
    if not isinstance(text, str):
        raise UserError(f"{name} must be a string, found {text!r}")
    if name != "text" and not text.strip():
        raise UserError(f"the {name} is empty; a pair needs text on both sides")
    for old, new in source.replace.items():
        text = text.replace(old, new)
    return detokenize(text) if source.detokenize else text


def _tagged_row(record: Row, source: Source, label_names: Mapping[str, str]) -> dict[str, Any]:
    """A row for tagging, from a sentence in columns or from a record that has the fields."""
    row = {**record, **{name: record[column] for name, column in source.fields.items()}}
    if "tags" not in row:
        return {name: row[name] for name in ("text", "tokens", "entities") if name in row}
    tokens, tags = merge_marked_tokens(row["tokens"], row["tags"], source.glue)
    if label_names or source.drop_labels:
        tags = rename_types(tags, label_names, source.drop_labels)
    if source.as_text:
        return as_text_row(tokens, tags, row.get("text"))
    return {"tokens": tokens, "tags": tags}

"""The columns of an output, from all rows of all of its inputs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textrnn.errors import UserError
from textrnn.io.formats import RecordReader
from textrnn.io.lines import is_stream
from textrnn.io.records import Record
from textrnn.io.writers import Layout

if TYPE_CHECKING:
    from textrnn.io.schema import Values

MAX_COLUMNS = 10_000


def columns_of(inputs: Sequence[RecordReader], added: Sequence[str]) -> Layout:
    """The names of the columns, in order: those of all inputs, and those that are added."""
    names: dict[str, None] = {}
    for reader in inputs:
        known = reader.columns()
        if known is not None:
            names |= dict.fromkeys(known)
        else:
            for record in _all_rows(reader):
                names |= dict.fromkeys(record.fields)
                _check_number(reader, names)
    return Layout([*(name for name in names if name not in added), *added])


def parquet_layout(inputs: Sequence[RecordReader], added: Mapping[str, Any]) -> Layout:
    """The columns and their types in Parquet. `added` has the added columns with annotations.

    Parquet files keep their types. Columns of other files get a type that represents all of their
    values, or else become JSON. Raises UserError if a column has types that have none in common.
    """
    import pyarrow

    from textrnn.io.parquet import encode_schema, parquet_schema
    from textrnn.io.schema import Values, annotated_schema

    schemas, values = [], {}
    for reader in inputs:
        if reader.format.read is None:
            schemas.append(parquet_schema(reader.path))
        else:
            _add_values(reader, values, Values)
    types = {name: column.arrow_type() for name, column in values.items()}
    json_columns = [name for name, found in types.items() if found is None]
    schemas.append(pyarrow.schema({name: t or pyarrow.string() for name, t in types.items()}))
    try:
        schema = pyarrow.unify_schemas(schemas, promote_options="permissive")
    except pyarrow.ArrowException as error:
        raise UserError(f"the columns of the inputs differ in type: {error}") from None
    for name in set(schema.names) & set(added):
        schema = schema.remove(schema.get_field_index(name))
    for column in annotated_schema(added):
        schema = schema.append(column)
    return Layout(schema.names, encode_schema(schema), json_columns)


def _add_values(reader: RecordReader, values: "dict[str, Values]", new: "type[Values]") -> None:
    known = reader.columns()
    if known is not None:  # a text format, whose cells are strings
        for name in known:
            values.setdefault(name, new()).add("")
        return
    for record in _all_rows(reader):
        for name, value in record.fields.items():
            values.setdefault(name, new()).add(value)
        _check_number(reader, values)


def _all_rows(reader: RecordReader) -> Iterator[Record]:
    if is_stream(reader.path):
        raise UserError(
            f"{reader.path}: the columns of a table are not known before all rows are read, and a "
            "stream is read only once; write JSON lines, or save the input as a file"
        )
    return iter(reader)


def _check_number(reader: RecordReader, names: Mapping[str, Any]) -> None:
    if len(names) > MAX_COLUMNS:
        raise UserError(
            f"{reader.path}: the rows have more than {MAX_COLUMNS:,} different fields, "
            "which are too many for the columns of a table; write JSON lines"
        )

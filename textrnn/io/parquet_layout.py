"""The columns of a Parquet output with their types, from all rows of all of its inputs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow

from textrnn.errors import UserError
from textrnn.io.formats import RecordReader
from textrnn.io.layout import all_rows, check_number
from textrnn.io.parquet import encode_schema, parquet_schema
from textrnn.io.schema import Values, annotated_schema
from textrnn.io.writers import Layout


def parquet_layout(inputs: Sequence[RecordReader], added: Mapping[str, Any]) -> Layout:
    """The columns and their types in Parquet. `added` has the added columns with annotations.

    Parquet files keep their types. Columns of other files get a type that represents all of their
    values, or else become JSON. Raises UserError if a column has types that have none in common.
    """
    schemas: list[pyarrow.Schema] = []
    values: dict[str, Values] = {}
    for reader in inputs:
        if reader.format.read is None:
            schemas.append(parquet_schema(reader.path))
        else:
            _add_values(reader, values)
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


def _add_values(reader: RecordReader, values: dict[str, Values]) -> None:
    known = reader.columns()
    if known is not None:  # a text format, whose cells are strings
        for name in known:
            values.setdefault(name, Values()).add("")
        return
    for record in all_rows(reader):
        for name, value in record.fields.items():
            values.setdefault(name, Values()).add(value)
        check_number(reader, values)

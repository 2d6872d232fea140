"""Answers for the rows of a Ray dataset, in a pipeline that already has one.

    import ray, textrnn.ray
    dataset = ray.data.read_parquet("s3://bucket/reviews/")
    answered = textrnn.ray.map_batches(dataset, "sentiment-en", columns={"text": "review"})
    answered.write_parquet("s3://bucket/answers/")

For files without a pipeline, `textrnn score` writes each row once, in order, and can be resumed.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow
import ray.data

import textrnn
from textrnn.bundle import load_bundle
from textrnn.errors import InvalidText, UserError
from textrnn.io.schema import annotated_schema
from textrnn.scoring import CHUNK, PREFIX, with_columns

ERROR = f"{PREFIX}error"
"""The column that says why a row has no answer."""


def map_batches(
    dataset: ray.data.Dataset,
    model: str,
    *,
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    batch_size: int = CHUNK,
) -> ray.data.Dataset:
    """The dataset with the columns of the model's answers, whose names begin with `predicted_`.

    `columns` maps fields of a row to columns, as in `{"text": "review"}`, and `options` are options
    of the task. `workers` is the number of processes with the model loaded; by default as many as
    the data keeps busy, and at most one for each CPU of the cluster. A row that cannot be read has
    nulls, and the reason in `predicted_error`. A bundle directory must be readable by every worker
    under the same path.

    Raises UserError if there is no such model or option, or if the dataset lacks a column.
    """
    task = load_bundle(model).task
    task.options_type.parse(dict(options or {}), source="options")
    schema = dataset.schema()
    if schema is None:
        raise UserError("the dataset is empty, and has no columns")
    names = schema.names
    fields = with_columns(dict.fromkeys(names), columns or {})
    inputs = list(dict.fromkeys([task.row_fields[0], "text"]))
    if not {*inputs} & fields.keys():
        raise UserError(
            f"the dataset has no column {' or '.join(inputs)}, only {', '.join(names)}; name one, "
            f'as in columns={{"{inputs[-1]}": "{names[0]}"}}'
        )
    cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
    return dataset.map_batches(
        _Answering,
        fn_constructor_args=(model, dict(columns or {}), dict(options or {})),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(min_size=workers or 1, max_size=workers or cpus),
        num_cpus=1,
    )


class _Answering:
    """A worker: a model that adds its answers to tables."""

    def __init__(self, model: str, columns: dict[str, str], options: dict[str, Any]):
        self._predictor = textrnn.load(model)
        task = self._predictor.task
        self._columns = columns
        self._options = task.options_type.parse(options, source="options")
        added = {PREFIX + name: kind for name, kind in task.columns(self._options).items()}
        self._schema = annotated_schema(added).append(pyarrow.field(ERROR, pyarrow.string()))

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        examples, errors = [], []
        for row in table.to_pylist():
            row = with_columns(row, self._columns)
            try:
                examples.append(self._predictor.task.read(row, self._options))
                errors.append(None)
            except InvalidText as error:
                errors.append(str(error))
        answers = iter(self._predictor.answer(examples))
        added = []
        for error in errors:
            answer = next(answers) if error is None else {}
            added.append({PREFIX + name: v for name, v in answer.items()} | {ERROR: error})
        answered = pyarrow.Table.from_pylist(added, schema=self._schema)
        for name in answered.column_names:
            table = table.append_column(answered.schema.field(name), answered[name])
        return table

"""Random tables through every pair of formats: no row is lost and no value changes."""

import base64
import json
import math
import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from textrnn import scoring
from textrnn.io.formats import read_records
from textrnn.scoring import local, score

CHUNK = 8


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(scoring, "CHUNK", CHUNK)


def run(predictor, source: Path, output: Path):
    done = score(predictor.task, local(predictor), [source], output, identity="w")
    assert (done.bad, done.records) == (0, done.rows)
    return done


Draw = random.Random
Kind = tuple[Any, Callable[[Draw], Any]]


def text(draw: Draw) -> str:
    return "".join(draw.choices("aé👍 \"',;\n\r\t\\|\u2028\x00{}[]", k=draw.randrange(6)))


def number(bits: int) -> Callable[[Draw], int]:
    return lambda draw: draw.choice([0, 1, -1, 2**bits - 1, -(2**bits), draw.getrandbits(bits)])


def real(draw: Draw) -> float:
    return draw.choice([0.0, -0.0, 4.99, 1e300, 5e-324, math.inf, -math.inf, math.nan, 1 / 3])


SIMPLE: list[Kind] = [
    (pa.bool_(), lambda draw: draw.random() < 0.5),
    *[(t, number(bits)) for t, bits in ((pa.int8(), 7), (pa.int16(), 15), (pa.int32(), 31),
                                        (pa.int64(), 63))],
    (pa.uint64(), lambda draw: draw.choice([0, 2**64 - 1, 2**63])),
    (pa.uint8(), lambda draw: draw.getrandbits(8)),
    (pa.float64(), real),
    (pa.float32(), lambda draw: draw.choice([0.5, -1.25, math.inf, 0.0])),
    (pa.float16(), lambda draw: draw.choice([0.5, -1.25, 0.0])),
    (pa.string(), text),
    (pa.large_string(), text),
    (pa.string_view(), text),
    (pa.binary(), lambda draw: draw.randbytes(draw.randrange(5))),
    (pa.large_binary(), lambda draw: draw.randbytes(3)),
    (pa.binary(3), lambda draw: draw.randbytes(3)),
    (pa.decimal128(20, 2), lambda draw: Decimal(draw.randrange(-(10**19), 10**19)) / 100),
    (pa.decimal256(50, 10), lambda draw: Decimal(f"{draw.getrandbits(120)}.0123456789")),
    (pa.date32(), lambda draw: date(draw.randrange(1, 9999), 2, 28)),
    (pa.timestamp("ns"), number(60)),
    (pa.timestamp("us"), number(55)),
    (pa.timestamp("ms", "UTC"), number(40)),
    (pa.timestamp("us", "Europe/Berlin"), number(50)),
    (pa.time32("ms"), lambda draw: draw.randrange(86_400_000)),
    (pa.time64("ns"), lambda draw: draw.randrange(86_400 * 10**9)),
    (pa.duration("ns"), number(60)),
    (pa.dictionary(pa.int8(), pa.string()), lambda draw: draw.choice(["a", "b"])),
    (pa.null(), lambda draw: None),
]  # fmt: skip


def kind(draw: Draw, depth: int = 0) -> Kind:
    """A random type with a function that draws its values."""
    if depth == 3 or draw.random() < 0.6:
        return draw.choice(SIMPLE if not depth else SIMPLE[:-2])
    arrow, values = kind(draw, depth + 1)

    def items(draw: Draw) -> list:
        return [None if draw.random() < 0.2 else values(draw) for _ in range(draw.randrange(3))]

    def entries(draw: Draw) -> list:
        return [(str(index), item) for index, item in enumerate(items(draw))]

    return draw.choice(
        [
            (pa.list_(arrow), items),
            (pa.large_list(arrow), items),
            (pa.map_(pa.string(), arrow), entries),
            (pa.struct([("a", arrow), ("b é", pa.int64())]),
             lambda draw: {"a": values(draw), "b é": draw.choice([None, 2**60])}),
        ]
    )  # fmt: skip


def table(draw: Draw) -> pa.Table:
    """Columns of random types. Some are null at first, so that the first chunks say nothing."""
    rows = draw.choice([1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 1])
    columns: dict[str, pa.Array] = {"text": pa.array(["a fine film"] * rows)}
    for index in range(draw.randrange(1, 6)):
        arrow, values = kind(draw)
        late = draw.choice([0, 0, rows - 1, CHUNK])
        data = [None if row < late or draw.random() < 0.2 else values(draw) for row in range(rows)]
        columns[f"column {index}, {'é' * index}"] = pa.array(data, arrow)
    return pa.table(columns)


def comparable(value: Any) -> Any:
    """Equal for equal values, NaN included, and different for 0.0 and -0.0."""
    if isinstance(value, dict):
        return {name: comparable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(item) for item in value]
    return repr(value) if isinstance(value, float) else value


def from_json(value: Any, arrow: pa.DataType) -> Any:
    """The value of an Arrow type from what stands for it in JSON."""
    types = pa.types
    if value is None:
        return None
    if types.is_dictionary(arrow):
        return from_json(value, arrow.value_type)
    if types.is_map(arrow):
        return [(key, from_json(item, arrow.item_type)) for key, item in value]
    if types.is_struct(arrow):
        return {field.name: from_json(value[field.name], field.type) for field in arrow}
    if types.is_list(arrow) or types.is_large_list(arrow):
        return [from_json(item, arrow.value_type) for item in value]
    if types.is_floating(arrow):
        return float(value)
    if types.is_decimal(arrow):
        return Decimal(value)
    if "binary" in str(arrow):
        return base64.b64decode(value)
    if types.is_time(arrow):
        hours, minutes, seconds = value.split(":")
        seconds = (int(hours) * 60 + int(minutes)) * 60 + Decimal(seconds)
        return pa.scalar(int(seconds * (1000 if arrow.bit_width == 32 else 10**9)), arrow)
    if types.is_temporal(arrow):
        return pa.array([value]).cast(arrow)[0]
    return value


def from_arrow(scalar: Any, arrow: pa.DataType) -> Any:
    """The same of what Parquet has."""
    types = pa.types
    if not scalar.is_valid:
        return None
    if types.is_map(arrow):
        pairs = scalar.values
        return [
            (pairs.field(0)[index].as_py(), from_arrow(pairs.field(1)[index], arrow.item_type))
            for index in range(len(pairs))
        ]
    if types.is_struct(arrow):
        return {field.name: from_arrow(scalar[field.name], field.type) for field in arrow}
    if types.is_list(arrow) or types.is_large_list(arrow):
        return [from_arrow(item, arrow.value_type) for item in scalar.values]
    return scalar if types.is_temporal(arrow) else scalar.as_py()


@pytest.mark.parametrize("seed", range(20))
def test_parquet_keeps_types_and_values_and_json_represents_them(predictor, tmp_path, seed):
    """Fails if a type is guessed from the first rows, or a digit of a number or a time is lost."""
    source = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(table(Draw(seed)), source)
    original = pyarrow.parquet.read_table(source)
    run(predictor, source, tmp_path / "out.parquet")
    result = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    added = ["predicted_label", "predicted_score"]
    assert result.column_names == [*original.column_names, *added]
    assert result.schema.types[-2:] == [pa.string(), pa.float64()]
    for name in original.column_names:
        assert result.schema.field(name).type == original.schema.field(name).type
        got, expected = result[name].to_pylist, original[name].to_pylist
        assert comparable(got()) == comparable(expected())

    run(predictor, source, tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().split("\n")[:-1]]
    for name in original.column_names:
        arrow = original.schema.field(name).type
        got = [from_json(row[name], arrow) for row in rows]
        expected = [from_arrow(scalar, arrow) for scalar in original[name]]
        assert comparable(got) == comparable(expected), arrow

    run(predictor, source, tmp_path / "out.csv")
    cells = [record.fields for record in read_records(tmp_path / "out.csv")]
    for row, cell in zip(rows, cells, strict=True):
        for name in original.column_names:
            assert same_in_csv(row[name], cell[name])


def same_in_csv(value: Any, cell: str) -> bool:
    if value is None:
        return cell == ""
    if isinstance(value, str):
        special = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
        return cell in (value, special.get(value))
    return comparable(json.loads(cell)) == comparable(value)


def json_value(draw: Draw, depth: int = 0) -> Any:
    simple: list[Callable[[], Any]] = [
        lambda: None,
        lambda: draw.choice([True, False]),
        lambda: draw.choice([0, 5, -3, 2**53, 2**53 + 1, 2**63, 2**64, -(2**63), 10**40]),
        lambda: draw.choice([4.99, 0.1, 1e300, -0.5]),
        lambda: text(draw),
    ]
    nested = [
        lambda: [json_value(draw, depth + 1) for _ in range(draw.randrange(3))],
        lambda: {
            draw.choice("abcd"): json_value(draw, depth + 1) for _ in range(draw.randrange(3))
        },
    ]
    return draw.choice(simple + (nested if depth < 3 else []))()


def json_rows(draw: Draw) -> list[dict[str, Any]]:
    """Rows of JSON, with a few columns of one type each, others of any type, and late ones."""
    one_type = [draw.choice([lambda: draw.choice([5, 4.99]), lambda: 2**63, dict,
                             list, lambda: [{"x": draw.choice([None, 1])}],
                             lambda: {draw.choice("ab"): 1}]) for _ in range(3)]  # fmt: skip
    rows = []
    for index in range(draw.choice([CHUNK, 2 * CHUNK + 1])):
        row: dict[str, Any] = {"text": "a fine film"}
        for column, values in enumerate(one_type):
            if draw.random() < 0.8:
                row[f"typed {column}"] = None if draw.random() < 0.3 else values()
        if index > CHUNK or draw.random() < 0.2:
            row[f"late {draw.randrange(3)}"] = json_value(draw)
        rows.append(row)
    return rows


def without_nulls(value: Any) -> Any:
    """Structures of Parquet have all of their fields, and a missing one is null."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(20))
def test_json_becomes_parquet_and_csv_without_loss(predictor, tmp_path, seed):
    """Fails if a late field, a mixture of types or a large number costs a value or a row."""
    rows = json_rows(Draw(seed))
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run(predictor, source, tmp_path / "out.jsonl")
    again = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().split("\n")[:-1]]
    names = {name for row in rows for name in row}
    assert [{n: v for n, v in row.items() if n in names} for row in again] == rows

    run(predictor, source, tmp_path / "out.parquet")
    written = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    for name in names:
        as_json = written.schema.field(name).type == pa.string() and any(
            not isinstance(row.get(name), str | None) for row in rows
        )
        for row, value in zip(rows, written[name].to_pylist(), strict=True):
            found = json.loads(value) if as_json and value is not None else value
            assert without_nulls(found) == without_nulls(row.get(name))

    run(predictor, source, tmp_path / "out.csv")
    cells = [record.fields for record in read_records(tmp_path / "out.csv")]
    for row, cell in zip(rows, cells, strict=True):
        assert names <= set(cell)
        assert all(same_in_csv(row.get(name), cell[name]) for name in names)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5] * 20 + [4.99], pa.float64()),
        ([None] * 20 + [[{"x": 1}]], pa.list_(pa.struct([("x", pa.int64())]))),
        ([{"a": 1}] * 20 + [{"b": "x"}], pa.struct([("a", pa.int64()), ("b", pa.string())])),
        ([1, 2**63], pa.uint64()),
        ([-1, 2**63], pa.string()),
        ([2**53 + 1, 0.5], pa.string()),
        ([{}, {}], pa.string()),
        ([[], None], pa.list_(pa.string())),
        ([None, None], pa.string()),
        ([True, 1], pa.string()),
        ([{str(i): 1 for i in range(2000)}], pa.string()),
    ],
)
def test_the_type_of_a_column_represents_all_of_its_values(predictor, tmp_path, values, expected):
    source = tmp_path / "in.jsonl"
    lines = [json.dumps({"text": "fine", "x": value}) for value in values]
    source.write_text("\n".join(lines))
    run(predictor, source, tmp_path / "out.parquet")
    written = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert written.schema.field("x").type == expected
    assert len(written) == len(values)


def test_parquet_files_of_different_types_become_one(predictor, tmp_path):
    """Fails if the types of the first file narrow the others, or columns of the second are lost."""
    one = pa.table(
        {"text": ["a"], "n": pa.array([1], pa.int32()), "t": pa.array([1], pa.timestamp("s"))}
    )
    two = pa.table({"text": ["b"], "n": pa.array([2.5]), "t": pa.array([1], pa.timestamp("ns")),
                    "late": ["x"]})  # fmt: skip
    pyarrow.parquet.write_table(one, tmp_path / "1.parquet")
    pyarrow.parquet.write_table(two, tmp_path / "2.parquet")
    (tmp_path / "3.jsonl").write_text('{"text": "c", "n": 7, "more": [1]}\n')
    inputs = [tmp_path / name for name in ("1.parquet", "2.parquet", "3.jsonl")]
    done = score(predictor.task, local(predictor), inputs, tmp_path / "o.parquet", identity="w")
    assert (done.rows, done.bad) == (3, 0)
    rows = pyarrow.parquet.read_table(tmp_path / "o.parquet").to_pylist()
    assert [row["n"] for row in rows] == [1.0, 2.5, 7.0]
    assert [row["late"] for row in rows] == [None, "x", None]
    assert [row["more"] for row in rows] == [None, None, [1]]
    assert [row["t"] and row["t"].value for row in rows] == [10**9, 1, None]

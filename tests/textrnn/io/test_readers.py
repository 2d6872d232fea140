import gzip
import json

import pyarrow
import pyarrow.parquet
import pytest

from textrnn.errors import UserError
from textrnn.io.formats import RecordReader, format_of, read_records
from textrnn.io.records import TableOptions

ROWS = [
    {"id": "1", "text": 'plain, "quoted"'},
    {"id": "2", "text": "U+0085 \u0085 and U+2028 \u2028 are no line ends"},
    {"id": "3", "text": "ünï 👍 \0"},
]

DEEP = b'{"id":"1","text":"a"}\n' + b"[" * 10**5 + b'\n{"id":"3","text":"c"}\n'


def write(path, data: bytes):
    opener = gzip.open if path.name.endswith(".gz") else open
    with opener(path, "wb") as stream:
        stream.write(data)
    return path


def as_csv(rows):
    lines = ["id,text"] + [f'{r["id"]},"{r["text"].replace(chr(34), chr(34) * 2)}"' for r in rows]
    return "\n".join(lines).encode() + b"\n"


def as_tsv(rows):
    return "\n".join(["id\ttext"] + [f"{r['id']}\t{r['text']}" for r in rows]).encode() + b"\n"


def as_jsonl(rows):
    return b"".join(json.dumps(r, ensure_ascii=False).encode() + b"\n" for r in rows)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "make"), [("a.csv", as_csv), ("a.tsv", as_tsv), ("a.jsonl", as_jsonl)]
)
def test_every_format_gives_the_same_rows(tmp_path, name, make, ending):
    """Fails if a format splits lines at other characters than newlines, or loses a character."""
    path = write(tmp_path / (name + ending), make(ROWS))
    assert [record.fields for record in read_records(path)] == ROWS
    assert [record.line for record in read_records(path)] == (
        [1, 2, 3] if "json" in name else [2, 3, 4]
    )


def test_parquet_keeps_types(tmp_path):
    rows = [{"id": 1, "text": "a"}, {"id": 2, "text": None}]
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert [record.fields for record in read_records(path)] == rows


def test_plain_lines_keep_every_line(tmp_path):
    path = write(tmp_path / "a.txt", b"one\r\n\n  two \nlast")
    assert [r.fields["text"] for r in read_records(path)] == ["one", "", "  two ", "last"]


def test_csv_with_line_breaks_inside(tmp_path):
    """Fails if rows are numbered instead of lines."""
    path = write(tmp_path / "a.csv", b'text,n\n"two\nlines",1\nplain,2\n')
    assert [(r.line, r.fields) for r in read_records(path)] == [
        (2, {"text": "two\nlines", "n": "1"}),
        (4, {"text": "plain", "n": "2"}),
    ]


def test_byte_order_mark_is_not_part_of_the_first_column(tmp_path):
    path = write(tmp_path / "a.csv", b"\xef\xbb\xbftext\na\n")
    assert [r.fields for r in read_records(path)] == [{"text": "a"}]


def test_columns_of_a_file_without_header(tmp_path):
    path = write(tmp_path / "a.tsv", b"0\tgood\n1\tbad\n")
    rows = [r.fields for r in read_records(path, options=TableOptions(("id", "text")))]
    assert rows == [{"id": "0", "text": "good"}, {"id": "1", "text": "bad"}]


@pytest.mark.parametrize(
    ("name", "data", "line", "reason"),
    [
        ("a.csv", b"id,text\n1,a\n2\n3,c\n", 3, "has 1 columns, expected 2: id, text"),
        ("a.csv", b"id,text\n1,a\n2,b,c\n3,c\n", 3, "has 3 columns"),
        ("a.csv", b"id,text\n1,a\n2,\xffb\n3,c\n", 3, "not UTF-8: byte 0xff at character 3"),
        ("a.tsv", b"id\ttext\n1\ta\n2\n3\tc\n", 3, "has 1 columns"),
        ("a.jsonl", b'{"id":"1","text":"a"}\n{"id":\n{"id":"3","text":"c"}\n', 2, "is not JSON"),
        ("a.jsonl", b'{"id":"1","text":"a"}\n[1]\n{"id":"3","text":"c"}\n', 2, "not a JSON object"),
        ("a.jsonl", b'{"id":"1","text":"a"}\n"\xff"\n{"id":"3","text":"c"}\n', 2, "not UTF-8"),
        ("a.jsonl", DEEP, 2, ""),
    ],
)
def test_a_bad_line_is_reported_and_skipped(tmp_path, name, data, line, reason):
    """Fails if a bad line ends the reading, or affects its neighbours."""
    records = list(read_records(write(tmp_path / name, data)))
    bad = [record for record in records if record.error]
    assert [record.line for record in bad] == [line]
    assert reason in bad[0].error
    assert [r.fields["id"] for r in records if not r.error] == ["1", "3"]


@pytest.mark.parametrize("after", [1, 700, 2_000])
def test_a_quote_that_is_never_closed_is_one_bad_line(tmp_path, after):
    """Fails if the rows after it are lost."""
    lines = ["id,text", "1,a", '2,"b', *(f"{i},c" for i in range(3, 3 + after))]
    path = write(tmp_path / "a.csv", "\n".join(lines).encode())
    reader = RecordReader(path)
    records = list(reader)
    assert [(r.line, bool(r.error)) for r in records] == [
        (number, number == 3) for number in range(2, 4 + after)
    ]
    assert "opens a quote that is not closed" in str(records[1].error)
    assert (reader.lines.read, reader.lines.skipped) == (3 + after, 1)


def test_rows_after_a_quote_that_closes_in_a_later_row_are_kept(tmp_path):
    text = b'id,text\n1,"a\n2,b\n3,"c"\n4,"d\ne"\n'
    records = list(read_records(write(tmp_path / "a.csv", text)))
    assert [r.fields.get("id") for r in records] == [None, "2", "3", "4"]
    assert "opens a quote, and line 4 is not CSV" in str(records[0].error)
    assert records[3].span == (5, 6)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"id,id\n1,2\n", "names \\['id'\\] more than once"),
        ("a.csv", b"\xff,text\n1,2\n", "header line is not UTF-8"),
        ("a.doc", b"x", "the format is not known by the ending"),
        ("a.parquet", b"PAR1 no", "not a readable Parquet file"),
        ("a.parquet.gz", b"x", "the format is not known by the ending"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path, name, data, reason):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(UserError, match=reason):
        list(read_records(path))


def test_a_truncated_gzip_is_one_clear_error(tmp_path):
    path = write(tmp_path / "a.csv.gz", as_csv(ROWS * 100))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="cannot be read"):
        list(read_records(path))


def test_a_missing_file_is_one_clear_error(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        list(read_records(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.CSV.csv", "csv"), ("x.ndjson.gz", "jsonl"), ("x.parquet", "parquet"), ("x.txt", "lines")],
)
def test_format_by_ending(tmp_path, name, kind):
    assert format_of(tmp_path / name) == kind

"""Files as people really have them. Each is read, or is one error that says what to do; no line is
in neither a row, nor an error, nor the count of skipped lines."""

import gzip
import io
import random
import zipfile

import pytest

from textrnn.errors import UserError
from textrnn.io import lines, readers
from textrnn.io.formats import RecordReader
from textrnn.io.records import TableOptions

CSV = b"id,text\n1,a\n2,b\n3,c\n"
TSV = CSV.replace(b",", b"\t")
JSONL = b'{"id":"1","text":"a"}\n{"id":"2","text":"b"}\n{"id":"3","text":"c"}\n'
CONLL = b"a\tO\n\nb\tO\n\nc\tO\n"
TEXT = b"a\nb\nc\n"
COMMON = [("x.csv", CSV), ("x.tsv", TSV), ("x.jsonl", JSONL), ("x.conll", CONLL), ("x.txt", TEXT)]


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.csv", data)
    return out.getvalue()


def texts(reader: RecordReader) -> list:
    """The text of each record, or the line of its error."""
    found = []
    for record in reader:
        if record.error:
            assert not record.fields or reader.format.name == "lines"
            found.append(record.line)
        else:
            found.append(record.fields.get("text", "".join(record.fields.get("tokens", ()))))
    covered = [
        n
        for record in reader
        for first, last in [record.span or (record.line, record.line)]
        for n in range(first, last + 1)
    ]
    assert len(covered) == len(set(covered))
    assert len(covered) + reader.lines.skipped == reader.lines.read
    return found


def read(tmp_path, name, data, options=None, kind=None):
    (tmp_path / name).write_bytes(data)
    return texts(RecordReader(tmp_path / name, kind, options))


@pytest.mark.parametrize(("name", "data"), COMMON)
@pytest.mark.parametrize(
    "change",
    [
        lambda data: data,
        lambda data: data.removesuffix(b"\n"),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.decode().encode("utf-16"),
        lambda data: data.decode().encode("utf-16-le"),
        lambda data: data.decode().encode("utf-16-be"),
        lambda data: ("\ufeff" + data.decode()).encode("utf-16-be"),
        lambda data: data.decode().encode("utf-32"),
        gzip.compress,
        lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:]),
        lambda data: gzip.compress(data) + b"\0" * 512,
        lambda data: gzip.compress(b"\xef\xbb\xbf" + data),
        lambda data: gzip.compress(data.decode().encode("utf-16")),
    ],
    ids=[
        "as it is", "no last newline", "CRLF", "BOM", "UTF-16", "UTF-16-LE", "UTF-16-BE",
        "UTF-16-BE with BOM", "UTF-32", "gzip", "two members", "padded gzip", "BOM in gzip",
        "UTF-16 in gzip",
    ],
)  # fmt: skip
@pytest.mark.parametrize("naming", [str, str.upper, lambda name: name + ".gz"])
def test_the_same_rows_in_many_disguises(tmp_path, name, data, change, naming):
    """Fails if the encoding, the line ends or the compression follow from anything but the
    content, or if an ending in capitals is unknown."""
    assert read(tmp_path, naming(name), change(data)) == ["a", "b", "c"]


@pytest.mark.parametrize(("name", "data"), COMMON)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: b"", "is empty"),
        (zipped, "is not text but a ZIP archive"),
        (lambda data: b"PAR1" + data, "is not text but a Parquet file"),
        (lambda data: b"\x28\xb5\x2f\xfd" + data, "compressed with zstd; decompress it first"),
        (lambda data: b"\xfd7zXZ\0" + data, "compressed with xz"),
        (lambda data: b"BZh91AY&SY" + data, "compressed with bzip2"),
        (lambda data: gzip.compress(data) + b"junk", "after line .* compress the file again"),
        (lambda data: gzip.compress(data)[:-9], "cannot be read"),
        (lambda data: gzip.compress(data)[:12] + b"\xff" * 9, "cannot be read"),
        (lambda data: data.decode().encode("utf-16") + b"\0", "cannot be read"),
    ],
    ids=["empty", "zip", "Parquet", "zstd", "xz", "bzip2", "junk behind gzip", "torn gzip",
         "damaged gzip", "torn UTF-16"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_error(tmp_path, name, data, change, reason):
    """Fails with another exception, or if the error does not name the file."""
    with pytest.raises(UserError, match=reason) as error:
        read(tmp_path, name, change(data))
    assert str(tmp_path / name) in str(error.value)


CASES = {
    "a header only": ("x.csv", b"id,text\n", []),
    "a header without a line end": ("x.tsv", b"id\ttext", []),
    "blank lines": ("x.csv", b"\n\nid,text\n\n1,a\n\n\n2,b\n\n", ["a", "b"]),
    "quoted line breaks": ("x.csv", b'id,text\n1,"a\n\nb"\n2,c\n', ["a\n\nb", "c"]),
    "doubled quotes": ("x.csv", b'id,text\n1,"a ""b"" c"\n', ['a "b" c']),
    "a quote inside of a cell": ("x.csv", b'id,text\n1,5" pipe\n2,b\n', ['5" pipe', "b"]),
    "text behind a quote": ("x.csv", b'id,text\n1,"a"b\n2,b\n', [2, "b"]),
    "an open quote at the end": ("x.csv", b'id,text\n1,a\n2,"b', ["a", 3]),
    "two open quotes": ("x.csv", b'id,text\n1,"a\n2,b\n3,"c\n4,d\n', [2, "b", 4, "d"]),
    "backslashes before quotes": ("x.csv", b'id,text\n1,"a \\"b\\" c"\n2,b\n', [2, "b"]),
    "too few cells": ("x.csv", b"id,text\n1\n2,b\n", [2, "b"]),
    "too many cells": ("x.csv", b"id,text\n1,a,\n2,b\n", [2, "b"]),
    "a carriage return in a line": ("x.csv", b"id,text\n1,a\rb\n2,b\n", [2, "b"]),
    "a NUL": ("x.csv", b"id,text\n1,a\0b\n2,b\n", ["a\0b", "b"]),
    "Latin-1": ("x.csv", b"id,text\n1,caf\xe9\n2,b\n", [2, "b"]),
    "Latin-1 in quoted lines": ("x.csv", b'id,text\n1,"a\nf\xe9"\n2,b\n', [2, "b"]),
    "half a character": ("x.txt", "aé\nb\n".encode()[:2] + b"\nb\n", [1, "b"]),
    "a surrogate in UTF-8": ("x.txt", b"a\xed\xa0\x80\nb\n", [1, "b"]),
    "other line separators": ("x.txt", "a\u2028b\u0085c\nd\x0be\x0cf\n".encode(),
                              ["a\u2028b\u0085c", "d\x0be\x0cf"]),
    "old Macintosh line ends": ("x.csv", b"id,text\r1,a\r", None),
    "a blank text": ("x.txt", b"\n\n", ["", ""]),
    "a header twice": ("x.csv", b"id,text\nid,text\n1,a\n", ["text", "a"]),
    "quotes in TSV": ("x.tsv", b'id\ttext\n1\t"a\n2\tb\n', ['"a', "b"]),
    "one column of TSV": ("x.tsv", b"text\na;b\n", ["a;b"]),
    "JSON in the file": ("x.csv", b'id,text\n1,"{""a"":1}"\n', ['{"a":1}']),
    "JSON with blank lines": ("x.jsonl", b'\n{"text":"a"}\n \n{"text":"b"}', ["a", "b"]),
    "JSON that ends early": ("x.jsonl", b'{"text":"a"}\n{"text":"b', ["a", 2]),
    "two objects in a line": ("x.jsonl", b'{"text":"a"}{"text":"b"}\n{"text":"c"}', [1, "c"]),
    "a comma after an object": ("x.jsonl", b'{"text":"a"},\n{"text":"c"}', [1, "c"]),
    "no object": ("x.jsonl", b'{"text":"a"}\n[1]\n"x"\n3\nnull\n', ["a", 2, 3, 4, 5]),
    "a field twice": ("x.jsonl", b'{"text":"a","text":"b"}\n{"text":"c"}', [1, "c"]),
    "a nested field twice": ("x.jsonl", b'{"text":"a","x":{"y":1,"y":2}}\n', [1]),
    "deep nesting": ("x.jsonl", b'{"text":"a","x":' + b"[" * 10**5 + b"\n" + JSONL,
                     [1, "a", "b", "c"]),
    "a huge number": ("x.jsonl", b'{"text":"a","x":' + b"9" * 5000 + b"}\n" + JSONL,
                      [1, "a", "b", "c"]),
    "a pretty object": ("x.json", b'{\n  "text": "a"\n}\n', [1, 2, 3]),
    "JSON lines called .json": ("x.json", JSONL, ["a", "b", "c"]),
    "CoNLL without blank lines": ("x.conll", b"-DOCSTART- O\na O\n-DOCSTART- O\nb O\n", ["a", "b"]),
    "CoNLL with a bad line": ("x.conll", b"a O\nb\nc O\n\nd O\n", [2, "d"]),
    "CoNLL in Latin-1": ("x.conll", b"a O\n\xe9 O\n\nd O\n", [2, "d"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_fault_costs_its_own_row_only(tmp_path, case):
    name, data, expected = CASES[case]
    if expected is None:
        with pytest.raises(UserError):
            read(tmp_path, name, data)
    else:
        assert read(tmp_path, name, data) == expected


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.csv", b"id;text\n1;a\n", r"if the columns are separated by ';', pass --delimiter ';'"),
        ("x.csv", b"id|text\n1|a\n", r"pass --delimiter '\|'"),
        ("x.csv", b"id\ttext\n1\ta\n", r"pass --delimiter '\\t'"),
        ("x.csv", b"\n\n", "has no header line"),
        ("x.csv", b'"id,text\n1,a\n', "the header line opens a quote"),
        ("x.tsv", b"\xe9\n1\n", "the header line is not UTF-8"),
        ("x.jsonl", b'[{"text": "a"}]', r"convert it with `jq -c '\.\[\]'"),
        ("x.json", b'\n [\n{"text": "a"}\n]', "begins with '\\['"),
    ],
)
def test_a_table_that_is_not_one_is_one_error(tmp_path, name, data, reason):
    with pytest.raises(UserError, match=reason):
        read(tmp_path, name, data)


@pytest.mark.parametrize("delimiter", [";", "|", "\t", ":"])
def test_other_delimiters(tmp_path, delimiter):
    data = f'id{delimiter}text\n1{delimiter}"a{delimiter}b"\n'.encode()
    assert read(tmp_path, "x.csv", data, TableOptions(delimiter=delimiter)) == [f"a{delimiter}b"]
    assert read(tmp_path, "y.csv", b"a;b\nx\n", TableOptions(("text",), ",")) == ["a;b", "x"]


def test_quotes_escaped_by_backslashes(tmp_path):
    data = b'id,text\n1,"a \\"b\\", c"\n'
    assert read(tmp_path, "x.csv", data, TableOptions(escape="\\")) == ['a "b", c']
    (tmp_path / "x.csv").write_bytes(data)
    (record,) = RecordReader(tmp_path / "x.csv")
    assert record.error is not None
    assert r"pass --escape '\'" in record.error


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz", "x.jsonl", "x.csv.gz"])
def test_a_line_without_end_is_a_bad_row(tmp_path, monkeypatch, name):
    """Fails if a line is kept in memory whatever its length, or if the next row is lost."""
    monkeypatch.setattr(lines, "MAX_LINE_CHARACTERS", 1000)
    rows = {"x.jsonl": JSONL, "x.csv.gz": CSV}.get(name, TEXT)
    head, tail = (b"id,text\n", rows[8:]) if "csv" in name else (b"", rows)
    long = b"1," + b"y" * 10_000 + b"\n"
    data = head + long + tail
    assert read(tmp_path, name, gzip.compress(data) if name.endswith(".gz") else data) == [
        1 + bool(head), "a", "b", "c"
    ]  # fmt: skip


def test_a_row_of_too_many_characters_ends_at_its_first_line(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "MAX_ROW_CHARACTERS", 100)
    data = b'id,text\n1,"a\n' + b"2,b\n" * 200
    assert read(tmp_path, "x.csv", data) == [2] + ["b"] * 200


@pytest.mark.parametrize("seed", range(40))
def test_no_line_of_a_random_file_is_lost(tmp_path, seed):
    """Random bytes of the kinds that have a meaning. `texts` checks that every line is accounted
    for."""
    draw = random.Random(seed)
    parts = [b"\n", b"\n", b'"', b'"', b",", b"\t", b"a", b"1", b"\r", b"\\", b"\xe9", b"\0", b"#",
             b"{", b"}", b"[", b' "text": "b"', b"-DOCSTART- O", b"a O\n", b"1,a\n"]  # fmt: skip
    heads = {"csv": b"id,text\n", "tsv": b"id\ttext\n", "jsonl": b"{}\n", "conll": b"a\tO\n",
             "conllu": b"# a\n", "txt": b"a\n"}  # fmt: skip
    for name, head in heads.items():
        body = b"".join(draw.choices(parts, k=draw.randrange(1, 400)))
        read(tmp_path, f"x.{name}", head + body)

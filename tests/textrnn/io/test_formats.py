"""A new file format is a reader, a writer and one entry of FORMATS."""

import pytest

from support.rows import source_rows
from textrnn.errors import UserError
from textrnn.io.formats import FORMATS, FileFormat, endings, format_of, writable_format
from textrnn.io.records import Record
from textrnn.io.writers import TextRowWriter
from textrnn.predictor import Predictor
from textrnn.scoring import local, score
from training.recipe import Source


def read_pairs(lines, options):
    """Lines such as id=1;text=good."""
    for number, line, error in lines:
        fields = dict(pair.split("=") for pair in line.rstrip("\n").split(";"))
        yield Record(number, fields, error)


class PairsWriter(TextRowWriter):
    def line(self, row):
        return ";".join(f"{name}={value}" for name, value in row.items()) + "\n"


@pytest.fixture
def pairs(monkeypatch):
    monkeypatch.setitem(FORMATS, "pairs", FileFormat("pairs", (".pairs",), read_pairs, PairsWriter))


def test_a_registered_format_is_usable_everywhere(
    pairs, predictor: Predictor, tmp_path, monkeypatch
):
    """In scoring and in training. Fails if a format is looked up outside of the registry."""
    source = tmp_path / "in.pairs"
    source.write_text("id=1;text=a fine film;label=friendly\nid=2;text=;label=hostile\n")
    done = score(
        predictor.task, local(predictor), [source], tmp_path / "out.pairs.gz", identity="weights-1"
    )
    assert (done.rows, done.bad) == (1, 1)
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    fields = {"text": "text", "label": "predicted_label"}
    (row,) = source_rows(
        Source.parse({"path": "out.pairs.gz", "fields": fields}, "test"), "classify"
    )
    assert row == {"text": "a fine film", "label": "friendly"}
    (tmp_path / "in.pairs").rename(tmp_path / "in.data")
    named = Source.parse({"path": "in.data", "format": "pairs", "rows": 1}, "test")
    assert [row["text"] for row in source_rows(named, "classify")] == ["a fine film"]
    assert [row["text"] for row in source_rows(named, "generate")] == ["a fine film"]


def test_errors_list_the_registered_formats(pairs, tmp_path):
    """Fails if a list of formats in an error is a copy of the registry."""
    with pytest.raises(
        UserError, match=r"known endings are \.csv, .*\.pairs, except for Parquet also with \.gz"
    ):
        format_of(tmp_path / "x.doc")
    with pytest.raises(UserError, match=r"use one of \.csv, .*\.conll, \.pairs$"):
        writable_format(tmp_path / "x.conllu")
    with pytest.raises(UserError, match=r"no format 'doc'; there are csv, .*pairs, trees"):
        Source.parse({"path": "x", "format": "doc"}, "test")


def test_endings_are_unambiguous():
    """Fails if the format of a file depends on the order of the registry."""
    known = endings()
    assert not [(a, b) for a in known for b in known if a != b and a.endswith(b)]

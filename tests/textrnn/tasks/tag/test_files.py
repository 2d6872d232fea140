"""Taggers on the command line: input and output files, reports, and malformed files."""

import gzip
import json

import pytest

from support.command import textrnn_here as textrnn
from support.data import towns


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dev.conll").write_text(towns(30, seed=1))
    return tmp_path


def test_evaluate_prints_the_table_of_conlleval(tag_bundle, folder):
    done = textrnn("evaluate", tag_bundle, "dev.conll", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "dev.conll  1.0000" in done.stdout
    assert "accuracy: 100.00%; precision: 100.00%; recall: 100.00%; FB1: 100.00" in done.stdout
    assert "              PER: precision: 100.00%" in done.stdout


def test_evaluate_reports_tags_that_it_repairs(tag_bundle, folder):
    """Fails if the measured data differs from the file in silence."""
    (folder / "dev.conll").write_text("Bob\tI-PER\nRay\tB-PER\n\nis\tO\nRome\tB-LOC\nOslo\tI-PER\n")
    done = textrnn("evaluate", tag_bundle, "dev.conll", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "sentences with tags that violate their scheme: 1" in done.stderr


def test_evaluate_with_a_given_format(tag_bundle, folder):
    (folder / "dev.conll").rename(folder / "dev.testa")
    done = textrnn("evaluate", tag_bundle, "dev.testa", "--format", "conll", "--json", cwd=folder)
    assert json.loads(done.stdout)["dev.testa"]["f1"] == 1
    done = textrnn("evaluate", tag_bundle, "dev.testa", "--format", "colls", cwd=folder)
    assert done.returncode == 1
    assert "no format 'colls'; there are csv, tsv" in done.stderr


def test_columns_in_columns_out(tag_bundle, folder):
    done = textrnn("score", tag_bundle, "dev.conll", "--output", "out.conll", cwd=folder)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in (folder / "out.conll").read_text().splitlines() if line]
    given = [line.split("\t") for line in towns(30, seed=1).splitlines() if line]
    assert [line[:2] for line in lines] == given
    assert all(gold == predicted for _, gold, predicted in lines)
    again = textrnn("evaluate", tag_bundle, "out.conll", cwd=folder)
    assert "1.0000" in again.stdout


def test_text_in_json_out(tag_bundle, folder):
    with gzip.open(folder / "in.txt.gz", "wt") as stream:
        stream.write("Grace Hopper lives in Oslo\n\nis San Jose big ?\n")
    done = textrnn("score", tag_bundle, "in.txt.gz", "--output", "out.jsonl", cwd=folder)
    assert "2 of 3 rows scored; 1 bad row in out.jsonl.errors.jsonl" in done.stdout
    rows = [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]
    predicted = [[e["text"] for e in row["predicted_entities"]] for row in rows]
    assert predicted == [["Grace Hopper", "Oslo"], ["San Jose"]]


def test_text_in_columns_out(tag_bundle, folder):
    (folder / "in.txt").write_text("Bob lives in New York\n")
    textrnn("score", tag_bundle, "in.txt", "--output", "out.conll", cwd=folder)
    assert (folder / "out.conll").read_text() == (
        "Bob\tB-PER\nlives\tO\nin\tO\nNew\tB-LOC\nYork\tI-LOC\n\n"
    )


def test_malformed_rows_are_reported_with_their_lines(tag_bundle, folder):
    (folder / "in.conll").write_text("Bob\tB-PER\nsings\n\nOslo\tB-LOC\n")
    done = textrnn("score", tag_bundle, "in.conll", "--output", "out.jsonl", cwd=folder)
    assert done.returncode == 3, done.stderr
    (fault,) = map(json.loads, (folder / "out.jsonl.errors.jsonl").read_text().splitlines())
    assert fault["line"] == 2
    assert "has 1 columns, expected 2" in json.dumps(fault)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Bob\tB-PER\nsings\n", "dev.conll:2: has 1 columns, expected 2"),
        ("Bob\tPER\n", "dev.conll:1: unknown tag 'PER'"),
        ("Bob\tB-DOG\n", "unknown label 'DOG'; the labels are LOC, PER"),
        ("New York\tB-LOC\n", "dev.conll:1: has a token that contains white space: 'New York'"),
        ("\n\n", "has no rows"),
    ],
)
def test_a_faulty_file_is_one_clear_error(tag_bundle, folder, text, reason):
    (folder / "dev.conll").write_text(text)
    done = textrnn("evaluate", tag_bundle, "dev.conll", cwd=folder)
    assert done.returncode == 1
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_classifier_writes_no_columns(tiny_bundle, folder):
    done = textrnn("score", tiny_bundle, "dev.conll", "--output", "o.conll", cwd=folder)
    assert done.returncode == 1
    assert "only taggers write .conll" in done.stderr
    assert not (folder / "o.conll").exists()


@pytest.mark.slow
def test_fine_tuning_a_shipped_tagger(folder):
    """Fails if one epoch on 120 sentences is not enough, since the words are already known."""
    (folder / "data").mkdir()
    (folder / "data" / "ours.conll").write_text(towns(120, seed=2))
    arguments = ["name=mine", "data.train.0.path=ours.conll", "train.epochs=2", "--output", "run"]
    shapes = ["train.lengths=[8]", "limits.length=8", "limits.rows=16", "limits.tokens=128"]
    done = textrnn("train", "tag", *shapes, *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    done = textrnn("evaluate", "run/bundle", "dev.conll", "--json", cwd=folder)
    assert json.loads(done.stdout)["dev.conll"]["f1"] > 0.9

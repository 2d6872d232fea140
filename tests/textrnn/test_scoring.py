import csv
import gzip
import json
import os
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from support.data import sentences, write_csv
from textrnn import scoring
from textrnn.errors import UserError
from textrnn.io.formats import read_records
from textrnn.scoring import local, score


@pytest.fixture
def predictor(warm_predictor):
    return warm_predictor


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Small chunks, so that small files have several."""
    monkeypatch.setattr(scoring, "CHUNK", 16)


def run(predictor, source, output, **options):
    return score(
        predictor.task, local(predictor), [source], output, identity="weights-1", **options
    )


class Killed(BaseException):
    """Simulates a process that is killed."""


def killed_after(predictor, chunks):
    """A runner that is killed after some chunks."""

    def runner(source):
        for number, chunk in enumerate(local(predictor)(source)):
            if number == chunks:
                raise Killed
            yield chunk

    return runner


def interrupted(predictor, source, output, chunks, **options):
    with pytest.raises(Killed):
        score(
            predictor.task, killed_after(predictor, chunks), [source], output,
            identity="weights-1", **options,
        )  # fmt: skip


def rows_of(path: Path):
    return [record.fields for record in read_records(path)]


@pytest.mark.parametrize(
    "name", ["out.csv", "out.tsv", "out.jsonl", "out.parquet", "out.csv.gz", "out.jsonl.gz"]
)
@pytest.mark.parametrize("source", ["in.csv", "in.tsv.gz", "in.jsonl", "in.parquet"])
def test_every_format_converts_to_every_other(predictor, tmp_path, source, name):
    """Fails if a column is lost, the order changes, or a row has the answer of another one."""
    rows = [{"id": str(i), "text": t, "label": label} for i, (t, label) in enumerate(sentences(40))]
    path = tmp_path / source
    if source.endswith(".parquet"):
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        lines = [json.dumps(row) for row in rows]
        if "sv" in source:
            mark = "\t" if "tsv" in source else ","
            lines = [mark.join(rows[0]), *(mark.join(row.values()) for row in rows)]
        opener = gzip.open if source.endswith(".gz") else open
        with opener(path, "wt") as stream:
            stream.write("\n".join(lines) + "\n")
    progress = run(predictor, path, tmp_path / name)
    assert (progress.rows, progress.bad) == (40, 0)
    result = rows_of(tmp_path / name)
    assert [{k: row[k] for k in ("id", "text", "label")} for row in result] == rows
    assert [row["predicted_label"] for row in result] == [row["label"] for row in rows]
    assert all(0.5 <= float(row["predicted_score"]) <= 1 for row in result)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([source, name])


def test_plain_lines_and_another_column(predictor, tmp_path):
    (tmp_path / "in.txt").write_text("a fine film\na poor film\n")
    run(predictor, tmp_path / "in.txt", tmp_path / "out.jsonl")
    assert [r["predicted_label"] for r in rows_of(tmp_path / "out.jsonl")] == [
        "friendly",
        "hostile",
    ]
    (tmp_path / "in.csv").write_text("review\na fine film\n")
    run(predictor, tmp_path / "in.csv", tmp_path / "o.csv", columns={"text": "review"})
    assert rows_of(tmp_path / "o.csv")[0]["predicted_label"] == "friendly"


def test_all_scores_on_demand(predictor, tmp_path):
    (tmp_path / "in.txt").write_text("a fine film\n")
    for name in ("out.jsonl", "out.parquet"):
        run(predictor, tmp_path / "in.txt", tmp_path / name, options={"top_k": 2})
        (row,) = rows_of(tmp_path / name)
        assert [s["label"] for s in row["predicted_scores"]] == ["friendly", "hostile"]


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.gz", "out.parquet"])
@pytest.mark.parametrize("chunks", [0, 1, 4])
def test_a_resumed_job_equals_an_uninterrupted_one(predictor, tmp_path, name, chunks):
    """Byte for byte. Fails if a chunk is lost or duplicated, or a partial one remains."""
    source = write_csv(tmp_path / "in.csv", sentences(100))
    with source.open("a") as stream:
        stream.write('100,"",\n')
    once, twice = tmp_path / "once", tmp_path / "twice"
    once.mkdir()
    twice.mkdir()
    run(predictor, source, once / name)
    interrupted(predictor, source, twice / name, chunks)
    assert not (twice / name).exists()
    with (twice / (name + ".partial")).open("ab") as stream:
        stream.write(b"torn")  # as after a crash during a write
    progress = run(predictor, source, twice / name, resume=True)
    assert (progress.rows, progress.bad) == (100, 1)
    assert sorted(p.name for p in twice.iterdir()) == sorted(p.name for p in once.iterdir())
    for path in once.iterdir():
        assert (twice / path.name).read_bytes() == path.read_bytes()


def test_a_finished_job_is_not_run_again(predictor, tmp_path):
    source = write_csv(tmp_path / "in.csv", sentences(5))
    run(predictor, source, tmp_path / "out.csv")
    before = (tmp_path / "out.csv").read_bytes()
    assert run(predictor, source, tmp_path / "out.csv", resume=True).records == 0
    with pytest.raises(UserError, match="exists already"):
        run(predictor, source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == before


def test_a_different_job_is_not_resumed(predictor, tmp_path):
    """Fails if parts of a file can come from different weights, options or inputs."""
    source = write_csv(tmp_path / "in.csv", sentences(50))
    interrupted(predictor, source, tmp_path / "out.csv", 1)
    with pytest.raises(UserError, match="with other options"):
        run(predictor, source, tmp_path / "out.csv", resume=True, options={"top_k": 1})
    write_csv(source, sentences(60))
    with pytest.raises(UserError, match="with other inputs"):
        run(predictor, source, tmp_path / "out.csv", resume=True)
    run(predictor, source, tmp_path / "out.csv")
    assert len(rows_of(tmp_path / "out.csv")) == 60


BAD = (
    b"id,text,label\n"
    b"0,a fine film,friendly\n"
    b"1\n"
    b"2,,hostile\n"
    b"3,\xff,hostile\n"
    b"4," + b"word " * 70 + b",hostile\n"
    b"5,a poor film,hostile\n"
)


def test_bad_rows_are_reported_and_others_scored(predictor, tmp_path):
    (tmp_path / "in.csv").write_bytes(BAD)
    progress = run(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    assert (progress.rows, progress.bad) == (2, 4)
    assert [row["id"] for row in rows_of(tmp_path / "out.csv")] == ["0", "5"]
    errors = rows_of(tmp_path / "out.csv.errors.jsonl")
    assert [entry["line"] for entry in errors] == [3, 4, 5, 6]
    reasons = ["1 columns, expected 3", "empty", "not UTF-8", "more than 62 tokens"]
    for entry, reason in zip(errors, reasons, strict=True):
        assert entry["file"] == str(tmp_path / "in.csv")
        assert reason in entry["error"]
    assert errors[3]["row"]["id"] == "4"


def test_strict_stops_at_the_first_bad_row(predictor, tmp_path):
    (tmp_path / "in.csv").write_bytes(BAD)
    with pytest.raises(UserError, match=r"in\.csv:3: has 1 columns"):
        run(predictor, tmp_path / "in.csv", tmp_path / "out.csv", strict=True)
    assert not (tmp_path / "out.csv").exists()


def test_truncation_can_be_allowed(predictor, tmp_path):
    (tmp_path / "in.csv").write_bytes(BAD)
    run(predictor, tmp_path / "in.csv", tmp_path / "out.jsonl", options={"truncate": True})
    rows = rows_of(tmp_path / "out.jsonl")
    assert [row["id"] for row in rows] == ["0", "4", "5"]
    assert [row.get("predicted_truncated") for row in rows] == [None, True, None]


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        ("id,review\n1,a\n", {}, "no 'text'; its fields are: id, review"),
        ("id,text\n1,a\n", {"columns": {"text": "review"}}, "no column 'review'; the columns are"),
        ("text,predicted_label\na,b\n", {}, "reserved for answers; rename predicted_label"),
        ("id,text\n1,\n", {}, "no row could be scored: 1 are bad"),
        ("", {}, "is empty"),
        ("id,text\n1,a\n", {"options": {"nope": 1}}, "unknown key 'nope'"),
    ],
)
def test_an_invalid_job_is_one_clear_error(predictor, tmp_path, content, options, reason):
    (tmp_path / "in.csv").write_text(content)
    with pytest.raises(UserError, match=reason):
        run(predictor, tmp_path / "in.csv", tmp_path / "out.csv", **options)
    assert not (tmp_path / "out.csv").exists()


def test_json_rows_may_differ_and_lines_without_text_are_bad_rows(predictor, tmp_path):
    lines = ['{"text": "a fine film", "n": 1}', '{"n": 2}', '{"text": "poor", "more": [1, null]}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    assert run(predictor, tmp_path / "in.jsonl", tmp_path / "o.jsonl").bad == 1
    assert rows_of(tmp_path / "o.jsonl")[1]["more"] == [1, None]
    run(predictor, tmp_path / "in.jsonl", tmp_path / "o.csv")
    assert rows_of(tmp_path / "o.csv")[1]["more"] == "[1, null]"


def test_rows_that_a_format_cannot_represent_are_bad(predictor, tmp_path):
    """Fails if a tab in a TSV cell or a lone surrogate ends the job."""
    rows = [
        {"text": "fine", "x": "1"},
        {"text": "poor\tfilm", "x": "2"},
        {"text": "bad", "x": "\ud800"},
    ]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, good in (("o.tsv", 1), ("o.csv", 2), ("o.jsonl", 3), ("o.parquet", 2)):
        progress = run(predictor, path, tmp_path / name)
        assert (progress.rows, progress.bad) == (good, 3 - good), name
        written = rows_of(tmp_path / name)
        assert [row["x"] for row in written] == [row["x"] for row in rows][:good]


def test_a_column_that_appears_late_is_a_column(predictor, tmp_path):
    lines = ['{"text": "fine"}'] * 40 + ['{"text": "poor", "late": 1}']
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    for name in ("o.csv", "o.tsv", "o.parquet"):
        assert run(predictor, tmp_path / "in.jsonl", tmp_path / name).bad == 0
        assert [str(row["late"] or "") for row in rows_of(tmp_path / name)] == [""] * 40 + ["1"]


def test_several_inputs_become_one_file(predictor, tmp_path):
    sources = [write_csv(tmp_path / f"{i}.csv", sentences(20, seed=i)) for i in range(2)]
    score(predictor.task, local(predictor), sources, tmp_path / "o.csv", identity="w")
    texts = [row["text"] for row in rows_of(tmp_path / "o.csv")]
    assert texts == [text for i in range(2) for text, _ in sentences(20, seed=i)]


def test_a_full_disk_keeps_what_was_written(predictor, tmp_path, monkeypatch):
    """Fails if a failed write loses earlier rows, or counts rows that are not on disk."""
    source = write_csv(tmp_path / "in.csv", sentences(60))
    real, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) > 4:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device; 16 rows are kept"):
        run(predictor, source, tmp_path / "out.csv")
    monkeypatch.undo()
    monkeypatch.setattr(scoring, "CHUNK", 16)
    run(predictor, source, tmp_path / "out.csv", resume=True)
    with (tmp_path / "out.csv").open(newline="") as stream:
        assert [row["id"] for row in csv.DictReader(stream)] == [str(i) for i in range(60)]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(predictor, tmp_path):
    """Fails if rows, answers or errors accumulate in memory. The long form is in benchmarks/."""
    import psutil

    process = psutil.Process()
    peaks = []
    for count in (500, 8000):
        path = tmp_path / f"{count}.csv"
        text = " ".join(["word"] * 40)
        path.write_text("text\n" + f"{text} fine\n" * count)
        peak = 0

        def watch(_):
            nonlocal peak
            peak = max(peak, process.memory_info().rss)

        run(predictor, path, tmp_path / f"{count}.jsonl", on_progress=watch)
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 30e6

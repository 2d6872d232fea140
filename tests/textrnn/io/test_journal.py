"""A job is killed at every step that touches the disk, and is resumed: nothing is lost, nothing is
written twice, and no output is replaced by something else."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from support.data import sentences
from textrnn import scoring
from textrnn.errors import UserError
from textrnn.io.journal import JournalProgress, start_or_resume
from textrnn.io.lock import exclusive
from textrnn.scoring import local, score

STEPS = ("fsync", "replace", "rename", "unlink")
"""The functions of `os` through which a job changes the disk, besides appending to its files."""


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def answers(warm_predictor, monkeypatch):
    """A function that scores IN.csv to an output, without running the model more than once."""
    monkeypatch.setattr(scoring, "CHUNK", 3)
    known: dict[str, dict] = {}

    def run(chunks):
        for chunk in chunks:
            new = [e for e in chunk.examples if e.ids.tobytes() not in known]
            for example, answer in zip(new, warm_predictor.answer(new), strict=True):
                known[example.ids.tobytes()] = answer
            chunk.answers = [known[example.ids.tobytes()] for example in chunk.examples]
            yield chunk

    def run_job(folder: Path, name: str, resume: bool = False):
        return score(
            warm_predictor.task, run, [folder.parent / "in.csv"], folder / name, identity="w",
            resume=resume,
        )  # fmt: skip

    return run_job


def write_input(folder: Path) -> None:
    lines = ["id,text", *(f"{i},{text}" for i, (text, _) in enumerate(sentences(5))), '5,"']
    (folder / "in.csv").write_text("\n".join(lines) + "\n")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Kill:
    """Raises `Killed` in place of the `number`-th step and of every later one."""

    def __init__(self, monkeypatch, number: int):
        self.steps = 0
        for name in STEPS:
            real = getattr(os, name)

            def step(*arguments, real=real, **options):
                self.steps += 1
                if self.steps >= number:
                    raise Killed
                return real(*arguments, **options)

            monkeypatch.setattr(os, name, step)


@pytest.mark.parametrize("name", ["o.csv", "o.jsonl.gz", "o.parquet"])
def test_a_job_that_is_killed_at_any_step_is_resumed(answers, tmp_path, monkeypatch, name):
    """Fails if what is on disk after any step cannot be resumed, or not to the same bytes."""
    write_input(tmp_path)
    once = tmp_path / "once"
    once.mkdir()
    expected = answers(once, name)
    assert (expected.records, expected.rows, expected.bad) == (6, 5, 1)
    number = 0
    while True:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        with monkeypatch.context() as patch:
            Kill(patch, number)
            try:
                answers(folder, name)
                break
            except Killed:
                pass
        output = folder / name
        assert not output.exists() or output.read_bytes() == (once / name).read_bytes()
        done = answers(folder, name, resume=True)
        assert contents(folder) == contents(once)
        # Known whenever the job had not been cleaned up to the end.
        assert (done.records, done.bad) in ((6, 1), (0, 1))
        again = answers(folder, name, resume=True)
        assert again.records == 0
        assert contents(folder) == contents(once)
    assert number > 12


@pytest.mark.parametrize("first", [1, 4, 7, 12])
def test_a_job_that_is_killed_again_and_again_is_resumed(answers, tmp_path, monkeypatch, first):
    write_input(tmp_path)
    once, folder = tmp_path / "once", tmp_path / "twice"
    once.mkdir()
    folder.mkdir()
    answers(once, "o.parquet")
    for number in (first, 3, 5, 2, 8):
        with monkeypatch.context() as patch:
            Kill(patch, number)
            with suppress(Killed):
                answers(folder, "o.parquet", resume=True)
    answers(folder, "o.parquet", resume=True)
    assert contents(folder) == contents(once)


def interrupted(answers, folder: Path, monkeypatch) -> None:
    """A job in `folder` that has written its first chunks."""
    folder.mkdir()
    write_input(folder.parent)
    with monkeypatch.context() as patch:
        Kill(patch, 11)
        with pytest.raises(Killed):
            answers(folder, "o.csv")
    assert {"o.csv.partial", "o.csv.progress.json"} <= set(contents(folder))


def remove(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("o.csv.partial", remove, "o.csv.partial: is missing"),
        ("o.csv.partial", truncate, "is not as it was written: expected"),
        ("o.csv.partial", damage, "is not as it was written"),
        ("o.csv.progress.json", truncate, "progress.json: is damaged"),
        ("o.csv.progress.json", lambda path: path.write_bytes(b""), "is damaged"),
        ("o.csv.progress.json", lambda path: path.write_bytes(b"\xff"), "is damaged"),
        ("o.csv.progress.json", lambda path: path.write_bytes(b"[" * 10**5), "is damaged"),
        ("o.csv.progress.json", lambda path: path.write_bytes(b"[]"), "is damaged"),
        ("o.csv.progress.json", lambda path: path.write_bytes(b"{}"), "'job' is missing"),
        ("o.csv", lambda path: path.write_bytes(b"other"), "is not the file of the job"),
    ],
)
def test_a_job_whose_files_were_changed_is_not_resumed(
    answers, tmp_path, monkeypatch, name, change, reason
):
    """Fails if zeros are written in place of what is missing, or an error is not one line."""
    folder = tmp_path / "job"
    interrupted(answers, folder, monkeypatch)
    change(folder / name)
    (folder / "o.csv.lock").unlink()
    before = contents(folder)
    with pytest.raises(UserError, match=reason):
        answers(folder, "o.csv", resume=True)
    assert contents(folder) == before


def test_what_was_appended_after_the_last_chunk_is_cut_off(answers, tmp_path, monkeypatch):
    folder = tmp_path / "job"
    interrupted(answers, folder, monkeypatch)
    for name in ("o.csv.partial", "o.csv.errors.jsonl"):
        with (folder / name).open("ab") as stream:
            stream.write(b"torn")
    assert answers(folder, "o.csv", resume=True).rows == 5
    assert b"torn" not in b"".join(contents(folder).values())


def test_a_new_job_does_not_begin_with_the_progress_of_an_old_one(answers, tmp_path, monkeypatch):
    """Fails if a job that starts anew and is killed at once is resumed from older progress."""
    folder = tmp_path / "job"
    interrupted(answers, folder, monkeypatch)
    with monkeypatch.context() as patch:
        Kill(patch, 3)
        with pytest.raises(Killed):
            answers(folder, "o.csv")
    progress = start_or_resume(folder / "o.csv", {}, resume=True)
    assert progress == JournalProgress(job={})


@pytest.mark.parametrize("name", ["o.csv", "o.jsonl", "o.parquet"])
def test_a_job_without_rows_is_an_empty_table(answers, tmp_path, name):
    (tmp_path / "in.csv").write_text("id,text\n")
    folder = tmp_path / "job"
    folder.mkdir()
    done = answers(folder, name)
    assert (done.records, done.lines, done.skipped) == (0, 1, 1)
    assert list(contents(folder)) == [name]
    if name == "o.csv":
        head = b"id,text,predicted_label,predicted_score\n"
        assert (folder / name).read_bytes() == head


@pytest.mark.parametrize("content", ["id,other\n1,a\n", "id;text\n1;a\n", 'id,text\n1,"a\n', ""])
def test_nothing_but_an_error_is_left_of_a_job_that_cannot_start(answers, tmp_path, content):
    (tmp_path / "in.csv").write_text(content)
    folder = tmp_path / "job"
    folder.mkdir()
    with pytest.raises(UserError):
        answers(folder, "o.csv")
    assert set(contents(folder)) <= {"o.csv.errors.jsonl"}


def test_two_jobs_cannot_write_one_output(answers, tmp_path):
    """Fails if the rows of two jobs are mixed."""
    write_input(tmp_path)
    folder = tmp_path / "job"
    folder.mkdir()
    with exclusive(folder / "o.csv"):
        for resume in (False, True):
            with pytest.raises(UserError, match=r"o\.csv: another process is writing this file"):
                answers(folder, "o.csv", resume=resume)
    assert answers(folder, "o.csv").rows == 5
    assert "o.csv.lock" not in contents(folder)


def test_a_dead_process_keeps_no_lock(tmp_path):
    holder = (
        "import os, sys, pathlib; from textrnn.io.lock import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", holder, str(tmp_path / "o")], check=False)
    assert done.returncode == -9
    assert (tmp_path / "o.lock").exists()
    with exclusive(tmp_path / "o"):
        pass
    assert not (tmp_path / "o.lock").exists()


def test_an_input_that_changes_meanwhile_is_an_error(answers, warm_predictor, tmp_path):
    """Fails if a job ends well although it read two states of a file."""
    write_input(tmp_path)

    def run(chunks):
        for chunk in local(warm_predictor)(chunks):
            with (tmp_path / "in.csv").open("a") as stream:
                stream.write("10,more\n")
            yield chunk

    with pytest.raises(UserError, match="was changed while it was scored"):
        score(warm_predictor.task, run, [tmp_path / "in.csv"], tmp_path / "o.csv", identity="w")
    assert not (tmp_path / "o.csv").exists()

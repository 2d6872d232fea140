"""Kill scoring jobs at random moments, resume them, and compare the output with that of a job that
ran undisturbed: `make kills`. It takes some minutes, so it is not part of `make test`.

The kernel kills a real process, so what a job has buffered is lost, unlike in the test that stops a
job at every step (tests/textrnn/io/test_journal.py). The answers of the model are computed once.
"""

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import textrnn.scoring
from support.data import sentences
from support.paths import ROOT
from textrnn.bundle import load_bundle
from textrnn.scoring import score

FORMATS = ("csv", "tsv", "jsonl", "parquet", "csv.gz", "jsonl.gz")
ROWS = 3_000
BUNDLE = ROOT / "tests/data/bundles/tiny"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills in each format")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    textrnn.scoring.CHUNK = 64
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.csv"
        write_input(source)
        answers = answers_of(source, Path(folder) / "answers.jsonl")
        for name in FORMATS:
            jobs, resumes = kill_jobs(name, arguments.kills, draw, source, answers)
            print(f"{name}: {arguments.kills} kills in {jobs} jobs, {resumes} resumed, all equal")


def write_input(source: Path) -> None:
    with source.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text", "note"])
        for number, (text, _) in enumerate(sentences(ROWS)):
            writer.writerow([number, "" if number % 97 == 0 else text, 'a "note", quoted'])


def answers_of(source: Path, output: Path) -> list[dict]:
    """The answers to the rows that are not bad, by the command line in a process of its own: this
    process starts no threads, so that it can be forked."""
    command = [sys.executable, "-m", "textrnn", "score", str(BUNDLE), str(source)]
    command += ["--output", str(output), "--allow-bad", str(ROWS)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    rows = map(json.loads, output.read_text().splitlines())
    return [{"label": r["predicted_label"], "score": r["predicted_score"]} for r in rows]


def kill_jobs(
    name: str, kills: int, draw: random.Random, source: Path, answers: list[dict]
) -> tuple[int, int]:
    """Number of jobs that were finished, and of starts with --resume. Raises AssertionError."""
    jobs = resumes = 0
    with tempfile.TemporaryDirectory() as folder:
        once = Path(folder) / "once"
        once.mkdir()
        began = time.perf_counter()
        assert run(source, once / f"out.{name}", answers, None) == 0
        duration = time.perf_counter() - began
        expected = contents(once)
        while kills > 0:
            jobs += 1
            target = Path(folder) / str(jobs)
            target.mkdir()
            while kills > 0:
                status = run(source, target / f"out.{name}", answers, draw.uniform(0, duration))
                assert status in (0, -signal.SIGKILL), f"the job ended with {status}"
                kills -= status != 0
                resumes += 1
                if status == 0:
                    break
            assert run(source, target / f"out.{name}", answers, None) == 0
            assert contents(target) == expected, f"{target} differs"
    return jobs, resumes


def run(source: Path, output: Path, answers: list[dict], seconds: float | None) -> int:
    """The status of a forked job, which is killed after some seconds; negative for a signal."""
    child = os.fork()
    if not child:
        try:
            job(source, output, answers)
            os._exit(0)
        except BaseException as error:
            print(f"{output}: {error!r}", file=sys.stderr)
            os._exit(1)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def job(source: Path, output: Path, answers: list[dict]) -> None:
    task = load_bundle(BUNDLE).task
    resume = bool(list(output.parent.iterdir()))

    def answer(chunks):
        done = json.loads(progress.read_text())["rows"] if progress.exists() else 0
        for chunk in chunks:
            chunk.answers = answers[done : done + len(chunk.examples)]
            done += len(chunk.examples)
            yield chunk

    progress = output.with_name(output.name + ".progress.json")
    score(task, answer, [source], output, identity="tiny", resume=resume)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


if __name__ == "__main__":
    main()

"""The command line: exit status 0, 1, 2 or 3; errors are one line.

Most tests call the entry point in this process. A process of its own is used to check the exit
status in a shell and the behaviour with a closed pipe.
"""

import csv
import io
import json
import subprocess
import sys

import pytest

from support.command import textrnn, textrnn_here
from support.data import sentences, write_csv
from textrnn.__main__ import LONG_RUNNING
from textrnn.cli.main import app


def test_commands_that_restart_exist():
    """Fails if a command is renamed, and then runs without huge pages."""
    assert {command.name for command in app.registered_commands} >= LONG_RUNNING


def test_help_lists_every_command():
    """Fails if a command is not registered."""
    done = textrnn_here("--help")
    assert done.returncode == 0
    for command in ("serve", "train", "evaluate", "score", "predict", "models", "data", "runs"):
        assert command in done.stdout


@pytest.mark.parametrize(
    "arguments", [["dance"], ["score", "m"], ["serve", "--port", "x"], ["score", "--engine", "y"]]
)
def test_wrong_usage_is_a_2(arguments):
    """Fails if an unknown command, option or value is accepted, or causes a traceback."""
    done = textrnn_here(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.process
def test_a_shell_sees_the_status_and_one_line(tmp_path):
    """Fails if the process prints more than `main`, or exits with another status."""
    done = textrnn("predict", "no-such-model", "a", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("textrnn: ")
    assert done.stderr.count("\n") == 1
    assert textrnn("dance", cwd=tmp_path).returncode == 2


@pytest.mark.process
def test_a_closed_pipe_is_no_traceback(tiny_bundle):
    """As with `textrnn predict ... | head -1`. Fails if a closed pipe causes a traceback."""
    command = [sys.executable, "-m", "textrnn", "predict", str(tiny_bundle)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.close()
        process.stdin.write(b"a fine film\n" * 5000)
        process.stdin.close()
        assert process.stderr
        errors = process.stderr.read()
    assert process.returncode == 1
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["predict", "no-such-model", "a"], "no model 'no-such-model'"),
        (["predict", "BUNDLE", "a", "--option", "nope=1"], "unknown key 'nope'"),
        (["predict", "BUNDLE", "a", "--option", "nope"], "not an assignment"),
        (["train", "no-such-recipe"], "no recipe 'no-such-recipe'"),
        (["score", "BUNDLE", "no.csv", "--output", "o.csv"], "no.csv: cannot be read"),
        (["score", "BUNDLE", "in.csv", "--output", "o.doc"], "is not known by the ending"),
        (["score", "BUNDLE", "in.csv", "--output", "o.txt"], "cannot be written in this format"),
        (["score", "BUNDLE", "in.csv", "--output", "no/dir.csv"], "cannot be written"),
        (["score", "BUNDLE", "in.csv", "--output", "o.csv", "--column", "x"], "not an assignment"),
        (["score", "BUNDLE", "in.csv", "--output", "o.csv", "--format", "x"], "no format 'x'"),
        (["score", "BUNDLE", "in.csv", "--output", "o.csv", "--delimiter", ";;"], "one character"),
        (["score", "BUNDLE", "-", "--output", "o.csv"], "otherwise name the format"),
        (["score", "BUNDLE", "in.csv", "--output", "-", "--output-format", "parquet"], "a stream"),
        (["score", "BUNDLE", "in.csv", "--output", "-", "--resume"], "cannot be resumed"),
        (["evaluate", "BUNDLE", "no-gold.csv"], "no column 'label'"),
        (["runs", "compare", "nowhere"], "holds no run"),
        (["data", "fetch", "nothing", "--to", "x"], "no data set 'nothing'; there are"),
        (["models", "show", "nope"], "no model 'nope'"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_1_and_one_line(tiny_bundle, tmp_path, arguments, reason):
    """Fails on a traceback, or if a partial file remains."""
    write_csv(tmp_path / "in.csv", sentences(5))
    (tmp_path / "no-gold.csv").write_text("text\na\n")
    before = set(tmp_path.iterdir())
    arguments = [str(tiny_bundle) if a == "BUNDLE" else a for a in arguments]
    done = textrnn_here(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("textrnn: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1
    assert set(tmp_path.iterdir()) == before


@pytest.mark.process
def test_a_missing_package_is_named(tmp_path):
    """As if only the packages for serving were installed. Fails on a traceback."""
    (tmp_path / "optax.py").write_text("raise ModuleNotFoundError('absent', name='optax')")
    done = textrnn("train", "classify", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("textrnn: optax is not installed; pip install")
    assert done.stderr.count("\n") == 1


def test_predict_from_arguments_and_from_stdin(tiny_bundle):
    given = textrnn_here(
        "predict", tiny_bundle, "a fine film", "a poor film", "--option", "top_k=1"
    )
    piped = textrnn_here(
        "predict", tiny_bundle, "--option", "top_k=1", stdin="a fine film\na poor film\n"
    )
    assert given.returncode == piped.returncode == 0
    assert given.stdout == piped.stdout
    labels = [json.loads(line)["label"] for line in given.stdout.splitlines()]
    assert labels == ["friendly", "hostile"]


def test_predict_answers_or_reports_each_line(tiny_bundle):
    """Fails if a line that cannot be answered ends the command, or is passed over in silence."""
    long = b"good " * 2000
    lines = [b"a fine film", b"", b" \t ", b"\xff\xfe", b"a poor film\r", "\u2028".encode(), long]
    lines += [b"[" * 50_000, b"\0", b"a fine film"]
    done = textrnn_here("predict", tiny_bundle, stdin=b"\n".join(lines))
    assert done.returncode == 1
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    reported = [line.split(": ", 2)[1] for line in done.stderr.splitlines()]
    assert reported == [f"line {number}" for number in (2, 3, 4, 6, 7, 9)]
    assert len(answers) + len(reported) == len(lines)
    assert "line 2: text is empty" in done.stderr
    assert "line 4: is not UTF-8: byte 0xff" in done.stderr
    assert "line 7: text is too long" in done.stderr
    assert [answers[0]["label"], answers[1]["label"], answers[-1]["label"]] == [
        "friendly", "hostile", "friendly",
    ]  # fmt: skip
    given = textrnn_here("predict", tiny_bundle, "a fine film", "", "a poor film")
    assert (given.returncode, len(given.stdout.splitlines())) == (1, 2)
    assert "text 2: text is empty" in given.stderr
    assert textrnn_here("predict", tiny_bundle, stdin="").returncode == 0


def test_score_evaluate_and_show(tiny_bundle, tmp_path):
    rows = sentences(30, seed=5)
    source = write_csv(tmp_path / "in.csv", rows)
    done = textrnn_here("score", tiny_bundle, source, "--output", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"{tmp_path / 'out.csv'}: 30 of 30 rows scored; 31 lines read, 1 of them headers, blank "
        "lines or comments\n"
    )
    again = textrnn_here("score", tiny_bundle, source, "--output", tmp_path / "out.csv", "--resume")
    assert "is complete already" in again.stdout
    measured = textrnn_here("evaluate", tiny_bundle, source, "--json")
    assert json.loads(measured.stdout)["in.csv"]["accuracy"] == 1
    assert "accuracy" in textrnn_here("evaluate", tiny_bundle, source).stdout
    assert "made-up sentences" in textrnn_here("models", "show", tiny_bundle).stdout
    assert "name" in textrnn_here("models", "list").stdout


def test_evaluate_on_the_development_sets_of_a_recipe(tiny_bundle, tiny_data):
    """Fails if the rows are not those that training held out. (The metrics in the card come from a
    calibration on half of the rows, which does not change the better of two labels.)"""
    recipe = tiny_data / "tiny.toml"
    done = textrnn_here("evaluate", tiny_bundle, recipe, "--json", TEXTRNN_DATA=str(tiny_data))
    card = json.loads((tiny_bundle / "bundle.json").read_text())
    measured = json.loads(done.stdout)["heldout"]
    assert measured["accuracy"] == card["metrics"]["heldout"]["accuracy"] == 1


@pytest.mark.parametrize(("allowed", "status"), [([], 3), (["--allow-bad", "1"], 3),
                                                 (["--allow-bad", "2"], 0)])  # fmt: skip
def test_bad_rows_have_a_status_of_their_own(tiny_bundle, tmp_path, allowed, status):
    """Fails if a script cannot tell that rows are missing, also when the job is resumed."""
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('text\nfine\n \n"a\nb"c\n')
    done = textrnn_here("score", tiny_bundle, source, "--output", output, *allowed)
    assert done.returncode == status
    assert done.stderr == ""
    assert done.stdout == (
        f"{output}: 2 of 4 rows scored; 2 bad rows in {output}.errors.jsonl ({source}:3, "
        f"{source}:4); 5 lines read, 1 of them headers, blank lines or comments\n"
    )
    assert len((tmp_path / "out.csv.errors.jsonl").read_text().splitlines()) == 2
    again = textrnn_here("score", tiny_bundle, source, "--output", output, "--resume", *allowed)
    assert again.returncode == status
    assert "is complete already; 2 bad rows in" in again.stdout


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("a fine film\na poor film\n", ["--format", "lines"]),
        ("text,id\na fine film,1\na poor film,2\n", ["--format", "csv"]),
        ("review;id\na fine film;1\na poor film;2\n",
         ["--format", "csv", "--delimiter", ";", "--column", "text=review"]),
        ('{"text": "a fine film"}\n{"text": "a poor film"}\n', ["--format", "jsonl"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("output_format", ["jsonl", "csv"])
def test_streams(tiny_bundle, text, flags, output_format):
    """Fails if anything but rows is printed to standard output."""
    flags = [*flags, "--output-format", output_format]
    done = textrnn_here("score", tiny_bundle, "-", "--output", "-", *flags, stdin=text)
    if output_format == "csv" and "jsonl" in flags:
        assert (done.returncode, done.stdout) == (1, "")
        assert "a stream is read only once; write JSON lines" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("-: 2 of 2 rows scored")
    if output_format == "jsonl":
        rows = [json.loads(line) for line in done.stdout.splitlines()]
    else:
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["predicted_label"] for row in rows] == ["friendly", "hostile"]


def test_bad_rows_of_a_stream_are_reported(tiny_bundle):
    done = textrnn_here("score", tiny_bundle, "-", "--output", "-", "--format", "lines",
                        stdin="fine\n\npoor\n")  # fmt: skip
    assert done.returncode == 3
    assert len(done.stdout.splitlines()) == 2
    error, summary = done.stderr.splitlines()
    assert json.loads(error)["line"] == 2
    assert summary == "-: 2 of 3 rows scored; 1 bad row (-:2); 3 lines read"


@pytest.mark.slow
def test_runs_side_by_side(tiny_data, tiny_run, tmp_path):
    """Fails if a setting that differs, or a metric, is left out."""
    done = textrnn_here(
        "train", tiny_data / "tiny.toml", "train.epochs=1", "model.encoder.hidden=4",
        "--output", tmp_path / "small", TEXTRNN_DATA=str(tiny_data),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path / 'small' / 'bundle'}: the model" in done.stdout
    table = textrnn_here("runs", "compare", tiny_run, tmp_path / "small").stdout
    cells = {line.split()[0]: line.split()[1:] for line in table.splitlines()[1:]}
    assert cells["model.encoder.hidden"] == ["8", "4"]
    assert cells["train.epochs"] == ["4", "1"]
    assert "best heldout.accuracy" in table
    assert "train.rows" not in table, "equal in both"
    assert "small" in textrnn_here("runs", "list", tmp_path).stdout

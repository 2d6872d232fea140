"""The check of training data: what is found, where, and what training does with it."""

import csv
import json
import random

import pytest

from support.command import textrnn_here
from support.paths import ROOT
from support.tiny_models import RECIPES, write_data
from textrnn.errors import UserError
from training.data_check import check_data
from training.findings import EXAMPLES, KINDS
from training.recipe import load_recipe
from training.train import prepare

CLASSIFY = 'data={train=[{path="train.csv"}], dev={dev=[{path="dev.csv"}]}}'
GOOD = [(f"{word} film {number}", word) for number in range(6) for word in ("good", "bad")]
DEV = [("a good scene", "good"), ("a bad scene", "bad")]


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    for name, text in RECIPES.items():
        (tmp_path / f"{name}.toml").write_text(text)
    return tmp_path


def write_table(path, rows, header=("text", "label")):
    with path.open("w", newline="", errors="surrogateescape") as stream:
        csv.writer(stream).writerows([header, *rows])


def write_json(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def check(root, recipe, *settings):
    return check_data(load_recipe(str(root / f"{recipe}.toml"), settings))


def summary(report, root):
    """(kind, outcome) of each finding, with its places relative to the data root."""
    return {
        (f.kind, f.outcome): [e.place.removeprefix(f"{root}/") for e in f.examples]
        for f in report.findings
    }


def refused_and_counted(root, recipe, *settings):
    """The places of each kind that is found, and whether training takes the data, in agreement."""
    checked = check(root, recipe, *settings)
    loaded = load_recipe(str(root / f"{recipe}.toml"), settings)
    if checked.report.accepted:
        assert prepare(loaded).report == checked.report
    else:
        with pytest.raises(UserError):
            prepare(loaded)
    return summary(checked.report, root)


@pytest.mark.parametrize(
    ("train", "dev", "expected"),
    [
        ([], [], {}),
        ([("x y", "")], [], {("no_label", "refused"): ["train.csv:14"]}),
        ([("x y", "  ")], [], {("no_label", "refused"): ["train.csv:14"]}),
        ([("", "good")], [], {("no_text", "refused"): ["train.csv:14"]}),
        ([(" \t", "good")], [], {("no_text", "refused"): ["train.csv:14"]}),
        ([("x y", "good", "z")], [], {("unreadable", "refused"): ["train.csv:14"]}),
        ([("x \udcff", "good")], [], {("unreadable", "refused"): ["train.csv:14"]}),
        ([], [("x y", "fair")], {("unknown_label", "refused"): ["dev.csv:4"]}),
        ([("GOOD  film 0", "good")], [], {("duplicate", "counted"): ["train.csv:14"]}),
        ([("good film 0", "bad")], [], {("conflict", "counted"): ["train.csv:14"]}),
        ([], [("Good film 0", "good")], {("leak", "counted"): ["dev.csv:4"]}),
        ([("word " * 99, "good")], [], {("long_text", "counted"): ["train.csv:14"]}),
        (
            [("x y", "Good")], [("y z", "Good")],
            {
                ("similar_labels", "counted"): ["train.csv:14"],
                ("rare_label", "counted"): ["train.csv:14"],
            },
        ),
        (
            [(f"x {n}", "good ") for n in range(5)], [],
            {
                ("similar_labels", "counted"): ["train.csv:14"],
                ("unmeasured_label", "counted"): ["train.csv:14"],
            },
        ),
    ],
)  # fmt: skip
def test_classes(root, train, dev, expected):
    """Fails if a fault is not found, is found where there is none, or has the wrong line."""
    for name, rows in (("train", GOOD + train), ("dev", DEV + dev)):
        write_table(root / f"{name}.csv", rows)
    assert refused_and_counted(root, "tiny", CLASSIFY) == expected


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"text": "x y", "label": None}, "no_label"),
        ({"text": "x y", "label": float("nan")}, "no_label"),
        ({"text": "x y", "label": ["good"]}, "no_label"),
        ({"text": None, "label": "good"}, "no_text"),
        ({"text": 7, "label": "good"}, "invalid"),
        ({"text": "x y"}, "invalid"),
        ({"text": "x y", "label": "\ud800"}, "invalid"),
        ({"text": "x \ud800", "label": "good"}, "invalid"),
    ],
)
def test_values_of_other_types(root, row, kind):
    """Fails if null becomes the class 'None', or a value of another type ends in a traceback."""
    rows = [{"text": text, "label": label} for text, label in GOOD]
    write_json(root / "train.jsonl", [*rows, row])
    write_table(root / "dev.csv", DEV)
    settings = (CLASSIFY, "data.train.0.path=train.jsonl")
    assert refused_and_counted(root, "tiny", *settings) == {(kind, "refused"): ["train.jsonl:13"]}
    skipping = refused_and_counted(root, "tiny", *settings, "data.train.0.skip_faulty=true")
    assert skipping == {(kind, "left out"): ["train.jsonl:13"]}


def test_several_labels(root):
    """Fails if blanks around a separator make another label, or a blank label is a class."""
    rows = [("x", "joy, fear"), ("y", "fear"), ("z", "")] * 6
    write_table(root / "train.csv", [(f"{t} {n}", labels) for n, (t, labels) in enumerate(rows)])
    settings = (
        'data={train=[{path="train.csv", fields={labels="label"}}]}',
        "model.multi_label=true",
    )
    report = check(root, "tiny", *settings, 'data.train.0.label_separator=","').report
    assert {label.label for label in report.labels} == {"joy", "fear"}
    write_json(
        root / "train.jsonl", [{"text": "x", "labels": labels} for labels in (["a", ""], [None], 7)]
    )
    settings = (
        'data={train=[{path="train.jsonl", label_separator=","}]}',
        "model.multi_label=true",
    )
    found = refused_and_counted(root, "tiny", *settings)
    assert found[("no_label", "refused")] == [f"train.jsonl:{n}" for n in (1, 2, 3)]


SENTENCES = [
    {"text": f"Bob {n} lives in Rome", "entities": [{"start": 0, "end": 3, "label": "PER"}]}
    for n in range(12)
] + [{"tokens": ["Ada", "Ray", str(n)], "tags": ["B-PER", "I-PER", "O"]} for n in range(12)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"text": "Bob", "entities": [{"start": 0, "end": 4, "label": "PER"}]}, "bad_tags"),
        ({"text": "Bob", "entities": [{"start": 0, "end": 3}]}, "bad_tags"),
        ({"text": "Bob", "entities": [{"start": 2, "end": 2, "label": "PER"}]}, "bad_tags"),
        ({"text": "Bob", "entities": None}, "bad_tags"),
        ({"text": "Bob", "entities": [{"start": 0, "end": 3, "label": " "}]}, "no_label"),
        ({"text": "Bob"}, "no_label"),
        ({"text": " ", "entities": []}, "no_text"),
        ({"tokens": [], "tags": []}, "no_text"),
        ({"tokens": ["a", "b"], "tags": ["O"]}, "bad_tags"),
        ({"tokens": ["a"], "tags": ["PER"]}, "bad_tags"),
        ({"tokens": ["a"], "tags": [None]}, "bad_tags"),
        ({"tokens": "a", "tags": "O"}, "bad_tags"),
        ({"tokens": ["New York"], "tags": ["O"]}, "invalid"),
        ({"text": 5, "entities": [{"start": 0, "end": 1, "label": "PER"}]}, "invalid"),
        ({"text": "Bob", "entities": [{"start": 0, "end": 3, "label": "\ud800"}]}, "invalid"),
        ({"tokens": "a b", "entities": []}, "invalid"),
        (
            {
                "text": "Bob Ray",
                "entities": [{"start": 0, "end": e, "label": "PER"} for e in (3, 7)],
            },
            "invalid",
        ),
    ],
)
def test_tags_and_entities_that_cannot_be_read(root, row, expected):
    """Fails on a traceback, or without file and line."""
    write_json(root / "train.jsonl", [*SENTENCES, row])
    settings = ('data={train=[{path="train.jsonl"}], dev={dev=[{path="train.jsonl", rows=24}]}}',)
    found = refused_and_counted(root, "tiny-tag", *settings)
    assert found[(expected, "refused")] == ["train.jsonl:25"]
    assert [key for key in found if key[1] == "refused"] == [(expected, "refused")]


def test_tags_and_entities_that_are_repaired(root):
    """Fails if entities that cut words, or tags that break their scheme, are taken in silence."""
    cut = [
        {"text": "Bobby Brown.", "entities": [{"start": start, "end": end, "label": "PER"}]}
        for start, end in ((0, 3), (2, 11), (5, 12), (0, 11), (0, 12))
    ]
    broken = {"tokens": ["a", "b"], "tags": ["O", "I-PER"]}
    write_json(root / "train.jsonl", [*SENTENCES, *cut, broken])
    report = check(root, "tiny-tag", 'data={train=[{path="train.jsonl", scheme="IOB2"}]}').report
    found = {finding.kind: finding for finding in report.findings}
    details = [example.detail for example in found["cut_words"].examples]
    assert details == ["'Bob' at 0:3 becomes 'Bobby'", "'bby Brown' at 2:11 becomes 'Bobby Brown'"]
    assert found["repaired_tags"].examples[0].place.endswith("train.jsonl:30")
    assert report.accepted


def test_pairs(root):
    """Fails if an empty side is taken, or two translations of one text are a conflict."""
    write_data(root)
    for name, line in (("there.txt", "a b"), ("back.txt", "c d")):
        with (root / name).open("a") as stream:
            stream.write(f"{line}\n{line} e\n \n")
    lines = (root / "there.txt").read_text().count("\n")
    found = refused_and_counted(root, "tiny-translate")
    assert found[("no_text", "refused")] == [f"there.txt:{lines}"]
    assert ("conflict", "counted") not in found


def test_texts(root):
    """Fails if an empty row of a text-only task stops the run, or a text that is cut is not
    counted."""
    write_json(
        root / "rows.jsonl", [{"text": text} for text in ("a b c d " * 40, "", "\n", "e " * 99)]
    )
    found = refused_and_counted(root, "tiny-generate", 'data={train=[{path="rows.jsonl"}]}')
    assert found == {("no_text", "left out"): ["rows.jsonl:2"]}


def test_every_row_is_used_refused_or_left_out(root):
    """Rows with random faults. Fails if a row is neither trained on nor in the report."""
    draw = random.Random(0)
    texts = ["a good film", "", " ", None, 5, "x \ud800", "y" * 9, "GOOD"]
    labels = ["good", "bad", "", None, float("nan"), [], "Good", "bad "]
    rows = [{"text": draw.choice(texts), "label": draw.choice(labels)} for _ in range(400)]
    rows += [{"text": "no label"}, {"label": "good"}, {}]
    write_json(root / "train.jsonl", rows)
    for skip in ("true", "false"):
        settings = f'data={{train=[{{path="train.jsonl", skip_faulty={skip}}}]}}'
        report = check(root, "tiny", settings).report
        used = sum(part.rows for part in report.sets.values())
        faulty = [finding for finding in report.findings if finding.outcome != "counted"]
        assert used + sum(finding.count for finding in faulty) == len(rows)
        assert report.accepted == (skip == "true")
        assert all(len(finding.examples) <= EXAMPLES for finding in faulty)


def test_the_command_prints_what_training_would_refuse(root):
    """Fails if the exit status, the JSON and the message of training disagree."""
    write_table(root / "train.csv", [*GOOD, ("x \x1b[2J", ""), ("", "good")])
    write_table(root / "dev.csv", DEV)
    command = ("data", "check", root / "tiny.toml", CLASSIFY)
    done = textrnn_here(*command, TEXTRNN_DATA=str(root))
    assert done.returncode == 1
    for part in ("train  12", "good   6      1", "train.csv:14: the label is empty", "refuses"):
        assert part in done.stdout
    assert "\x1b" not in done.stdout
    as_json = textrnn_here(*command, "--json", TEXTRNN_DATA=str(root))
    assert as_json.returncode == 1
    assert json.loads(as_json.stdout)["accepted"] is False
    trained = textrnn_here(
        "train", root / "tiny.toml", CLASSIFY, "--output", root / "run", TEXTRNN_DATA=str(root)
    )
    assert trained.returncode == 1
    assert "train.csv:15: the text is empty; the first of 2 faults" in trained.stderr
    assert not (root / "run").exists()
    write_table(root / "train.csv", GOOD)
    done = textrnn_here(*command, TEXTRNN_DATA=str(root))
    assert (done.returncode, done.stderr) == (0, "")
    assert "can train on" in done.stdout


def test_the_guide_lists_every_rule():
    """Fails if a kind of finding is missing from the table, or has another rule there."""
    guide = (ROOT / "docs" / "training.md").read_text()
    for kind in KINDS:
        (line,) = [line for line in guide.splitlines() if line.startswith(f"| {kind.title} |")]
        assert ("refused" in line.split("|")[2]) == kind.refused

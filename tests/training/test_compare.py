"""Comparison of training runs by their logs."""

import json
import re
from dataclasses import replace

from support.command import textrnn_here
from training.compare import comparison, differences, summarise
from training.comparison_page import write_comparison


def run(directory, rate, *metrics, seed=0):
    directory.mkdir()
    recipe = f"[train]\nseed = {seed}\n[train.optimizer]\nrate = {rate}\n"
    (directory / "recipe.toml").write_text(recipe)
    lines = [json.dumps({"step": n + 1, **values}) for n, values in enumerate(metrics)]
    (directory / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return summarise(directory)


def test_the_best_value_is_the_best_by_the_direction_of_its_metric(tmp_path):
    """Fails if the worst value of a less-is-better metric is shown, or if a log with a metric that
    no longer exists cannot be read."""
    summary = run(
        tmp_path / "a", 0.1,
        {"heldout.windowed_bits": 2.0, "heldout.accuracy": 0.5, "heldout.retired": 1.0},
        {"heldout.windowed_bits": 1.5, "heldout.accuracy": 0.7, "loss": 3.0},
        {"heldout.windowed_bits": 1.8, "heldout.accuracy": 0.6},
    )  # fmt: skip
    assert summary.best == {"heldout.windowed_bits": 1.5, "heldout.accuracy": 0.7}
    assert summary.steps == 3


def test_differences_are_the_settings_that_differ(tmp_path):
    """Fails if equal settings are listed, or a setting that differs is not."""
    runs = [run(tmp_path / str(rate), rate) for rate in (0.1, 0.2)]
    assert differences(runs) == {"train.optimizer.rate": [0.1, 0.2]}


def test_runs_that_differ_in_their_seed_alone_are_a_column(tmp_path):
    """Fails if seeds are columns of their own or twice in the table, or if other runs are in the
    mean."""
    runs = [
        run(tmp_path / name, rate, {"heldout.accuracy": accuracy}, seed=seed)
        for name, rate, seed, accuracy in
        (("a", 0.1, 0, 0.5), ("b", 0.1, 1, 0.7), ("c", 0.2, 2, 0.4))
    ]  # fmt: skip
    assert comparison(runs) == [
        ["", "a, b", "c"],
        ["train.seed", "0, 1", "2"],
        ["train.optimizer.rate", "0.1", "0.2"],
        ["best heldout.accuracy", "0.6000 ± 0.1000", "0.4000"],
    ]


def test_code_and_data_that_differ_are_named(tmp_path):
    """Fails if a run that is not finished, whose data is not known, differs from all others."""
    begun, one, other = (run(tmp_path / name, 0.1) for name in ("begun", "one", "other"))
    one = replace(one, versions={"jax": "0.10"}, data={"x.csv": "1" * 64, "y.csv": "3" * 64})
    other = replace(other, versions={"jax": "0.11"}, data={"x.csv": "2" * 64, "y.csv": "3" * 64})
    assert differences([begun, one]) == {}
    assert differences([begun, one, other]) == {
        "version of jax": [None, "0.10", "0.11"],
        "data x.csv": [None, "1" * 12, "2" * 12],
    }


def test_a_page_stands_alone(tmp_path):
    """Fails if a name is taken for HTML, or if the page asks for something else."""
    name = "a <script>"
    runs = [run(tmp_path / name, 0.1, {"loss": 2.0}, {"heldout.accuracy": 0.5, "loss": 1.0})]
    write_comparison(runs, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page
    assert "a &lt;script&gt;" in page
    assert page.count("<svg") == page.count("</svg>") == 1
    assert not re.search(r'(src|href)="(?!#)', page)


def test_a_run_can_be_shown(tiny_run):
    done = textrnn_here("runs", "show", tiny_run)
    assert done.returncode == 0
    for shown in ("finished", "best heldout.accuracy", "version of jax", "data ", "train.seed"):
        assert shown in done.stdout

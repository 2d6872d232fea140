"""Comparison of training runs by their logs."""

import json

from training.compare import differences, summarise


def run(directory, rate, *metrics):
    directory.mkdir()
    (directory / "recipe.toml").write_text(f"[train.optimizer]\nrate = {rate}\n")
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

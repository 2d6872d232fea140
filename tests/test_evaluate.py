"""What a development score promises must be kept on rows that nothing was fitted to."""

import numpy as np
import pytest

from textrnn.batching import Buckets
from textrnn.tasks.classify import Classify, ClassifyConfig, ClassifyExample
from textrnn.text import WordTokenizer
from training import evaluate

LABELS = [f"l{number:02}" for number in range(20)]


class Guessing:
    """A predictor whose logits have nothing to do with the labels."""

    def __init__(self):
        config = ClassifyConfig.parse({"labels": LABELS, "multi_label": True}, source="test")
        self.task = Classify(config, WordTokenizer(["a"]), Buckets())


@pytest.fixture
def guessed(monkeypatch):
    """60 rows, each label true for a tenth of them."""
    random = np.random.default_rng(0)
    rows = [
        {"text": "a", "labels": [name for name in LABELS if random.random() < 0.1]}
        for _ in range(60)
    ]
    arrays = list(random.normal(size=(60, len(LABELS))))
    example = ClassifyExample(np.array([2, 4, 3], np.int32), False, None, None)
    monkeypatch.setattr(evaluate, "run", lambda _, part: ([example] * len(part), arrays))
    return rows


def test_thresholds_are_not_measured_on_the_rows_that_chose_them(guessed):
    """Fails without the two halves: chosen and measured on the same rows, guessing looks able."""
    predictor = Guessing()
    task, metrics = evaluate.calibrate(predictor, {"dev": guessed})
    predictor.task = task
    fitted, _ = evaluate.evaluate(predictor, guessed)
    assert fitted["macro_f1"] > 0.23
    assert metrics["dev"]["macro_f1"] < 0.18


def test_sets_keep_their_own_rows(guessed, monkeypatch):
    """Fails if the rows of one set are measured with the answers of another."""
    sure = np.array([[9.0 if n in row["labels"] else -9.0 for n in LABELS] for row in guessed])
    example = ClassifyExample(np.array([2, 4, 3], np.int32), False, None, None)
    by_row = {id(row): array for row, array in zip(guessed, sure, strict=True)}
    monkeypatch.setattr(
        evaluate, "run", lambda _, part: ([example] * len(part), [by_row[id(r)] for r in part])
    )
    parts = {"a": guessed[:7], "b": guessed[7:8], "c": guessed[8:]}
    _, metrics = evaluate.calibrate(Guessing(), parts)
    assert metrics["c"]["micro_f1"] == 1
    assert metrics["a"]["micro_f1"] == 1

"""Evaluation: cross-fitting of calibrated values, and selection of weights."""

import copy

import numpy as np
import pytest

from textrnn.batching import Limits
from textrnn.errors import UserError
from textrnn.tasks import METRICS, Outputs
from textrnn.tasks.classify.task import Classify, ClassifyConfig, ClassifyRows
from textrnn.text import WordTokenizer
from training import evaluate

LABELS = [f"l{number:02}" for number in range(20)]


class Guessing:
    """A predictor with given logits; the text of a row is its index."""

    def __init__(self, logits):
        config = ClassifyConfig.parse({"labels": LABELS, "multi_label": True}, source="test")
        numbers = [str(number) for number in range(len(logits))]
        self.task = Classify(config, WordTokenizer(numbers), Limits())
        self._logits = logits

    def model(self):
        return None

    def recalibrated(self, task):
        other = copy.copy(self)
        other.task = task
        return other

    def run(self, examples):
        first = self.task.tokenizer.encode("0").ids[0]
        logits = [self._logits[example.ids[1] - first] for example in examples]
        return [[Outputs(ClassifyRows(each))] for each in logits]

    def answer(self, examples):
        outputs = self.run(examples)
        return [self.task.answer(o, e) for o, e in zip(outputs, examples, strict=True)]


@pytest.fixture
def rows():
    """60 rows, each label true for a tenth of them."""
    random = np.random.default_rng(0)
    return [
        {"text": str(number), "labels": [name for name in LABELS if random.random() < 0.1]}
        for number in range(60)
    ]


def test_thresholds_are_not_measured_on_the_rows_that_chose_them(rows):
    """Fails without cross-fitting: on the rows that chose the thresholds, noise scores well."""
    predictor = Guessing(np.random.default_rng(1).normal(size=(60, len(LABELS))))
    task, metrics = evaluate.calibrate(predictor, {"dev": rows}, thorough=True)
    fitted, _ = evaluate.evaluate(predictor.recalibrated(task), rows)
    assert fitted["macro_f1"] > 0.23
    assert metrics["dev"]["macro_f1"] < 0.18


def test_development_sets_are_measured_separately(rows):
    """Fails if the rows of one set are measured with the answers of another."""
    sure = np.array([[9.0 if n in row["labels"] else -9.0 for n in LABELS] for row in rows])
    parts = {"a": rows[:7], "b": rows[7:8], "c": rows[8:]}
    predictor = Guessing(sure)
    task, metrics = evaluate.calibrate(predictor, parts, thorough=True)
    assert metrics["c"]["micro_f1"] == 1
    assert metrics["a"]["micro_f1"] == 1
    assert predictor.task is not task, "the predictor is left as it was"


@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [("windowed_bits", 1.4, 2.1), ("stateful_perplexity", 4.0, 8.1), ("f1", 0.9, 0.8)],
)
def test_the_selection_metric_grows_with_quality(name, better, worse):
    """Fails if `train.metric` keeps the worst weights for a less-is-better metric."""
    good, bad = ({"a": {name: value}, "b": {name: value}} for value in (better, worse))
    assert evaluate.headline(good, METRICS[name]) > evaluate.headline(bad, METRICS[name])


def test_the_metric_that_chooses_the_weights():
    """Fails if a config has a default that its evaluations do not return, or an unknown name is
    accepted."""
    for multi_label, default in ((False, "accuracy"), (True, "micro_f1")):
        config = ClassifyConfig(labels=("x", "y"), multi_label=multi_label)
        task = Classify(config, WordTokenizer(["a"]), Limits())
        assert evaluate.metric_of(task, "").name == default
        assert evaluate.metric_of(task, "macro_f1").name == "macro_f1"
    with pytest.raises(UserError, match=r"'accuracy', which is .*: micro_f1, macro_f1, log_loss"):
        evaluate.metric_of(task, "accuracy")

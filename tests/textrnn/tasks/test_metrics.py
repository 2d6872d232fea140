"""Each metric is declared once, with a title and a direction."""

import pytest

from textrnn.batching import Limits
from textrnn.tasks import METRICS, TASKS
from textrnn.tasks.classify.task import Classify, ClassifyConfig
from textrnn.tasks.generate.task import Generate, GenerateConfig
from textrnn.tasks.language_model import Pretrain, PretrainConfig
from textrnn.tasks.metrics import Metric, by_name
from textrnn.tasks.tag.task import Tag, TagConfig
from textrnn.tasks.translate.task import Translate, TranslateConfig
from textrnn.tasks.word_vectors import Vectors, VectorsConfig
from textrnn.text import CharTokenizer, CopyingTokenizer, SpelledTokenizer, WordTokenizer

WORDS = WordTokenizer.fit(["a b"], 10)
SPELLED = SpelledTokenizer.fit(["a b"], 10)
COPYING = CopyingTokenizer.fit([("a b c d", "a b"), ("c d", "c d")], 12)
SCORES = [{"label": "x", "score": 0.7}, {"label": "y", "score": 0.3}]
ENTITY = {"start": 0, "end": 1, "label": "x", "score": 0.9}
TOTALS = {"log_likelihood": -3.0, "characters": 4}


def classify(**config):
    return Classify(ClassifyConfig(labels=("x", "y"), **config), WORDS, Limits())


def tag(entities):
    return Tag(TagConfig(labels=("x",), entities=entities), SPELLED, Limits())


def translate(language):
    return Translate(TranslateConfig(target_language=language), COPYING, Limits())


SCORED = [
    (classify(), {"label": "x", "scores": SCORES}, {"label": "x"}),
    (
        classify(multi_label=True),
        {"label": "x", "labels": ["x"], "scores": SCORES},
        {"labels": ["x"]},
    ),
    (tag(True), {"entities": [ENTITY]}, {"tokens": ["a"], "tags": ["B-x"]}),
    (tag(False), {"entities": [ENTITY]}, {"tokens": ["a"], "tags": ["x"]}),
    (translate(""), {"text": "one two"}, {"target": "one two"}),
    (translate("de"), {"text": "one two"}, {"target": "one two"}),
    (Generate(GenerateConfig(), CharTokenizer(["a"]), Limits()), {**TOTALS, "window": 9}, {}),
    (Generate(GenerateConfig(), CharTokenizer(["a"]), Limits()), TOTALS, {}),
    (Pretrain(PretrainConfig(), WORDS, Limits()), {"log_likelihood": -3.0, "words": 2.0}, {}),
    (Vectors(VectorsConfig(), WORDS, Limits()), {"log_loss": 0.5, "weight": 2.0}, {}),
]


@pytest.mark.parametrize(("task", "answer", "row"), SCORED)
def test_scored_metrics_are_declared(task, answer, row):
    """Fails if `score` returns an undeclared metric, or lacks a metric that can select the best
    weights."""
    scored = set(task.score([answer], [row]))
    assert scored <= {metric.name for metric in task.metrics}
    if "characters" not in answer or "window" in answer:
        assert {metric.name for metric in task.training_metrics} <= scored


def test_declared_metrics_are_scored():
    """Fails if a metric is declared that no config of its task returns."""
    scored = {(t.name, name) for t, answer, row in SCORED for name in t.score([answer], [row])}
    assert {(t.name, metric.name) for t in TASKS.values() for metric in t.metrics} == scored


def test_directions():
    """Fails if a metric, such as bits or perplexity, is compared in the wrong direction."""
    lower = {name for name, metric in METRICS.items() if metric.lower_is_better}
    kinds = ("windowed", "stateful")
    assert lower == {
        "perplexity", "log_loss", "calibration_error",
        *(f"{kind}_{name}" for kind in kinds for name in ("loss", "bits", "perplexity")),
    }  # fmt: skip
    assert METRICS["windowed_bits"].best(2.0, 1.5, 3.0) == 1.5
    assert METRICS["bleu"].best(2.0, 1.5, 3.0) == 3.0


def test_conflicting_declarations_are_an_error():
    """Fails if two tasks can declare the same name with different directions."""
    with pytest.raises(ValueError, match="'f1' is declared twice"):
        by_name((Metric("f1", "F1"),), (Metric("f1", "F1", lower_is_better=True),))

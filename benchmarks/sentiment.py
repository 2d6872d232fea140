"""Sentiment compared with VADER and TextBlob: three classes, the two poles alone, and texts/s.

python -m benchmarks.sentiment [MODEL ...]     default: sentiment-en

The texts are the development sets of the recipe sentiment-en, so $TEXTRNN_DATA must have its data.
VADER's scores are positive from 0.05 and negative from -0.05, as its authors advise, and those of
TextBlob by their sign. Where a set has no neutral texts, all choose among the two poles; a score of
zero is then a wrong answer.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

import textrnn
from benchmarks.timing import side_by_side, table
from textrnn.predictor import Predictor
from textrnn.rows import Row
from training.datasets import load_dev_rows
from training.recipe import load_recipe

RECIPE = "sentiment-en"
TIMED = 256
"""Texts of the call that is timed."""

Classify = Callable[[Sequence[str], Sequence[str]], list[str]]
"""From texts, and the labels to choose from, to labels."""


def main(*names: str) -> None:
    models = {name: textrnn.load(name) for name in names or (RECIPE,)}
    classifiers = {**{name: partial(_ours, model) for name, model in models.items()}, **_peers()}
    sets = load_dev_rows(load_recipe(RECIPE).data, "classify")
    rows: list[list[object]] = []
    for name, texts in sets.items():
        labels = sorted({row["label"] for row in texts})
        recalls = [100 * _recall(classify, texts, labels) for classify in classifiers.values()]
        rows.append([name, len(texts), len(labels), *recalls])
    table("macro recall in %", ["texts", "rows", "labels", *classifiers], rows)

    rates = []
    for name, texts in sets.items():
        some = [row["text"] for row in texts[:: max(len(texts) // TIMED, 1)]][:TIMED]
        calls: Mapping[str, Callable[[], object]] = {
            each: partial(classify, some, ()) for each, classify in classifiers.items()
        }
        seconds = side_by_side(calls, rounds=3)
        rates.append([name, *(len(some) / seconds[each] for each in classifiers)])
    table(f"texts/s in calls of {TIMED}", ["texts", *classifiers], rates)


def _recall(classify: Classify, rows: Sequence[Row], labels: Sequence[str]) -> float:
    """The mean over labels of the share of their texts that get them."""
    found = np.array(classify([row["text"] for row in rows], labels))
    gold = np.array([row["label"] for row in rows])
    return float(np.mean([(found[gold == label] == label).mean() for label in labels]))


def _ours(predictor: Predictor, texts: Sequence[str], labels: Sequence[str]) -> list[str]:
    options = {"candidate_labels": labels} if labels else {}
    return [answer["label"] for answer in predictor.predict(texts, top_k=1, **options)]


def _peers() -> dict[str, Classify]:
    from textblob import TextBlob
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    vader = SentimentIntensityAnalyzer()

    def scored(score: Callable[[str], float], neutral: float) -> Classify:
        def classify(texts: Sequence[str], labels: Sequence[str]) -> list[str]:
            least = neutral if "neutral" in labels or not labels else 1e-12
            return [_named(score(text), least) for text in texts]

        return classify

    return {
        "VADER": scored(lambda text: vader.polarity_scores(text)["compound"], 0.05),
        "TextBlob": scored(lambda text: TextBlob(text).polarity, 1e-12),
    }


def _named(score: float, least: float) -> str:
    return "positive" if score >= least else "negative" if score <= -least else "neutral"


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A classifier of a few hundred rows: the `classify` recipe beside TF-IDF with logistic regression.

python -m benchmarks.few_labels [DATA ...] [KEY=VALUE ...]

$TEXTRNN_DATA must have the data sets, of which DATA names some, such as IMDB. Each training set is
drawn from the training split SEEDS times, and both are trained on the same rows; the recipe holds a
tenth of them out. Measured is the accuracy on development rows of the data set. KEY=VALUE changes
the recipe: start.bundle="" shows what the language model gives.
"""

import json
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

import textrnn
from benchmarks.timing import table
from textrnn.rows import Row
from training.datasets import load_dev_rows
from training.job import run
from training.recipe import Data, Recipe, Source, load_recipe

SIZES = (100, 300, 1000)
SEEDS = 2
MEASURED = 2000
"""Development rows, at most."""

TWEETS = {
    "path": "semeval_tweets/train_pre2017.tsv.gz", "columns": ["label", "text", "id", "part"],
    "replace": {"\\u002c": ",", "\\u2019": "'"},
}  # fmt: skip
GROUPS = {
    "columns": ["text", "label", "id"], "where": {"label": ["1", "2", "3"]},
    "label_names": {"1": "negative", "2": "neutral", "3": "positive"},
}  # fmt: skip
"""Comments with one of three groups of emotions; those with several are left out."""


def reviews(side: str) -> list[dict[str, object]]:
    return [
        {
            "path": f"imdb/train.{pole}.tsv.gz", "columns": ["id", "stars", "text"],
            "replace": {"<br />": "\n"}, "values": {"label": pole},
            "groups": f"imdb/train.urls_{pole}.txt.gz",
            "holdout": {"fraction": 0.1, "side": side},
        }
        for pole in ("pos", "neg")
    ]  # fmt: skip


DATA: dict[str, tuple[list[dict[str, object]], list[dict[str, object]]]] = {
    "IMDB": (reviews("train"), reviews("dev")),
    "Banking77": (
        [{"path": "banking77/train.csv", "fields": {"text": "text", "label": "category"}}],
        [],
    ),
    "GoEmotions group": (
        [{"path": "goemotions/group_train.tsv", **GROUPS}],
        [{"path": "goemotions/group_dev.tsv", **GROUPS}],
    ),
    "tweets": (
        [{**TWEETS, "where": {"part": ["2013train", "2016train"]}}],
        [{**TWEETS, "where": {"part": ["2016dev", "2016devtest"]}}],
    ),
}
"""Sources of training and development rows; where there are none of the latter, rows drawn from the
former serve."""


class Split(NamedTuple):
    train: Sequence[Row]
    dev: Sequence[Row]


def main(*arguments: str) -> None:
    changes = [argument for argument in arguments if "=" in argument]
    chosen = [argument for argument in arguments if argument not in changes] or DATA
    recipe = load_recipe("classify", changes)
    candidates: dict[str, Callable[[Split, int], float]] = {
        "TF-IDF, logistic regression": _logistic_regression,
        "classify": lambda split, seed: _trained(recipe, split, seed),
    }
    results: list[list[object]] = []
    for name in chosen:
        rows = _rows(*DATA[name])
        for size in SIZES:
            splits = [Split(_drawn(rows.train, size, seed), rows.dev) for seed in range(SEEDS)]
            measured = {
                name: [100 * measure(split, seed) for seed, split in enumerate(splits)]
                for name, measure in candidates.items()
            }
            results.append([name, size, *map(_mean_and_spread, measured.values())])
            table(" ".join(["classify", *changes]), ["data", "rows", *candidates], results)


def _mean_and_spread(values: Sequence[float]) -> str:
    """The mean, and half of the distance between the largest and the smallest."""
    return f"{statistics.mean(values):.1f} ± {(max(values) - min(values)) / 2:.1f}"


def _rows(train: Sequence[Mapping], dev: Sequence[Mapping]) -> Split:
    """All training rows, and at most MEASURED development rows, drawn at random."""
    sets = {"train": _sources(train)} | ({"dev": _sources(dev)} if dev else {})
    rows = load_dev_rows(Data(train=(), dev=sets), "classify")
    if dev:
        return Split(rows["train"], _drawn(rows["dev"], MEASURED, seed=0))
    shuffled = _drawn(rows["train"], len(rows["train"]), seed=0)
    return Split(shuffled[MEASURED:], shuffled[:MEASURED])


def _sources(keys: Sequence[Mapping]) -> tuple[Source, ...]:
    return tuple(Source.parse(dict(each), source=__name__) for each in keys)


def _drawn(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    return random.Random(seed).sample(rows, min(count, len(rows)))


def _accuracy(found: Sequence[str], rows: Sequence[Row]) -> float:
    return statistics.mean(label == row["label"] for label, row in zip(found, rows, strict=True))


def _logistic_regression(split: Split, seed: int) -> float:
    """Words and pairs of words; the regularisation is chosen by cross-validation."""
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(max_iter=1000)
    )
    # Not stratified, since some labels have one row.
    folds = KFold(3, shuffle=True, random_state=seed)
    model = GridSearchCV(pipeline, {"logisticregression__C": [1, 10, 100]}, cv=folds)
    model.fit([row["text"] for row in split.train], [row["label"] for row in split.train])
    return _accuracy(model.predict([row["text"] for row in split.dev]).tolist(), split.dev)


def _trained(recipe: Recipe, split: Split, seed: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = "".join(f"{json.dumps(row)}\n" for row in split.train)
        (folder / "data.jsonl").write_text(lines, "utf-8")
        data = Data(train=(Source(path=folder / "data.jsonl"),))
        train = recipe.train.model_copy(update={"seed": seed})
        run(recipe.model_copy(update={"data": data, "train": train}), folder / "run", resume=False)
        predictor = textrnn.load(folder / "run" / "bundle")
        answers = predictor.predict([row["text"] for row in split.dev])
    return _accuracy([answer["label"] for answer in answers], split.dev)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Entities that the training text has, and those that it has not: how well a tagger finds each.

python -m benchmarks.unseen_names [RECIPE ...]     default: ner-conll03

The shipped model of that name tags the first development set of the recipe, so $TEXTRNN_DATA must
have its data. An entity, gold or found, belongs to the first kind that it fits:

    name      the training rows have a name of exactly these words
    words     they have each of its words, by lower case
    vectors   the vocabulary of the model, of which more text may have been read, has each word
    none      at least one word is in neither
"""

import sys
from collections import Counter
from collections.abc import Sequence

import textrnn
from benchmarks.timing import table
from textrnn.rows import Row
from textrnn.tasks.tag.gold import gold_spans
from textrnn.text import UNK, SpelledTokenizer
from training.datasets import load_dev_rows
from training.recipe import Data, load_recipe

KINDS = ("name", "words", "vectors", "none")


def main(*recipes: str) -> None:
    rows: list[list[object]] = []
    for name in recipes or ("ner-conll03",):
        data = load_recipe(name).data
        dev_set = next(iter(data.dev))
        sets = Data(train=(), dev={"train": data.train, "dev": data.dev[dev_set]})
        loaded = load_dev_rows(sets, "tag")
        for kind, share, recall, f1 in _measured(name, loaded["train"], loaded["dev"]):
            rows.append([name, dev_set, kind, share, recall, f1])
    table("entities by what training had", ["model", "set", "kind", "share", "recall", "F1"], rows)


def _measured(
    name: str, train: Sequence[Row], dev: Sequence[Row]
) -> list[tuple[str, float, float, float]]:
    """For each kind: its share of the gold entities, their recall and F1, in percent."""
    predictor = textrnn.load(name)
    tokenizer = predictor.task.tokenizer
    assert isinstance(tokenizer, SpelledTokenizer)
    train = [row for row in train if "tokens" in row]
    words = {word.lower() for row in train for word in row["tokens"]}
    names = {
        tuple(row["tokens"][start:end]) for row in train for start, end, _ in gold_spans(row, True)
    }

    def kind_of(entity: tuple[str, ...]) -> str:
        if entity in names:
            return "name"
        if all(word.lower() in words for word in entity):
            return "words"
        return "none" if UNK in tokenizer.ids(entity) else "vectors"

    gold: Counter[str] = Counter()
    found: Counter[str] = Counter()
    right: Counter[str] = Counter()
    answers = predictor.predict_rows([{"tokens": row["tokens"]} for row in dev])
    for row, answer in zip(dev, answers, strict=True):
        expected = {tuple(span) for span in gold_spans(row, True)}
        given = {(e["start"], e["end"], e["label"]) for e in answer["entities"]}
        for spans, count in ((expected, gold), (given, found), (expected & given, right)):
            count.update(kind_of(tuple(row["tokens"][start:end])) for start, end, _ in spans)
    return [
        (
            kind,
            100 * gold[kind] / gold.total(),
            100 * right[kind] / max(gold[kind], 1),
            200 * right[kind] / max(gold[kind] + found[kind], 1),
        )
        for kind in KINDS
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])

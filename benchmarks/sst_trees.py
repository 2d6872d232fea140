"""Sentiment of the phrases of trees: networks on trees beside words without their order.

python -m benchmarks.sst_trees [CELL ...]     default: all

$TEXTRNN_DATA must have sst_trees. Networks are trained on every phrase of the training trees, in
five grades; TF-IDF of words and pairs of words with logistic regression on the whole sentences.
Measured is the accuracy at the roots of the development trees: among five grades, and which side of
neutral has the larger probability, where the root is not neutral. The weights are those after the
last epoch. Vectors of words start from the language model `english-lm`, which has not read these
trees.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import ceil

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks.timing import table
from textrnn.bundle import load_bundle
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.trees.batch import (
    TreeBatch,
    TreeExample,
    TreeShape,
    collate_trees,
    tree_example,
)
from textrnn.layers.trees.cells import TREE_CELLS, TreeCell
from textrnn.layers.trees.classifier import TreeClassifier, node_loss
from textrnn.parameters import Params, merge_model
from textrnn.text import SPECIALS, UNK
from textrnn.text.trees import Tree, parse_tree
from training.experiments.gradient_descent import minimize
from training.optimizer import OptimizerConfig
from training.sources import data_root
from training.trees import detokenize

VECTORS = "english-lm"
HIDDEN = 150
EPOCHS = 3
ROWS = 32
WIDTH = 32
SEEDS = 3
GRADES, NEUTRAL = 5, 2
OPTIMIZER = OptimizerConfig(rate=2e-3, warmup=0.05, weight_decay=1e-2)


class MeanOfVectors(TreeCell):
    """The mean of the vectors of all words of a phrase, times the root of their number, so that
    long phrases have as large a vector as short ones."""

    def leaf(self, x):
        return x, jnp.ones_like(x), x

    def compose(self, left, right):
        total, count = left[0] + right[0], left[1] + right[1]
        return total, count, total / jnp.sqrt(count)


CELLS: dict[str, type[TreeCell]] = {"mean of vectors": MeanOfVectors, **TREE_CELLS}


def main(*names: str) -> None:
    trees = {name: _trees(name) for name in ("train", "dev")}
    words, vectors = _vectors(**trees)
    examples = {
        name: [tree_example(tree, lambda word: words.get(word, UNK), int) for tree in some]
        for name, some in trees.items()
    }
    gold = np.array([int(tree.label) for tree in trees["dev"]])
    rows: list[list[object]] = []

    def add(name: str, found: Iterable[np.ndarray]) -> None:
        began = time.monotonic()
        figures = np.array([_accuracies(each, gold) for each in found])
        seconds = (time.monotonic() - began) / len(figures)
        rows.append([name, *map(_shown, figures.T), seconds])
        table("accuracy at the roots in %", ["", "5 grades", "2 poles", "s"], rows)

    add("TF-IDF, logistic regression", (_logistic_regression(**trees) for _ in range(1)))
    for name in names or CELLS:
        add(name, (_network(CELLS[name], vectors, examples, seed) for seed in range(SEEDS)))


def _shown(shares: np.ndarray) -> str:
    """The mean, and that of each seed."""
    each = ", ".join(f"{100 * share:.1f}" for share in shares)
    return f"{100 * shares.mean():.1f} ({each})"


def _accuracies(
    found: Float[np.ndarray, "rows labels"], gold: Int[np.ndarray, " rows"]
) -> tuple[float, float]:
    """From the probability of each grade: the accuracy among all, and between the two poles."""
    side = np.sign(found[:, 3:].sum(axis=1) - found[:, :2].sum(axis=1))
    right = side == np.sign(gold - NEUTRAL)
    return float((found.argmax(axis=1) == gold).mean()), float(right[gold != NEUTRAL].mean())


def _logistic_regression(train: Sequence[Tree], dev: Sequence[Tree]) -> np.ndarray:
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+")
    model = make_pipeline(words, LogisticRegression(max_iter=1000))
    model.fit([" ".join(tree.words()) for tree in train], [int(tree.label) for tree in train])
    return model.predict_proba([" ".join(tree.words()) for tree in dev])


def _trees(name: str) -> list[Tree]:
    lines = (data_root() / "sst_trees" / f"{name}.txt").read_text("utf-8").splitlines()
    return [parse_tree(line) for line in lines]


def _vectors(train: Sequence[Tree], dev: Sequence[Tree]) -> tuple[dict[str, int], np.ndarray]:
    """The words that the language model knows, or that training has twice, with their vectors."""
    bundle = load_bundle(VECTORS)
    table = np.asarray(bundle.params["embedding.table"], np.float32)
    counts = Counter(word for tree in train for word in tree.words())
    counts.update({word: 0 for tree in dev for word in tree.words()})
    random, scale = np.random.default_rng(0), table.std()
    words: dict[str, int] = {}
    vectors = [*table[: len(SPECIALS)]]
    for word, count in counts.items():
        ids = bundle.task.tokenizer.encode(detokenize(word)).ids
        known = [table[token] for token in ids if token != UNK]
        if known or count > 1:
            words[word] = len(vectors)
            drawn = random.normal(size=table.shape[1], scale=scale)
            vectors.append(np.mean(known, axis=0) if known else drawn)
    return words, np.stack(vectors).astype(np.float32)


def _network(
    cell: type[TreeCell], vectors: np.ndarray, examples: dict[str, list[TreeExample]], seed: int
) -> np.ndarray:
    rngs = nnx.Rngs(seed)
    inputs = vectors.shape[1]
    embedding = Embedding(
        EmbeddingConfig(size=inputs, word_dropout=0.05, dropout=0.3), len(vectors), rngs=rngs
    )
    embedding.table[...] = jnp.asarray(vectors)
    hidden = inputs if cell is MeanOfVectors else HIDDEN
    model = TreeClassifier(embedding, cell(inputs, hidden, rngs=rngs), GRADES, 0.5, rngs=rngs)
    train = examples["train"]
    updates = EPOCHS * ceil(len(train) / ROWS)
    graph, params = minimize(model, OPTIMIZER, _loss, _epochs(train, seed), updates)

    @jax.jit
    def at_roots(params: Params, batch: TreeBatch) -> Array:
        logits = merge_model(graph, params)(batch)
        return jax.nn.softmax(logits[jnp.asarray(batch.roots)])

    return np.concatenate([at_roots(params, batch) for batch in _batches(examples["dev"])])


def _epochs(examples: Sequence[TreeExample], seed: int) -> Iterator[tuple[TreeBatch, Array]]:
    """Batches with the keys of their dropout."""
    random = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = random.permutation(len(examples))
        for batch in _batches([examples[index] for index in order]):
            yield batch, jax.random.key(random.integers(2**32))


def _loss(model: TreeClassifier, inputs: tuple[TreeBatch, Array]) -> Array:
    batch, key = inputs
    return node_loss(model(batch, key), batch)


def _batches(examples: Sequence[TreeExample]) -> Iterator[TreeBatch]:
    """Batches of a few shapes, so that few programs are compiled."""
    for start in range(0, len(examples), ROWS):
        some = examples[start : start + ROWS]
        leaves = sum(len(example.words) for example in some)
        height = max(int(example.heights[0]) for example in some)
        yield collate_trees(some, TreeShape(256 * ceil(leaves / 256), 8 * ceil(height / 8), WIDTH))


if __name__ == "__main__":
    main(*sys.argv[1:])

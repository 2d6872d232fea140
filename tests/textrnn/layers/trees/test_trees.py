"""Networks on trees, held to a recursion node by node."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from support.cells import numpy_params
from support.tree_reference import encode
from textrnn.layers.embedding import Embedding, EmbeddingConfig
from textrnn.layers.trees.batch import (
    UNLABELLED,
    TreeShape,
    collate_trees,
    tree_example,
)
from textrnn.layers.trees.cells import TREE_CELLS
from textrnn.layers.trees.classifier import TreeClassifier, node_loss
from textrnn.layers.trees.encode import encode_trees
from textrnn.parameters import merge_model, split_model
from textrnn.text.trees import parse_tree

WORDS = "abcdefgh"
TREES = [
    parse_tree(text)
    for text in (
        "(1 (2 (0 a) (3 b)) (1 c))",
        "(2 d)",
        "(0 (1 (1 (2 (3 e) (3 a)) (2 b)) (0 (1 f) (1 g))) (1 (2 h) (3 (0 (2 c)) (1 d))))",
        "(3 (2 (1 (0 b) c)) (1 a))",
    )
]
INPUTS, HIDDEN = 3, 5
SHAPE = TreeShape(leaves=20, height=6, width=2)
VECTORS = dict(zip(WORDS, np.random.default_rng(0).normal(size=(8, INPUTS)), strict=True))


def example(tree):
    return tree_example(tree, WORDS.index, int)


def batch_of_trees(trees, shape=SHAPE):
    return collate_trees([example(tree) for tree in trees], shape)


def vectors(batch):
    """Those of the words; padding is not a number."""
    x = np.full((len(batch.words), INPUTS), np.nan)
    count = batch.lengths.sum()
    x[:count] = [VECTORS[WORDS[word]] for word in batch.words[:count]]
    return jnp.asarray(x, jnp.float32)


def random_cell(kind) -> Any:
    """A cell with random parameters, so that a misplaced bias changes the result."""
    graph, params = nnx.split(TREE_CELLS[kind](INPUTS, HIDDEN, rngs=nnx.Rngs(0)))
    random = np.random.default_rng(1)
    draw = lambda p: p + jnp.asarray(random.normal(size=p.shape, scale=0.3), jnp.float32)  # noqa: E731
    return nnx.merge(graph, jax.tree.map(draw, params))


def states_of(trees, kind, cell):
    """The outputs of the reference for all nodes of the trees, each before its children."""
    p = numpy_params(cell)
    return [state[-1] for tree in trees for state in encode(kind, p, VECTORS, tree)]


def nodes_of(batch):
    """All nodes of a batch, tree by tree, each before its children."""
    found = []

    def visit(node):
        found.append(node)
        if node >= len(batch.words):
            for child in batch.children.reshape(-1, 2)[node - len(batch.words)]:
                visit(child)

    for root in batch.roots:
        visit(root)
    return found


@pytest.mark.parametrize("kind", TREE_CELLS)
@pytest.mark.parametrize("width", [1, 2, 16])
def test_every_node_equals_the_recursion(kind, width):
    """Fails on a wrong gate order, exchanged children, or a node that is composed too early."""
    cell, batch = random_cell(kind), batch_of_trees(TREES, SHAPE._replace(width=width))
    h = encode_trees(cell, vectors(batch), batch)
    expected = states_of(TREES, kind, cell)
    np.testing.assert_allclose(h[np.array(nodes_of(batch))], expected, atol=1e-5)


@pytest.mark.parametrize("kind", TREE_CELLS)
def test_neither_other_trees_nor_padding_have_influence(kind):
    cell, together = random_cell(kind), batch_of_trees(TREES)
    roots = encode_trees(cell, vectors(together), together)[together.roots]
    for root, tree in zip(roots, TREES, strict=True):
        alone = batch_of_trees([tree], TreeShape(leaves=9, height=5, width=3))
        h = encode_trees(cell, vectors(alone), alone)
        np.testing.assert_allclose(h[alone.roots[0]], root, atol=1e-6)


@pytest.mark.parametrize("kind", TREE_CELLS)
def test_the_gradient_is_that_of_the_recursion(kind):
    """By central differences of the reference in float64, along random directions; with padding
    that is not a number."""
    cell, batch = random_cell(kind), batch_of_trees(TREES)
    graph, params = split_model(cell)
    x, nodes = vectors(batch), np.array(nodes_of(batch))
    weights = np.random.default_rng(2).normal(size=(len(nodes), HIDDEN))

    @jax.jit
    @jax.grad
    def gradient(params):
        return (encode_trees(merge_model(graph, params), x, batch)[nodes] * weights).sum()

    def value(p):
        outputs = [state[-1] for tree in TREES for state in encode(kind, p, VECTORS, tree)]
        return (np.array(outputs) * weights).sum()

    found, p = gradient(params), numpy_params(cell)
    for name, array in p.items():
        direction = np.random.default_rng(3).normal(size=array.shape)
        step = 1e-5 * direction
        slope = (value(p | {name: array + step}) - value(p | {name: array - step})) / 2e-5
        np.testing.assert_allclose((found[name] * direction).sum(), slope, rtol=1e-3, atol=1e-4)


def test_levels_follow_each_other_in_steps():
    """Fails if a node does not come after its children, or a step has nodes of two heights."""
    batch = batch_of_trees(TREES)
    for first, pairs in enumerate(batch.children):
        assert pairs.max() < SHAPE.leaves + first * SHAPE.width
    inner = [node - SHAPE.leaves for node in nodes_of(batch) if node >= SHAPE.leaves]
    assert len(set(inner)) == len(inner) == sum(batch.lengths - 1)
    assert len({place // SHAPE.width for place in inner}) == 3 + 2 + 1 + 1, "5, 4, 1 and 1 nodes"


def test_labels_and_unary_phrases():
    """A unary phrase keeps its own label. A word beside a phrase has none, and neither has
    padding."""
    batch = batch_of_trees(TREES)
    assert batch.lengths.tolist() == [3, 1, 8, 3]
    assert "".join(WORDS[word] for word in batch.words[:15]) == "abcdeabfghcdbca"
    labels = batch.labels[nodes_of(batch)].tolist()
    assert labels[:6] == [1, 2, 0, 3, 1, 2]
    assert labels[-5:] == [3, 2, 0, UNLABELLED, 1]
    assert (batch.labels != UNLABELLED).sum() == len(labels) - 1
    assert batch.labels[batch.roots].tolist() == [1, 2, 0, 3]


def test_any_trees_fit_into_their_leaves_and_levels():
    """Fails if a shape has too few steps for some width."""
    for width in range(1, 9):
        batch_of_trees(TREES, TreeShape(15, 4, width))


@pytest.mark.parametrize("change", [{"leaves": 14}, {"height": 3}])
def test_trees_that_do_not_fit(change):
    with pytest.raises(ValueError, match="15 leaves and 4 levels do not fit into"):
        batch_of_trees(TREES, SHAPE._replace(**change))


def test_a_phrase_of_three_parts_is_an_error():
    tree = parse_tree("(1 (2 a) (1 (2 b) (3 c) d))")
    with pytest.raises(ValueError, match=r"^the phrase 'b c d' has 3 parts; expected one or two$"):
        example(tree)


@pytest.mark.parametrize("kind", TREE_CELLS)
def test_a_classifier_counts_labelled_nodes_alone(kind):
    rngs, batch = nnx.Rngs(0), batch_of_trees(TREES)
    embedding = Embedding(EmbeddingConfig(size=INPUTS, dropout=0.5), 8, rngs=rngs)
    cell = TREE_CELLS[kind](INPUTS, HIDDEN, rngs=rngs)
    model = TreeClassifier(embedding, cell, 4, dropout=0.5, rngs=rngs)
    logits = model(batch)
    chosen = jax.nn.log_softmax(logits)[np.arange(len(logits)), batch.labels]
    expected = -np.mean(chosen[batch.labels != UNLABELLED])
    np.testing.assert_allclose(node_loss(logits, batch), expected, rtol=1e-5)
    first, second = (model(batch, jax.random.key(seed)) for seed in (0, 1))
    assert not np.array_equal(first, second)

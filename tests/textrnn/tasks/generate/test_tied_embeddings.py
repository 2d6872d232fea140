"""Tied embeddings (Press and Wolf 2017): one table for the input and the output."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from textrnn.layers.embedding import EmbeddingConfig
from textrnn.layers.encoder import EncoderConfig
from textrnn.parameters import count_parameters, merge_model, split_model
from textrnn.tasks.generate.network import Generator, GeneratorConfig

VOCABULARY, SIZE, HIDDEN = 50, 8, 16
TABLE = "embedding.table"


def made(tied):
    config = GeneratorConfig(
        embedding=EmbeddingConfig(size=SIZE),
        encoder=EncoderConfig(hidden=HIDDEN, bidirectional=False),
        tied=tied,
    )
    return split_model(Generator(config, VOCABULARY, rngs=nnx.Rngs(0)))


def cycle(rows=4, length=12):
    """Each id is followed by the next one of 4 to 9."""
    return 4 + (np.arange(rows)[:, None] + np.arange(length + 1)) % 6


def loss(params, graph, ids, frozen_states=False):
    model = merge_model(graph, params)
    rows, length = ids[:, 1:].shape
    before, targets = ids[:, :-1].reshape(-1), ids[:, 1:].reshape(-1)
    h, _ = model.states(before, jnp.full(rows, length), model.config.past(rows))
    logits = model.logits(jax.lax.stop_gradient(h) if frozen_states else h)
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()


def test_one_table_instead_of_two():
    """Fails if a tied model still has an output table of the size of the vocabulary."""
    (_, tied), (_, untied) = made(tied=True), made(tied=False)
    assert (
        count_parameters(untied) - count_parameters(tied)
        == VOCABULARY * HIDDEN - (HIDDEN + 1) * SIZE
    )
    assert [name for name, leaf in tied.items() if VOCABULARY in leaf.shape and leaf.ndim == 2] == [
        TABLE
    ]


def test_the_table_gets_gradients_from_both_uses():
    """Fails if either use of the table has no gradient."""
    ids = jnp.asarray(cycle())
    graph, params = made(tied=True)
    total = jax.grad(loss)(params, graph, ids)[TABLE]
    of_output = jax.grad(loss)(params, graph, ids, True)[TABLE]
    of_input = np.abs(total - of_output).max(axis=1)
    assert (np.abs(of_output).max(axis=1) > 0).all()
    np.testing.assert_array_equal(of_input > 1e-8, np.isin(np.arange(VOCABULARY), ids[:, :-1]))


def test_a_tied_model_learns():
    """Fails if a tied model cannot learn a task that is easy for an untied one."""
    ids = jnp.asarray(cycle())
    graph, params = made(tied=True)
    optimizer = optax.adam(0.03)
    state = optimizer.init(params)

    @jax.jit
    def step(params, state):
        value, gradient = jax.value_and_grad(loss)(params, graph, ids)
        change, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, change), state, value

    value = jnp.inf
    for _ in range(150):
        params, state, value = step(params, state)
    assert float(value) < 0.05

"""What can be tested of the cuDNN path without a GPU: the order of its weights, by JAX's own reader
of that order, and which layers take it."""

import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import rnn

from support.cells import random_cell
from textrnn.layers.cudnn import flat_weights, has_cudnn_layer

INPUTS, HIDDEN = 3, 5


@pytest.mark.parametrize("directions", [1, 2])
def test_weights_are_in_the_order_of_cudnn(directions):
    """Fails if a matrix is not transposed, or kernels, biases or directions are swapped."""
    cells = [random_cell("lstm", INPUTS, HIDDEN, seed) for seed in range(directions)]
    w_ih, w_hh, b_ih, b_hh = rnn.unpack_lstm_weights(
        flat_weights(cells), INPUTS, HIDDEN, num_layers=1, bidirectional=directions == 2
    )
    for index, cell in enumerate(cells):
        np.testing.assert_array_equal(w_ih[index], cell.input_kernel[...].T)
        np.testing.assert_array_equal(w_hh[index], cell.recurrent_kernel[...].T)
        np.testing.assert_array_equal(b_ih[index] + b_hh[index], cell.bias[...])


def test_only_layers_that_cudnn_has_run_there():
    """Fails if another cell, a lone backward direction, or two inputs are given to cuDNN."""
    lstm, gru = random_cell("lstm", INPUTS, HIDDEN), random_cell("gru", INPUTS, HIDDEN)
    mogrifier = random_cell("mogrifier", INPUTS, HIDDEN)
    x, other = jnp.zeros((4, INPUTS)), jnp.zeros((4, INPUTS))
    assert has_cudnn_layer((lstm,), (False,), (x,))
    assert has_cudnn_layer((lstm, lstm), (False, True), (x, x))
    assert not has_cudnn_layer((gru,), (False,), (x,))
    assert not has_cudnn_layer((mogrifier,), (False,), (x,))
    assert not has_cudnn_layer((lstm,), (True,), (x,))
    assert not has_cudnn_layer((lstm, lstm), (False, True), (x, other))

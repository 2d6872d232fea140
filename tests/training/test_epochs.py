import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from textrnn.batching import Buckets
from textrnn.tasks import Example
from textrnn.tasks.task import pad_ids
from training.epochs import Epochs

BUCKETS = Buckets(lengths=(4, 16, 64), rows=16, tokens=128)


def made(lengths, seed=0, devices=1):
    examples = [Example(np.zeros(length, np.int32), False) for length in lengths]
    return Epochs(examples, pad_ids, BUCKETS, seed, devices)


@given(st.lists(st.integers(1, 64), min_size=1, max_size=400), st.integers(0, 3))
def test_every_example_is_seen_once_an_epoch(lengths, epoch):
    epochs = made(lengths)
    groups = epochs.batches(epoch)
    seen = sorted(int(i) for group in groups for i in group.indices)
    assert seen == list(range(len(lengths)))
    for group in groups:
        assert max(lengths[i] for i in group.indices) <= group.shape.length
        assert group.shape.rows * group.shape.length <= 128


def test_order_is_a_function_of_seed_and_epoch():
    """Fails if a resumed run sees other batches than an uninterrupted one."""
    lengths = np.random.default_rng(0).integers(1, 64, 500)

    def order(seed, epoch):
        return [g.indices.tolist() for g in made(lengths, seed).batches(epoch)]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    assert made(lengths).steps(3) == sum(len(order(0, e)) for e in range(3))


def test_rows_can_be_divided_among_devices():
    epochs = made([64] * 10, devices=4)
    assert all(shape.rows % 4 == 0 for shape in epochs.shapes)

"""The batches of an epoch."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textrnn.batching import ragged_ids
from textrnn.tasks import Example
from training.epochs import Epochs, rows_of_length
from training.recipe import TrainConfig

GRID = (4, 16, 64)


def made(lengths, seed=0, shards=None):
    examples = [Example(np.full(length, length, np.int32), False) for length in lengths]
    config = TrainConfig(lengths=GRID, rows=20, tokens=128, seed=seed, shards=shards)
    return Epochs(examples, collate, config)


def collate(windows, shape):
    return ragged_ids([window.ids for window in windows], shape)


@given(st.lists(st.integers(1, 64), min_size=1, max_size=400), st.integers(0, 3))
def test_every_example_is_seen_once_an_epoch(lengths, epoch):
    """Fails if an example is lost, repeated or cut, or a batch exceeds the budget."""
    epochs = made(lengths)
    groups = epochs.batches(epoch)
    seen = sorted(int(i) for group in groups for i in group.indices)
    assert seen == list(range(len(lengths)))
    for group in groups:
        batch = epochs.collate(group)
        assert batch["lengths"].tolist()[: len(group.indices)] == [
            lengths[i] for i in group.indices
        ]
        assert len(batch["ids"]) <= 128
        assert batch["lengths"].sum() <= len(batch["ids"])


@given(st.lists(st.integers(1, 64), min_size=1, max_size=400))
def test_batches_of_a_length_have_one_shape(lengths):
    """The length is that of the longest row, rounded up to one of the grid. Fails if a length has
    batches of several sizes, and therefore of several weights, or several batches are not full."""
    config = TrainConfig(lengths=GRID, rows=20, tokens=128)
    rows = {length: rows_of_length(config, length) for length in GRID}
    assert rows == {4: 16, 16: 8, 64: 2}
    groups = made(lengths).batches(0)
    for group in groups:
        longest = max(lengths[i] for i in group.indices)
        length = next(length for length in GRID if length >= longest)
        assert group.shape[:2] == (rows[length], rows[length] * length)
    assert sum(len(group.indices) < group.shape.rows for group in groups) <= 1


def test_order_is_a_function_of_seed_and_epoch():
    """Fails if a resumed run sees other batches than an uninterrupted one."""
    lengths = np.random.default_rng(0).integers(1, 64, 500)

    def order(seed, epoch):
        return [g.indices.tolist() for g in made(lengths, seed).batches(epoch)]

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    assert made(lengths).steps(3) == sum(len(order(0, e)) for e in range(3))


def test_few_rows_are_passed_over_until_an_epoch_has_its_steps():
    """Fails if a pass is repeated in its order or cut short, or many rows are passed over again."""
    config = TrainConfig(lengths=GRID, rows=20, tokens=128, epoch_steps=10)
    epochs = Epochs([Example(np.full(4, 4, np.int32), False)] * 64, collate, config)
    batches = [group.indices.tolist() for group in epochs.batches(1)]
    assert len(batches) == 12 == epochs.steps(1), "three passes of four batches"
    passes = [list(chain(*batches[start : start + 4])) for start in (0, 4, 8)]
    assert all(sorted(each) == list(range(64)) for each in passes)
    assert len({tuple(each) for each in passes}) == 3
    many = [Example(np.full(4, 4, np.int32), False)] * 200
    assert len(Epochs(many, collate, config).batches(0)) == 13


def test_the_windows_of_an_epoch_may_be_its_own():
    """Fails if an epoch batches or collates the windows of another one."""

    def windows(epoch):
        return [Example(np.full(epoch + 2, epoch, np.int32), False)] * (20 + epoch)

    config = TrainConfig(lengths=GRID, rows=20, tokens=128)
    epochs = Epochs(windows(0), collate, config, windows)
    estimate = epochs.steps(3)
    for epoch in range(3):
        batches = [epochs.collate(group) for group in epochs.batches(epoch)]
        assert sum((batch["lengths"] > 0).sum() for batch in batches) == 20 + epoch
        assert all(set(batch["ids"].tolist()) <= {0, epoch} for batch in batches)
    assert estimate == 3 * len(Epochs(windows(0), collate, config).batches(0))


@pytest.mark.parametrize("shards", [3, 4])
def test_shards_divide_the_rows_of_a_batch(shards):
    """Fails if a row is in two shards or in none, if shards differ in shape, or if a batch of long
    rows has fewer rows than there are shards."""
    epochs = made([64, 63] * 5 + [3, 2, 1] * 20, shards=shards)
    for group in epochs.batches(0):
        parts = [epochs.collate(group, shard) for shard in range(shards)]
        assert {part["ids"].shape for part in parts} == {(group.shape.tokens // shards,)}
        lengths = [length for part in parts for length in part["lengths"] if length]
        expected = [len(epochs._windows[index]) for index in group.indices]
        assert sorted(lengths) == sorted(expected)
        assert max(len(p["lengths"]) for p in parts) == group.shape.rows // shards

"""Training on long texts: chunks, the carry between batches, development texts."""

import gzip
from dataclasses import replace
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given
from hypothesis import strategies as st

from support.bundles import same_parameters
from support.cells import small
from support.made_up_words import GENERATE_RECIPE, babble
from support.rows import load_rows, source_rows
from textrnn.bundle import load_bundle
from textrnn.errors import UserError
from textrnn.layers.cells.registry import CELLS
from textrnn.layers.encoder import EncoderConfig
from textrnn.parameters import merge_model, model_structure
from textrnn.tasks import StreamTask
from training.findings import Findings
from training.fingerprints import fingerprints
from training.recipe import Data, Source, TrainConfig, load_recipe
from training.sources import read_source
from training.splits import by_position
from training.train import fit, prepare
from training.truncated_bptt import Streams


def streams_of(count, seed=0):
    """At most four streams of the tokens 0, 1, 2 ..., in chunks of eight."""
    config = TrainConfig(lengths=(4, 8), rows=8, tokens=32, seed=seed)
    return Streams(np.arange(count), config)


@given(st.integers(8, 400), st.integers(0, 3))
def test_each_chunk_begins_where_the_one_before_it_ended(length, epoch):
    """Fails if a token is skipped or repeated within a stream, or a row changes its stream."""
    streams = streams_of(length)
    batches = [streams.collate(chunk) for chunk in streams.batches(epoch)]
    assert len(batches) == streams.steps(1) > 0
    for before, after in pairwise(batches):
        np.testing.assert_array_equal(before["ids"][:, -1], after["ids"][:, 0])
    assert [batch["fresh"].all() for batch in batches] == [True] + [False] * (len(batches) - 1)
    predicted = np.concatenate([batch["ids"][:, 1:].ravel() for batch in batches])
    assert len(set(predicted)) == len(predicted) > length - streams.rows * 16
    for row in batches[0]["ids"]:
        np.testing.assert_array_equal(np.diff(row) % length, 1)


def test_epochs_begin_at_positions_that_follow_from_the_seed():
    def first(seed, epoch):
        return streams_of(1000, seed).batches(epoch)[0].starts.tolist()

    assert first(0, 1) == first(0, 1)
    assert first(0, 1) != first(0, 2)
    assert first(0, 1) != first(1, 1)


def test_a_short_text_is_passed_over_until_an_epoch_has_its_steps():
    """Fails if the state is carried from one pass to the next, which begins elsewhere."""
    config = TrainConfig(lengths=(4, 8), rows=8, tokens=32, epoch_steps=8)
    streams = Streams(np.arange(100), config)
    chunks = streams.batches(0)
    assert len(chunks) == 9 == streams.steps(1), "three passes of three chunks"
    assert [chunk.first for chunk in chunks] == [True, False, False] * 3
    assert len({chunk.starts[0] for chunk in chunks[::3]}) > 1


def test_a_short_text_has_fewer_streams_and_a_shorter_one_is_an_error():
    assert streams_of(17).rows == 2
    with pytest.raises(UserError, match="has 7 tokens, and a chunk 8"):
        streams_of(7)


@given(st.lists(st.text("abc", max_size=20), max_size=5), st.floats(0, 1), st.floats(0, 1))
def test_parts_by_position_are_a_partition(texts, one, two):
    lengths, (low, high) = [len(text) for text in texts], sorted((one, two))
    parts = [by_position(lengths, *ends) for ends in ((0, low), (low, high), (high, 1))]
    pieces = [text[piece] for part in parts for text, piece in zip(texts, part, strict=True)]
    assert "".join(pieces) == "".join(texts)


def test_development_is_the_end_of_the_text(tmp_path, monkeypatch):
    """Fails if the parts overlap."""
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    (tmp_path / "book.txt").write_text("0123456789" * 10)
    train, dev = load_rows(Data(train=(Source(path="book.txt"),)), "generate")
    assert [row["text"] for row in train] == ["0123456789" * 9]
    assert [row["text"] for row in dev["heldout"]] == ["0123456789"]
    part = Source(path="book.txt", part=(0.25, 0.3))
    assert [row["text"] for row in source_rows(part, "generate")] == ["56789"]
    with pytest.raises(UserError, match="two increasing fractions"):
        Source.parse({"path": "book.txt", "part": [0.5, 0.5]}, "here")


def test_a_folder_is_its_text_files(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    folder = tmp_path / "notes"
    (folder / "sub" / ".git").mkdir(parents=True)
    (folder / "b.md").write_bytes(b"second\r\nline")
    (folder / "a.py").write_text("first = 'é'")
    (folder / "sub" / "c.txt.gz").write_bytes(gzip.compress(b"third"))
    (folder / "sub" / ".git" / "config").write_text("hidden")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\0")
    (folder / "empty").write_text("")
    source = Source(path="notes")
    rows = source_rows(source, "generate")
    assert [row["text"] for row in rows] == ["first = 'é'", "second\nline", "third"]
    findings = Findings()
    list(read_source(source, "generate", findings))
    (left_out,) = findings.all()
    assert (left_out.outcome, left_out.count) == ("left out", 2)
    before = fingerprints(source)
    (folder / "a.py").rename(folder / "d.py")
    assert fingerprints(source) != before


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\xff\xfe", "not UTF-8 text"), (b"", "is empty"), (b"a\0b", "not UTF-8 text")],
)
def test_files_that_are_not_text(tmp_path, monkeypatch, content, reason):
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(UserError, match=f"x.txt: .*{reason}"):
        load_rows(Data(train=(Source(path="x.txt"),)), "generate")
    with pytest.raises(UserError, match="cannot be read: No such file"):
        load_rows(Data(train=(Source(path="nowhere.txt"),)), "generate")


def test_texts_in_rows_of_a_table(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    (tmp_path / "rows.jsonl").write_text('{"body": "one"}\n{"body": "two"}\n')
    source = Source(path="rows.jsonl", fields={"text": "body"})
    assert [row["text"] for row in source_rows(source, "generate")] == ["one", "two"]


SETTINGS = (
    "train.epochs=2", "train.ema=0.9", "train.weight_drop=0.2", "model.encoder.dropout=0.2",
    "model.embedding.type_dropout=0.1", "train.checkpoint_every=7",
)  # fmt: skip


@pytest.mark.slow
def test_resumed_equals_uninterrupted(tmp_path, monkeypatch):
    """Stopped in the middle of an epoch. Fails if a checkpoint lacks the carry of the streams."""
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    (tmp_path / "words.txt").write_text(babble(2000))
    (tmp_path / "r.toml").write_text(GENERATE_RECIPE)
    recipe = load_recipe(str(tmp_path / "r.toml"), SETTINGS)
    prepared = prepare(recipe)
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole, _ = fit(prepared, tmp_path / "whole")

    class Stop(Exception):
        pass

    collate, seen = Streams.collate, []

    def stopping(self, chunk, shard):
        seen.append(chunk)
        if len(seen) == 10:
            raise Stop
        return collate(self, chunk, shard)

    with monkeypatch.context() as patch:
        patch.setattr(Streams, "collate", stopping)
        with pytest.raises(Stop):
            fit(prepared, tmp_path / "stopped")
    resumed, _ = fit(prepared, tmp_path / "stopped")
    assert same_parameters(whole, resumed)


def test_the_carry_is_passed_on_and_reset(generate_bundle):
    """Two consecutive batches equal one of twice the length, except where the state is reset."""
    bundle = load_bundle(generate_bundle)
    task = bundle.task
    assert isinstance(task, StreamTask)
    task = replace(task, config=task.config.model_copy(update={"forgetting": 0.0}))
    graph, _ = model_structure(task.build)
    model, key = merge_model(graph, bundle.params), jax.random.key(0)
    ids = task.tokenizer.encode(babble(8)).ids[None, :25]

    def loss(part, carry, fresh=False):
        batch = {"ids": part, "fresh": np.array([fresh])}
        total, weight, carry = task.loss_with_carry(model, batch, key, carry)
        assert weight == part.shape[1] - 1
        return float(total), carry

    whole, _ = loss(ids, task.initial_carry(1))
    first, carry = loss(ids[:, :13], task.initial_carry(1))
    second, _ = loss(ids[:, 12:], carry)
    assert first + second == pytest.approx(whole, abs=1e-3)
    forgot, _ = loss(ids[:, 12:], carry, fresh=True)
    assert forgot > second + 0.1


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.slow
def test_a_stream_that_is_reset_begins_anew(kind, generate_bundle):
    """For every cell, and only for the streams that are reset. Fails if the state becomes zeros
    where a cell starts from something else, or if a memory cannot be carried at all."""
    task: Any = load_bundle(generate_bundle).task
    encoder = {"cell": small(kind), "hidden": 8, "bidirectional": False}
    changes = {"forgetting": 0.0, "encoder": EncoderConfig(**encoder)}
    task = replace(task, config=task.config.model_copy(update=changes))
    model, key = task.build(nnx.Rngs(0)), jax.random.key(0)
    ids = np.stack([task.tokenizer.encode(babble(8)).ids[:9]] * 2)

    @jax.jit
    def run(carry, fresh):
        return task.loss_with_carry(model, {"ids": ids, "fresh": fresh}, key, carry)[2]

    first = run(task.initial_carry(2), jnp.array([False, False]))
    again = run(first, jnp.array([True, False]))
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(again), strict=True):
        np.testing.assert_allclose(one[0], other[0], atol=1e-6)
    onward = run(first, jnp.array([False, False]))
    for one, other in zip(jax.tree.leaves(onward), jax.tree.leaves(again), strict=True):
        np.testing.assert_allclose(one[1], other[1], atol=1e-6)

import jax
import numpy as np
import pytest
from flax import nnx

from textrnn.batching import Limits, Shape
from textrnn.errors import UserError
from textrnn.tasks import Outputs
from textrnn.tasks.language_model import Pretrain, PretrainConfig
from textrnn.text import BOS, EOS, WordTokenizer

LIMITS = Limits(length=8, rows=4, tokens=64)
TOKENS = 16
"""Capacity of the batches, whose rows are shorter together."""


def make(samples=10, words="a b c d e", **encoder):
    config = PretrainConfig.parse(
        {
            "embedding": {"size": 6},
            "encoder": {"hidden": 5, "joined": False, **encoder},
            "samples": samples,
        },
        source="test",
    )
    return Pretrain.fit(config, WordTokenizer.fit([words], 300), LIMITS, [])


def batch_of(task, texts):
    read = [task.read({"text": text}, task.options_type()) for text in texts]
    return task.collate(read, Shape(4, TOKENS))


def test_predicts_each_next_and_each_previous_word():
    """Fails if a target is off by one, or padding or another row is predicted."""
    task = make()
    batch = batch_of(task, ["a b c", "d"])
    _, words, real = task.build(nnx.Rngs(0))(batch)
    ahead, behind = np.asarray(words).reshape(2, TOKENS - 1)
    a, b, c, d = task.tokenizer.encode("a b c d").ids
    assert ahead[:4].tolist() == [a, b, c, EOS]
    assert behind[:4].tolist() == [BOS, a, b, c]
    assert ahead[5:7].tolist() == [d, EOS]
    assert behind[5:7].tolist() == [BOS, d]
    within_a_row = [1] * 4 + [0] + [1] * 2 + [0] * 8
    np.testing.assert_array_equal(real.reshape(2, TOKENS - 1), [within_a_row, within_a_row])


def test_log_likelihood_equals_a_full_softmax():
    """Fails if predict sums over padding, or omits a direction."""
    task = make()
    model = task.build(nnx.Rngs(0))
    batch = batch_of(task, ["a b c", "d e"])
    states, words, real = (np.asarray(x) for x in model(batch))
    logits = states @ np.asarray(model.embedding.table[...]).T + np.asarray(model.word_bias[...])
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    by_pair = (log_p[np.arange(len(words)), words] * real).reshape(2, TOKENS - 1).sum(axis=0)
    by_row = [by_pair[:4].sum(), by_pair[5:8].sum(), 0, 0]
    result = task.predict(model, batch).rows
    np.testing.assert_allclose(result["log_likelihood"], by_row, rtol=1e-4)
    np.testing.assert_array_equal(result["words"], [8, 6, 0, 0])
    first = Outputs({name: values[0] for name, values in result.items()})
    answer = task.answer([first], task.read({"text": "a b c"}, task.options_type()))
    assert answer["perplexity"] == pytest.approx(np.exp(-by_row[0] / 8), rel=1e-4)
    metrics = task.score([answer, answer], [])
    assert metrics["perplexity"] == pytest.approx(answer["perplexity"])


def test_sampled_loss_comes_close_to_the_full_one():
    """Its mean over many samples is the loss of the full softmax. Fails if the correction for the
    sampling frequency is missing or has the wrong sign."""
    words = " ".join(f"w{i} " * (200 - i) for i in range(200))
    task = make(samples=3000, words=words)
    model = task.build(nnx.Rngs(0))
    batch = batch_of(task, ["w1 w2 w150 w7", "w180 w3 w99"])
    exact = -float(np.asarray(task.predict(model, batch).rows["log_likelihood"]).sum())
    sampled = [float(task.loss(model, batch, jax.random.key(seed))[0]) for seed in range(8)]
    assert np.mean(sampled) == pytest.approx(exact, rel=0.02)


def test_a_joined_encoder_is_refused():
    with pytest.raises(UserError, match="a word is seen before it is predicted"):
        make(joined=True)
    with pytest.raises(UserError, match="bidirectional and not joined"):
        make(bidirectional=False)

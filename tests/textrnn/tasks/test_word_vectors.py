import jax
import numpy as np
import optax
import pytest
from flax import nnx

from textrnn.batching import Limits, Shape
from textrnn.parameters import merge_model, split_model
from textrnn.predictor import Predictor
from textrnn.tasks.word_vectors import Vectors, VectorsConfig
from textrnn.text import WordTokenizer

TOKENIZER = WordTokenizer.fit(["a b c d e f"], 100)


def make(**given):
    config = {"embedding": {"size": 6}, "window": 2, "samples": 16, "frequent": 1.0, **given}
    return Vectors(VectorsConfig.parse(config, source="test"), TOKENIZER, Limits())


def test_loss_equals_the_pairs_one_by_one():
    """Fails if a pair crosses into another row or padding, is counted twice or weighs wrongly."""
    task = make()
    model = task.build(nnx.Rngs(0))
    random = np.random.default_rng(0)
    model.context[...] = random.normal(size=model.context[...].shape).astype("f")
    rows = ["a b c d", "e"]
    examples = [task.read({"text": text}, task.options_type()) for text in rows]
    batch = task.collate(examples, Shape(4, 16))
    key = jax.random.key(3)
    losses, weights = (np.asarray(x) for x in task._losses(model, batch, key))
    words, contexts = np.asarray(model.embedding.table[...]), np.asarray(model.context[...])
    drawn = np.asarray(task._draw(key))
    for row, example in enumerate(examples):
        loss = weight = 0.0
        for i, a in enumerate(example.ids):
            for j, b in enumerate(example.ids):
                near = (3 - abs(i - j)) / 2
                if i == j or near <= 0:
                    continue
                wrong = np.logaddexp(0, contexts[drawn] @ words[a]).mean() * 5
                loss += near * (np.logaddexp(0, -words[a] @ contexts[b]) + wrong)
                weight += near
        assert losses[row] == pytest.approx(loss, rel=1e-4)
        assert weights[row] == pytest.approx(weight, rel=1e-5)
    assert not losses[2:].any()


def test_frequent_words_have_less_weight():
    task = make(frequent=1e-3)
    keep = np.asarray(task._keep(np.arange(4, len(TOKENIZER))))
    assert (np.diff(keep) > 0).all()
    assert keep[0] == pytest.approx(np.sqrt(1e-3 * 5 * np.log(len(TOKENIZER))), rel=1e-5)


@pytest.mark.slow
def test_words_with_the_same_neighbours_get_similar_vectors():
    """Cats and dogs are interchangeable in this text, and so are stones and rocks."""
    random = np.random.default_rng(0)
    texts = []
    for _ in range(60):
        animal = random.choice(["cat", "dog"])
        thing = random.choice(["stone", "rock"])
        texts += [f"the {animal} eats and sleeps", f"a {thing} falls down hard"]
    task = Vectors(
        VectorsConfig.parse({"embedding": {"size": 8}, "frequent": 1.0}, source="test"),
        WordTokenizer.fit(texts, 100),
        Limits(length=8, rows=128, tokens=1024),
    )
    graph, params = split_model(task.build(nnx.Rngs(0)))
    batch = task.collate(
        [task.read({"text": text}, task.options_type()) for text in texts], Shape(128, 1024)
    )
    optimizer = optax.adam(2e-2)

    @jax.jit
    def step(params, state, key):
        def mean(params):
            total, weight = task.loss(merge_model(graph, params), batch, key)
            return total / weight

        change, state = optimizer.update(jax.grad(mean)(params), state)
        return optax.apply_updates(params, change), state

    state = optimizer.init(params)
    for number in range(200):
        params, state = step(params, state, jax.random.key(number))
    table = np.asarray(params["embedding.table"])

    def near(a, b):
        x, y = (table[task.tokenizer.encode(word).ids[0]] for word in (a, b))
        return x @ y / np.linalg.norm(x) / np.linalg.norm(y)

    assert near("cat", "dog") > near("cat", "stone") + 0.3
    assert near("stone", "rock") > near("dog", "rock") + 0.3
    answers = Predictor(task, params).predict(["the cat eats", "eats the the stone"])
    assert answers[0]["log_loss"] < answers[1]["log_loss"]
    assert task.score(answers, [])["log_loss"] == pytest.approx(
        np.average([a["log_loss"] for a in answers], weights=[a["weight"] for a in answers])
    )

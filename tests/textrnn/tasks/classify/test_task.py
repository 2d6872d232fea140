import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from support import reference
from support.ragged import to_ragged
from textrnn.batching import Limits, Shape
from textrnn.errors import UserError
from textrnn.parameters import merge_model, split_model
from textrnn.predictor import Predictor
from textrnn.tasks import Outputs
from textrnn.tasks.classify.task import Classify, ClassifyConfig, ClassifyRows
from textrnn.text import BOS, EOS, UNK, WordTokenizer

LIMITS = Limits(length=16, rows=16, tokens=256)
TOKENIZER = WordTokenizer.fit(["a b c d e f g h"], 100)


def make(rows=None, tokenizer=TOKENIZER, **settings):
    base = {"embedding": {"size": 8}, "encoder": {"hidden": 8}}
    config = ClassifyConfig.parse({**base, **settings}, source="test")
    return Classify.fit(config, tokenizer, LIMITS, rows or [{"label": "x"}, {"label": "y"}])


def outputs_of(logits):
    """The outputs for one text, as a predictor returns them."""
    return [Outputs(ClassifyRows(logits))]


def examples(task, rows, gold=True):
    return [task.read(row, task.options_type(), gold) for row in rows]


def train(task, rows, steps=100):
    """Adam on one batch, which overfits a few rows."""
    graph, params = split_model(task.build(nnx.Rngs(0)))
    batch = task.collate(examples(task, rows), Shape(16, 64))

    def loss(params, key):
        total, weight = task.loss(merge_model(graph, params), batch, key)
        return total / weight

    step = jax.jit(jax.value_and_grad(loss))
    optimizer = optax.adam(0.03)
    state = optimizer.init(params)
    for number in range(steps):
        _, gradient = step(params, jax.random.key(number))
        change, state = optimizer.update(gradient, state)
        params = optax.apply_updates(params, change)
    return Predictor(task, params)


TEN = [{"text": f"{a} {b}", "label": "x" if a < b else "y"} for a, b in zip("abcdehgfba", "bacfdgheca", strict=True)]  # noqa: E501  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {"pooling": ["max"]},
        {"pooling": ["mean"]},
        {"pooling": ["last"]},
        {"pooling": ["attention"]},
        {"pooling": ["last"], "encoder": {"hidden": 8, "bidirectional": False, "cell": "gru"}},
        {"pooling": ["max", "mean", "last", "attention"], "encoder": {"hidden": 8, "layers": 2}},
        {"pooling": ["max", "sif"]},
        {"ngrams": {"orders": [1, 2], "buckets": 64, "size": 8, "dropout": 0.1}},
    ],
    ids=str,
)
@pytest.mark.slow
def test_overfits_ten_rows(settings):
    """The label is the order of two letters. Fails if a pooling loses information of the encoder,
    or a gradient does not arrive."""
    predictor = train(make(**settings), TEN)
    assert [a["label"] for a in predictor.predict_rows(TEN)] == [row["label"] for row in TEN]


def test_overfits_several_labels():
    rows = [
        {"text": letters, "labels": sorted(set(letters.split()) & {"a", "b", "c"})}
        for letters in ("a d", "b d", "c d", "a b", "a c d", "d e", "b c", "a b c")
    ]
    task = make(rows, multi_label=True)
    assert task.config.labels == ("a", "b", "c")
    answers = train(task, rows).predict_rows(rows)
    assert [sorted(answer["labels"]) for answer in answers] == [row["labels"] for row in rows]


POOLINGS = ["max", "mean", "last", "attention"]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_poolings_equal_their_definitions(pooling):
    """One row at a time. Fails if a pooling reads another row or padding."""
    model = make(pooling=[pooling]).build(nnx.Rngs(0))
    draw = np.random.default_rng(0)
    rows = [draw.normal(size=(length, 16)).astype("f") for length in (3, 1, 0, 5)]
    result = model._pool(pooling, *to_ragged(rows))
    for row, pooled in zip(rows, result, strict=True):
        if not len(row):
            assert np.isfinite(pooled).all()
            continue
        if pooling == "last":
            expected = np.concatenate([row[-1, :8], row[0, 8:]])
        elif pooling == "attention":
            assert model.attention is not None
            scores = np.asarray(model.attention(jnp.asarray(row)))[:, 0]
            expected = np.exp(scores) @ row / np.exp(scores).sum()
        else:
            expected = row.max(axis=0) if pooling == "max" else row.mean(axis=0)
        np.testing.assert_allclose(pooled, expected, atol=1e-5)


def test_sif_is_the_mean_weighted_by_inverse_frequency():
    """One row at a time. Fails if the weight of a token does not fall with its frequency, or that
    of the ends of a text counts."""
    task = make(pooling=["sif"])
    model = task.build(nnx.Rngs(0))
    rows = [np.array(ids) for ids in ([BOS, 4, 9, UNK, EOS], [BOS, 6, EOS])]
    ids, lengths = to_ragged(rows)
    features = model.embed(ids, lengths)
    # Ids 0 to 3 are special; the first word is of frequency 0.1, the second of 0.05, and so on.
    weight = {BOS: 0, EOS: 0, UNK: 1}
    weight |= {id: 1e-4 / (1e-4 + 0.1 / (id - 3)) for id in range(4, 12)}
    table = np.asarray(model.embedding.table[...])
    for row, logits in zip(rows, model.logits_from_embeddings(features, lengths), strict=True):
        mean = sum(weight[id] * table[id] for id in row) / sum(weight[id] for id in row)
        scaled = mean / np.sqrt(np.mean(np.square(mean)))
        assert model.word_output is not None
        expected = model.word_output(jnp.asarray(scaled))
        np.testing.assert_allclose(logits, expected, rtol=1e-3)


@pytest.mark.parametrize("pooling", [*POOLINGS, "sif"])
def test_padding_does_not_reach_the_logits(pooling):
    """Fails if a pooling reads padding, or the logits of an empty row are not finite."""
    task = make(pooling=[pooling])
    model = task.build(nnx.Rngs(0))
    read = examples(task, [{"text": "a b c", "label": "x"}, {"text": "d", "label": "y"}])
    small = task.predict(model, task.collate(read, Shape(2, 8))).rows.logits
    padded = task.collate(read, Shape(8, 16))
    padded["ids"][8:] = 7
    large = task.predict(model, padded).rows.logits
    np.testing.assert_allclose(large[:2], small, atol=1e-6)
    assert np.isfinite(large).all()


@pytest.mark.parametrize("pooling", [*POOLINGS, "sif"])
def test_padding_rows_have_no_weight(pooling):
    """Fails if padding rows count in the loss or in its gradient."""
    task = make(pooling=[pooling])
    graph, params = split_model(task.build(nnx.Rngs(0)))
    read = examples(task, TEN[:3])

    def mean(params, batch):
        total, weight = task.loss(merge_model(graph, params), batch, jax.random.key(0))
        return total / weight, weight

    measure = jax.jit(jax.value_and_grad(mean, has_aux=True))
    ((tight, weight), gradient) = measure(params, task.collate(read, Shape(3, 12)))
    ((loose, same_weight), same_gradient) = measure(params, task.collate(read, Shape(16, 64)))
    assert float(weight) == float(same_weight) == 3
    np.testing.assert_allclose(tight, loose, rtol=1e-5)
    for name, expected in gradient.items():
        np.testing.assert_allclose(same_gradient[name], expected, atol=1e-6)


def test_loss_is_the_cross_entropy_of_the_label():
    """Against the formula, from the logits. Fails on a wrong axis, sign or smoothing."""
    for settings in ({}, {"label_smoothing": 0.2}):
        task = make(**settings)
        model = task.build(nnx.Rngs(0))
        batch = task.collate(examples(task, TEN), Shape(10, 40))
        total, weight = task.loss(model, batch, jax.random.key(0))
        logits = np.asarray(task.predict(model, batch).rows.logits, np.float64)
        p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        smooth = settings.get("label_smoothing", 0)
        assert "targets" in batch
        target = batch["targets"] * (1 - smooth) + smooth / 2
        assert float(weight) == 10
        assert float(total) == pytest.approx(-(target * np.log(p)).sum(), rel=1e-5)


def test_class_weights_make_a_rare_label_count():
    """Fails if weights are not inverse to frequency, or reach the wrong label."""
    rows = [{"text": "a", "label": "x"}] * 3 + [{"text": "b", "label": "y"}]
    task = make(rows, class_weights="balanced")
    assert task.config.class_weights == {"x": pytest.approx(2 / 3), "y": pytest.approx(2)}
    batch = task.collate(examples(task, rows), Shape(4, 12))
    _, weight = task.loss(task.build(nnx.Rngs(0)), batch, jax.random.key(0))
    assert float(weight) == pytest.approx(3 * 2 / 3 + 2)


def test_metrics_equal_the_reference():
    """Fails on a wrong average, or if a threshold is forgotten."""
    random = np.random.default_rng(0)
    labels = ["p", "q", "r"]
    rows = [
        {"text": "a", "labels": [n for n in labels if random.random() < 0.4]} for _ in range(50)
    ]
    rows[0]["labels"] = labels
    task = make(rows, multi_label=True, thresholds=[0.3, 0.5, 0.7])
    logits = random.normal(size=(50, 3))
    read = [task.read(row, task.options_type()) for row in rows]
    answers = [task.answer(outputs_of(z), example) for z, example in zip(logits, read, strict=True)]
    metrics = task.score(answers, rows)
    p = 1 / (1 + np.exp(-logits))
    given = p >= np.array([0.3, 0.5, 0.7])
    truth = np.array([[n in row["labels"] for n in labels] for row in rows])
    by_label = [reference.f1(truth[:, i], given[:, i]) for i in range(3)]
    assert metrics["macro_f1"] == pytest.approx(np.mean(by_label))
    assert metrics["micro_f1"] == pytest.approx(reference.f1(truth.ravel(), given.ravel()))
    expected = -np.where(truth, np.log(p), np.log(1 - p)).mean()
    assert metrics["log_loss"] == pytest.approx(expected)


def test_metrics_of_rows_that_lack_a_label():
    """Fails if neutral answers count against a set of two poles, or recall is over all rows."""
    labels = ["negative", "neutral", "positive"]
    gold = ["negative", "positive", "positive", "positive"]
    rows = [{"text": "a", "label": label} for label in gold]
    task = make([{"label": label} for label in labels], labels=labels)
    logits = np.array([[1.0, 2.0, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 1.0], [1.0, 2.0, 0.0]])
    read = [task.read(row, task.options_type()) for row in rows]
    answers = [task.answer(outputs_of(z), example) for z, example in zip(logits, read, strict=True)]
    metrics = task.score(answers, rows)
    assert metrics["accuracy"] == 1 / 4
    assert metrics["accuracy_in_set"] == 3 / 4
    assert metrics["macro_recall"] == pytest.approx((0 + 1 / 3) / 2)


def test_at_least_one_label_if_every_text_has_one():
    rows = [{"text": "a", "labels": ["p"]}, {"text": "b", "labels": ["q"]}]
    for settings, expected in (({}, []), ({"at_least_one": True}, ["q"])):
        task = make(rows, multi_label=True, **settings)
        example = task.read(rows[0], task.options_type())
        assert task.answer(outputs_of(np.array([-3.0, -2.0])), example)["labels"] == expected


def test_calibration_changes_probabilities_and_not_the_order():
    task = make()
    random = np.random.default_rng(0)
    logits = random.normal(scale=5, size=(200, 2))
    rows = [{"text": "a", "label": task.config.labels[random.integers(2)]} for _ in range(200)]
    calibrated = task.calibrated(None, [outputs_of(z) for z in logits], rows)
    example = task.read(rows[0], task.options_type())
    assert calibrated.config.temperature > 5, (
        "the outcomes are noise, so no confidence is justified"
    )
    for z in logits[:20]:
        before, after = (t.answer(outputs_of(z), example) for t in (task, calibrated))
        assert before["label"] == after["label"]
        assert after["score"] < before["score"]


@pytest.mark.parametrize(
    ("rows", "settings", "reason"),
    [
        ([{"label": "x"}], {}, "needs two labels or more"),
        ([{"label": "x"}, {"label": "z"}], {"labels": ["x", "y"]}, "does not name: \\['z'\\]"),
        ([{"label": "x"}], {"labels": ["x", "y"]}, "no training row has the labels \\['y'\\]"),
        ([{"label": 1}, {"label": "x"}], {}, "label must be a string, found 1"),
        ([{"labels": "x"}], {"multi_label": True}, "labels must be a list of strings, found 'x'"),
        ([{"text": "a"}], {}, "the row has no 'label'"),
        ([{"label": "x"}, {"label": "y"}], {"class_weights": {"x": 1}}, "the labels are"),
    ],
)
def test_rows_unsuitable_for_training_are_one_clear_error(rows, settings, reason):
    with pytest.raises(UserError, match=reason):
        make(rows, **settings)


def test_an_unknown_gold_label_is_one_clear_error():
    with pytest.raises(UserError, match="unknown label 'q'; the labels are x, y"):
        examples(make(), [{"text": "a", "label": "q"}])


def test_dropout_is_on_in_training_alone():
    task = make(dropout=0.5, embedding={"size": 8, "dropout": 0.5, "word_dropout": 0.5})
    model = task.build(nnx.Rngs(0))
    batch = task.collate(examples(task, TEN), Shape(16, 64))
    losses = {float(task.loss(model, batch, jax.random.key(seed))[0]) for seed in range(4)}
    assert len(losses) == 4
    first, second = (task.predict(model, batch).rows.logits for _ in range(2))
    np.testing.assert_array_equal(first, second)

import threading
from dataclasses import replace

import jax
import numpy as np
import pytest

import textrnn
from textrnn.bundle import as_stored
from textrnn.errors import InvalidText, UserError
from textrnn.predictor import Predictor
from textrnn.tasks.classify.task import Classify
from textrnn.tasks.tag.task import Tag

HOSTILE = [
    "a\0b",
    "e" + "\u0301" * 60,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "\u202e\u05e9\u05dc\u05d5\u05dd",
    "a\u2028b\u0085c",
    "\ufeffa",
    "<script>alert(1)</script>",
]


def test_answers_are_in_the_order_of_the_texts(predictor):
    """Lengths are mixed, so that several shapes run. Fails if the plan determines the order."""
    texts = ["a lovely film", "awful " + "plot " * 30, "fine", "the boring and poor scene"] * 7
    answers = predictor.predict(texts)
    expected = ["friendly", "hostile", "friendly", "hostile"] * 7
    assert [answer["label"] for answer in answers] == expected
    alone = [predictor.predict(text)[0] for text in texts[:4]]
    for together, single in zip(answers, alone, strict=False):
        assert together["score"] == pytest.approx(single["score"], abs=1e-5)


def test_one_string_is_one_text(predictor):
    assert len(predictor.predict("a fine film")) == 1


def test_scores_are_probabilities_the_highest_first(predictor):
    (answer,) = predictor.predict("a fine film")
    scores = [entry["score"] for entry in answer["scores"]]
    assert sum(scores) == pytest.approx(1)
    assert scores == sorted(scores, reverse=True)
    assert answer["label"] == answer["scores"][0]["label"]
    assert len(predictor.predict("a fine film", top_k=1)[0]["scores"]) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_gets_an_answer(predictor, text):
    (answer,) = predictor.predict(text)
    assert np.isfinite(answer["score"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty"),
        (" \n\t\u2003", "empty"),
        ("\0", "empty"),
        ("\ufeff", "empty"),
        ("\u0301" * 60, "empty"),
        ("\ud800", "lone_surrogate"),
        ("word " * 63, "too_long"),
        ("x " * 500_000, "too_long"),
        (None, "not_text"),
        (3, "not_text"),
    ],
)
def test_invalid_text_is_one_clear_error(predictor, text, code):
    with pytest.raises(InvalidText) as caught:
        predictor.predict([text])
    assert caught.value.code == code
    assert "\n" not in str(caught.value)
    if code == "too_long":
        assert caught.value.limit == 62
        assert "62 tokens" in str(caught.value)


def test_truncation_is_optional_and_marked(predictor):
    (whole,) = predictor.predict("word " * 62, truncate=True)
    (cut,) = predictor.predict("word " * 62 + "awful", truncate=True)
    assert "truncated" not in whole
    assert cut["truncated"] is True
    assert cut["scores"] == whole["scores"]


def test_unknown_options_are_refused(predictor):
    with pytest.raises(UserError, match="unknown key 'topk'; did you mean 'top_k'"):
        predictor.predict("a", topk=1)


@pytest.fixture
def traced(monkeypatch):
    """The capacities of the batches that programs have been compiled for, one for each program."""
    capacities = []
    for kind in (Classify, Tag):
        real = kind.predict

        def predict(self, model, batch, real=real):
            capacities.append((len(batch["lengths"]), len(batch["ids"])))
            return real(self, model, batch)

        monkeypatch.setattr(kind, "predict", predict)
    return capacities


def test_a_shape_is_compiled_once(predictor, traced):
    """Fails if a repeated request compiles again, or a small one runs in the largest shape."""
    predictor.predict("a fine film")
    predictor.predict("an awful film")
    assert traced == [(1, 32)]
    predictor.predict(["a fine film"] * 8)
    predictor.predict("plot " * 62)
    assert traced == [(1, 32), (8, 256)]


def test_the_outputs_of_a_window_do_not_keep_those_of_its_batch(tagger):
    """Fails if a window that waits for the others of its text keeps the memory of a whole batch."""
    task, texts = tagger.predictor.task, ["Ada Lovelace was born in London.", "Rome"]
    examples = [task.read({"text": text}, task.options_type()) for text in texts]
    arrays = [leaf for leaf in jax.tree.leaves(tagger.predictor.run(examples)) if np.ndim(leaf)]
    assert arrays
    assert all(array.base is None for array in arrays)


def test_weights_may_be_replaced_by_others_that_are_stored_otherwise(predictor):
    """Fails if a program is called with weights of another layout: those that fit into bytes are
    packed as bytes."""
    exact = predictor.params
    rounded = as_stored(exact, "int8")
    expected = {
        name: Predictor(predictor.task, params).predict("a fine film")
        for name, params in (("exact", exact), ("rounded", rounded))
    }
    assert expected["exact"] != expected["rounded"]
    for name, params in (("exact", exact), ("rounded", rounded), ("exact", exact)):
        predictor.params = params
        assert predictor.predict("a fine film") == expected[name]


def test_compile_leaves_nothing_to_compile(predictor, traced):
    """Fails if a request to a server that is ready would wait for a compilation."""
    predictor.compile()
    assert len(traced) == len(predictor.task.shapes())
    for count, words in ((1, 1), (1, 62), (8, 1), (8, 62), (50, 9)):
        predictor.predict(["plot " * words] * count)
    predictor.predict("a fine film", explain=True)
    predictor.compile()
    assert len(traced) == len(predictor.task.shapes())


@pytest.mark.parametrize("fixture", ["tiny_bundle", "tag_bundle"])
def test_recalibration_needs_no_other_program(fixture, request, traced):
    """Of a classifier, explanations included, and of a tagger. Fails if a calibrated value is a
    constant of a program, which is then recompiled or keeps the old value."""
    first = textrnn.load(request.getfixturevalue(fixture))
    options = {"explain": True} if first.task.name == "classify" else {}
    text = "a fine film by Ada Lovelace in Rome"
    (before,) = first.predict(text, **options)
    config = first.task.config.model_copy(update={"temperature": 7.0})
    second = first.recalibrated(replace(first.task, config=config))
    (after,) = second.predict(text, **options)
    assert len(traced) == 1
    assert first.predict(text, **options) == [before], "the first keeps its calibration"

    fresh = Predictor(replace(first.task, config=config), first.params)
    (expected,) = fresh.predict(text, **options)
    assert same(after, expected)
    assert not same(after, before)


def same(one, other):
    """Whether the numbers of two answers differ only by rounding."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == (pytest.approx(other, abs=1e-5) if isinstance(one, float) else other)


def test_a_classifier_does_not_stream(predictor):
    """Fails if the error is an AttributeError with a traceback."""
    with pytest.raises(UserError, match="classify does not generate text"):
        next(predictor.stream("a fine film"))


def test_many_threads_share_a_predictor(predictor, traced):
    """Fails if two threads compile the same shape, or mix up their answers."""
    result = {"friendly": set(), "hostile": set()}

    def work(text, label):
        for _ in range(20):
            result[label].add(predictor.predict(text)[0]["label"])

    threads = [
        threading.Thread(target=work, args=pair)
        for pair in [("a fine film", "friendly"), ("a poor film", "hostile")] * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert result == {"friendly": {"friendly"}, "hostile": {"hostile"}}
    assert len(traced) == 1


def test_importing_textrnn_is_light():
    """Fails if `import textrnn` loads packages of the service or of training, or JAX."""
    import subprocess
    import sys

    code = (
        "import sys, textrnn; heavy = {'jax', 'flax', 'optax', 'fastapi', 'service', 'training'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert textrnn.Predictor.__name__ == "Predictor"
    with pytest.raises(AttributeError, match="nonsense"):
        _ = textrnn.nonsense


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("\u0301" * 100_000, 0),
        ("e\u0301" * 100_000, 1),
        ("x" * 2**20, 1),
        ("word " * 200_000, None),
        ("!?" * 2**19, None),
        ("a\u0301 " * 100_000, None),
    ],
    ids=["marks", "marked letters", "one word", "words", "symbols", "marked words"],
)
def test_huge_texts_are_answered_or_refused_at_once(warm_predictor, text, tokens):
    """A megabyte, and 100,000 combining marks. Fails, by hanging, if the splitter is not linear, or
    if a text that exceeds the limit is tokenised completely before it is rejected."""
    if tokens == 0:
        with pytest.raises(InvalidText, match="no visible character"):
            warm_predictor.predict(text)
    elif tokens is None:
        with pytest.raises(InvalidText, match="more than 62 tokens"):
            warm_predictor.predict(text)
    else:
        (answer,) = warm_predictor.predict(text)
        assert answer["label"] in ("friendly", "hostile")
        assert len(warm_predictor.task.tokenizer.encode(text).ids) == tokens

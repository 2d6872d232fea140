"""Tagging: exact offsets on every string, and probabilities by enumeration."""

import itertools

import jax
import numpy as np
import optax
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from textrnn.batching import Limits, Shape
from textrnn.errors import InvalidText, UserError
from textrnn.parameters import merge_model, split_model
from textrnn.predictor import Predictor
from textrnn.tasks.tag.schemes import TaggedSpan, spans
from textrnn.tasks.tag.task import Tag, TagConfig, TagOptions
from textrnn.text import Normalization, SpelledTokenizer, WordTokenizer

LIMITS = Limits(length=8, rows=8, tokens=64)
SENTENCES = ["Ada met Bob in Rome .", "Rome and New York are towns .", "Bob likes Ada ."]
TOKENIZER = SpelledTokenizer.fit(SENTENCES, 100)
ROWS = [
    {"tokens": s.split(), "tags": [TAGS.get(w, "O") for w in s.split()]}
    for TAGS in [{"Ada": "B-PER", "Bob": "B-PER", "Rome": "B-LOC", "New": "B-LOC", "York": "I-LOC"}]
    for s in SENTENCES
]


def make(rows=ROWS, **given):
    base = {
        "embedding": {"size": 8},
        "encoder": {"hidden": 8},
        "characters": {"features": 6, "size": 4},
        "casing": 3,
    }
    return Tag.fit(TagConfig.parse({**base, **given}, source="test"), TOKENIZER, LIMITS, rows)


def untrained(task, seed=0):
    """A predictor with random weights, large enough that it predicts entities."""
    _, params = split_model(task.build(nnx.Rngs(seed)))
    random = np.random.default_rng(seed)
    noisy = {n: p + random.normal(scale=0.5, size=p.shape).astype("f") for n, p in params.items()}
    return Predictor(task, noisy)


PREDICTOR = untrained(make())
hostile = st.text(max_size=60) | st.text(
    st.sampled_from("Ada Rome.B\u0301\u200d\U0001f44d\u05e9\0\u2028\x85\n'’-@#"), max_size=50
)


@settings(max_examples=150)
@given(text=hostile)
def test_offsets_are_exact_on_every_string(text):
    lone_surrogate = any("\ud800" <= char <= "\udfff" for char in text)
    if lone_surrogate or not Normalization().apply(text).text.strip():
        with pytest.raises(InvalidText, match=r"is empty|surrogate"):
            PREDICTOR.predict(text)
        return
    (answer,) = PREDICTOR.predict(text)
    here = 0
    for entity in answer["entities"]:
        assert text[entity["start"] : entity["end"]] == entity["text"] != ""
        assert here <= entity["start"] < entity["end"]
        assert 0 < entity["score"] <= 1
        here = entity["end"]


def test_a_long_text_answers_as_its_sentences_do():
    """Fails if offsets ignore the sentences before, or if windows are mixed up."""
    text = "\n\n".join(SENTENCES) + " " + " ".join(["Ada Bob Rome"] * 20)
    (whole,) = PREDICTOR.predict(text)
    expected, here = [], 0
    for part in PREDICTOR.task.read({"text": text}, TagOptions()).windows:
        words = [text[slice(*span)] for span in _places(text)[here : here + len(part)]]
        (answer,) = PREDICTOR.predict_rows([{"tokens": words}])
        for entity in answer["entities"]:
            start = _places(text)[here + entity["start"]][0]
            expected.append((start, entity["label"], entity["score"]))
        here += len(part)
    assert len(expected) > 5
    entities = [(e["start"], e["label"], e["score"]) for e in whole["entities"]]
    assert [e[:2] for e in entities] == [e[:2] for e in expected]
    assert [e[2] for e in entities] == pytest.approx([e[2] for e in expected], abs=1e-5)


def _places(text):
    return PREDICTOR.task.read({"text": text}, TagOptions()).words.places  # type: ignore


@pytest.mark.parametrize("crf", [True, False])
def test_scores_equal_the_probability_of_all_paths_with_the_entity(crf):
    """By enumeration of every legal path. Fails for a product of softmaxes."""
    task = make(labels=["PER", "LOC"], crf=crf)
    predictor = untrained(task, seed=3)
    model = merge_model(*_parts(predictor))
    checked = 0
    for words in (["Ada", "met", "Bob"], ["New", "York", "Rome"], ["are", "Rome", "and"]):
        example = task.read({"tokens": words}, TagOptions())
        batch = task.collate(example.windows, Shape(1, 4))
        emissions = np.asarray(model(batch))[:3]
        first, between, last = (np.asarray(part) for part in model.chain())
        weights = {}
        names = task._tagset
        for path in itertools.product(range(len(names)), repeat=3):
            score = (
                first[path[0]] + last[path[-1]] + sum(emissions[t, p] for t, p in enumerate(path))
            )
            score += sum(between[a, b] for a, b in itertools.pairwise(path))
            weights[path] = np.exp(np.float64(score))
        total = sum(weights.values())
        (answer,) = predictor.answer([example])
        for entity in answer["entities"]:
            span = TaggedSpan(entity["start"], entity["end"], entity["label"])
            share = sum(
                weight
                for path, weight in weights.items()
                if weight > 0 and span in spans(names[tag] for tag in path)
            )
            assert entity["score"] == pytest.approx(share / total, abs=1e-4)
            checked += 1
    assert checked >= 2


def _parts(predictor):
    graph, _ = split_model(nnx.eval_shape(lambda: predictor.task.build(nnx.Rngs(0))))
    return graph, predictor.params


def train(task, steps=150):
    """Train on all rows at once, until they are overfitted."""
    graph, params = split_model(task.build(nnx.Rngs(0)))
    optimizer = optax.adam(2e-2)
    read = [w for row in ROWS for w in task.read(row, TagOptions(), gold=True).windows]
    batch = task.collate(read, Shape(4, 24))

    @jax.jit
    def step(params, state, key):
        def mean(params):
            total, weight = task.loss(merge_model(graph, params), batch, key)
            return total / weight

        loss, gradient = jax.value_and_grad(mean)(params)
        change, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, change), state, loss

    state, loss = optimizer.init(params), None
    for number in range(steps):
        params, state, loss = step(params, state, jax.random.key(number))
    return Predictor(task, params), float(loss)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"crf": False},
        {"characters": {"kind": "lstm", "features": 6, "size": 4}},
        {"characters": {"kind": "none"}, "casing": 0},
        {"subwords": {"buckets": 50}},
    ],
    ids=["cnn", "no crf", "lstm", "words only", "subwords"],
)
@pytest.mark.slow
def test_overfits_a_few_rows(given):
    predictor, loss = train(make(**given))
    assert loss < 0.05
    answers = predictor.predict_rows(ROWS)
    metrics = predictor.task.score(answers, ROWS)
    assert metrics["f1"] == 1
    assert "correct: 7" in predictor.task.table(answers, ROWS)
    (answer,) = predictor.predict("Ada met Bob in Rome .")
    assert [(e["text"], e["label"]) for e in answer["entities"]] == [
        ("Ada", "PER"), ("Bob", "PER"), ("Rome", "LOC"),
    ]  # fmt: skip


def test_temperature_changes_only_scores():
    predictor = untrained(make(temperature=4.0))
    text = " ".join(SENTENCES)
    (cool,), (warm,) = PREDICTOR.predict(text), predictor.predict(text)
    for a, b in zip(cool["entities"], warm["entities"], strict=True):
        assert (a["start"], a["end"], a["label"]) == (b["start"], b["end"], b["label"])
        assert b["score"] < a["score"]


def test_calibration_lowers_confidence_on_wrong_tags():
    rows = [{"tokens": r["tokens"], "tags": [*r["tags"][1:], "O"]} for r in ROWS]
    rows[1]["tags"] = ["O"] * 7
    examples = [PREDICTOR.task.read(row, TagOptions()) for row in rows]
    outputs = PREDICTOR.run(examples)
    assert isinstance(PREDICTOR.task, Tag)
    calibrated = PREDICTOR.task.calibrated(PREDICTOR.model(), outputs, rows)
    assert calibrated.config.temperature > 1.5


def test_a_label_for_each_word():
    rows = [{"tokens": ["Ada", "runs"], "tags": ["PROPN", "VERB"]}]
    task = make(rows, entities=False)
    assert task.config.labels == ("PROPN", "VERB")
    (answer,) = untrained(task).predict("Ada runs", tags=True)
    assert [e["text"] for e in answer["entities"]] == ["Ada", "runs"]
    assert answer["tags"] == [e["label"] for e in answer["entities"]]
    perfect = [{"entities": [
        {"start": i, "end": i + 1, "label": t, "score": 1.0} for i, t in enumerate(rows[0]["tags"])
    ]}]  # fmt: skip
    assert task.score(perfect, rows)["accuracy"] == 1


def test_min_score_removes_only_entities_below_it():
    text = " ".join(SENTENCES)
    (whole,) = PREDICTOR.predict(text, tags=True)
    scores = sorted(entity["score"] for entity in whole["entities"])
    middle = scores[len(scores) // 2]
    (part,) = PREDICTOR.predict(text, min_score=middle, tags=True)
    assert part["entities"] == [e for e in whole["entities"] if e["score"] >= middle]
    assert 0 < len(part["entities"]) < len(whole["entities"])
    assert len(spans(part["tags"])) == len(part["entities"])


def test_entities_in_text_are_read_as_the_tags_of_its_words():
    text = "Ada met Bob in New York."
    entities = [
        {"start": 0, "end": 3, "label": "PER"},
        {
            "start": 15,
            "end": 20,
            "label": "LOC",
        },  # ends inside a word, which is then included whole
    ]
    task = make()
    example = task.read({"text": text, "entities": entities}, TagOptions(), gold=True)
    names = [task._tagset[tag] for window in example.windows for tag in window.target]
    assert names == ["S-PER", "O", "O", "O", "B-LOC", "E-LOC", "O"]


def test_an_entity_across_two_windows_is_legal_in_both():
    """Fails if a gold path breaks off inside an entity, which is illegal and has a huge loss."""
    row = {"text": "Rome\n\nYork met.", "entities": [{"start": 0, "end": 10, "label": "LOC"}]}
    task = make()
    windows = task.read(row, TagOptions(), gold=True).windows
    names = [[task._tagset[tag] for tag in window.target] for window in windows]
    assert names == [["S-LOC"], ["S-LOC", "O", "O"]]
    long = {"tokens": ["York"] * 10, "tags": ["B-LOC"] + ["I-LOC"] * 9}
    first, second = task.read(long, TagOptions(), gold=True).windows
    assert [task._tagset[tag] for tag in (*first.target[[0, 7]], *second.target)] == [
        "B-LOC", "E-LOC", "B-LOC", "E-LOC",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"tokens": ["a"], "tags": ["O", "O"]}, "1 tokens but 2 tags"),
        ({"tokens": ["a"], "tags": ["B-XYZ"]}, "unknown label 'XYZ'; the labels are LOC, PER"),
        ({"tokens": ["a"], "tags": ["PER"]}, "unknown tag 'PER'"),
        ({"tokens": ["a"]}, "has no 'tags'"),
        ({"tokens": ["a"], "tags": "O"}, "tags must be a list"),
        ({"tokens": ["a"], "tags": [1]}, "unknown tag 1"),
        ({"text": "a", "entities": 3}, "entities must be a list"),
        ({"text": "a"}, "has no 'entities'"),
        ({"text": "ab", "entities": [{"start": 1, "end": 9, "label": "PER"}]}, "2, the length"),
        ({"text": "ab", "entities": [{"start": 1}]}, "must have start, end and label"),
        (
            {"text": "a b", "entities": [
                {"start": 0, "end": 3, "label": "PER"}, {"start": 2, "end": 3, "label": "LOC"},
            ]},
            "overlaps another",
        ),
    ],
)  # fmt: skip
def test_bad_gold(row, reason):
    with pytest.raises(UserError, match=reason):
        make().read(row, TagOptions(), gold=True)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"tokens": []}, "empty"),
        ({"tokens": "Ada"}, "not_tokens"),
        ({"tokens": ["Ada", "New York"]}, "not_a_token"),
        ({"tokens": ["Ada", ""]}, "not_a_token"),
        ({"tokens": ["Ada", "\ud800"]}, "lone_surrogate"),
        ({"text": " \n"}, "empty"),
        ({"text": 3}, "not_text"),
        ({"text": "a " * 30}, "too_long"),
        ({"tokens": ["a"] * 30}, "too_long"),
    ],
)
def test_unacceptable_rows(row, code):
    task = make(limit=20)
    with pytest.raises(InvalidText) as caught:
        task.read(row, TagOptions())
    assert caught.value.code == code


def test_truncation_at_the_limit():
    answers = untrained(make(limit=20)).predict(["Ada " * 30, "Ada " * 20], truncate=True)
    assert "truncated" in answers[0]
    assert "truncated" not in answers[1]


def test_the_cost_of_a_text_is_bounded():
    task = make(limit=20)
    for text in ("A. " * 10, "Hm! " * 10, "a " * 20, "Ada met Bob. " * 5):
        windows = task.read({"text": text}, TagOptions()).windows
        assert sum(len(window) * window.width for window in windows) <= task.costliest


def test_other_tokenizers_are_refused():
    with pytest.raises(UserError, match="needs the tokenizer 'spelled'"):
        Tag.fit(TagConfig(), WordTokenizer(["a"]), LIMITS, ROWS)


def test_labels_missing_from_the_config_are_an_error():
    with pytest.raises(UserError, match="does not name"):
        make(labels=["PER"])
    with pytest.raises(UserError, match="no labels at all"):
        make([{"tokens": ["a"], "tags": ["O"]}])


def test_parameter_names_are_a_file_format():
    _, params = split_model(make(subwords={"buckets": 9}).build(nnx.Rngs(0)))
    assert set(params) == {
        "between", "casing", "characters.filters.bias", "characters.filters.kernel",
        "characters.table", "embedding.table", "encoder.layers.0.backward.bias",
        "encoder.layers.0.backward.input_kernel", "encoder.layers.0.backward.recurrent_kernel",
        "encoder.layers.0.forward.bias", "encoder.layers.0.forward.input_kernel",
        "encoder.layers.0.forward.recurrent_kernel", "first", "last", "output.bias",
        "output.kernel", "subwords",
    }  # fmt: skip


@pytest.mark.parametrize(
    "given", [{}, {"characters": {"kind": "lstm"}}, {"subwords": {"buckets": 50}}]
)
def test_padding_changes_nothing(given):
    """Fails if the letters, n-grams or casing of padding reach a word, or the capacity does."""
    task = make(**given)
    model = task.build(nnx.Rngs(1))
    windows = task.read({"tokens": ["Ada", "met", "Bob"]}, TagOptions()).windows
    tight, loose = (task.collate(windows, shape) for shape in (Shape(1, 3), Shape(2, 8)))
    for name in set(loose) - {"lengths", "temperature"}:
        loose[name][3:] = 2
    np.testing.assert_allclose(model(loose)[:3], model(tight), atol=1e-6)


@pytest.mark.parametrize("crf", [True, False])
def test_the_loss_counts_each_word_once(crf):
    """Of sentences in one batch and by themselves. Fails if padding has weight, or the tags of two
    sentences are one path."""
    task = make(crf=crf)
    model = task.build(nnx.Rngs(1))
    windows = [w for row in ROWS for w in task.read(row, TagOptions(), gold=True).windows]

    def loss(windows, shape):
        return task.loss(model, task.collate(windows, shape), jax.random.key(0))

    total, weight = loss(windows, Shape(8, 32))
    each = [loss([window], Shape(1, 8)) for window in windows]
    assert float(weight) == sum(len(row["tokens"]) for row in ROWS)
    assert float(total) == pytest.approx(sum(float(value) for value, _ in each), rel=1e-5)


def test_html_is_read_as_its_text_and_answered_with_offsets_in_it():
    """Fails if tags are words, or offsets are those in the text without them."""
    source = "<p>Ada met <b>B&#111;b</b> in&nbsp;R&ouml;me.</p>"
    options = {"html": True, "marginals": True}
    (answer,) = PREDICTOR.predict(source, **options)
    words = [word["text"] for word in answer["tokens"]]
    assert words == ["Ada", "met", "B&#111;b", "in", "R&ouml;me", "."]
    (plain,) = PREDICTOR.predict("Ada met Bob in Röme.", marginals=True)
    for word, expected in zip(answer["tokens"], plain["tokens"], strict=True):
        assert source[word["start"] : word["end"]] == word["text"]
        assert [tag["label"] for tag in word["tags"]] == [tag["label"] for tag in expected["tags"]]


def test_the_sign_of_a_hashtag_is_no_part_of_a_name():
    """Fails if it is in an entity, the offsets are not moved, or given words are cut."""
    text = " ".join(["#Ada", "#Bob", "#Rome", "#"] * 4)[:-2]
    predictor = untrained(make(), seed=3)
    answer, given = predictor.predict_rows(
        [{"text": text}, {"tokens": text.split()}], truncate=True
    )
    names = [entity["text"] for entity in answer["entities"]]
    assert {"B", "R"} <= {name[:1] for name in names} <= {"A", "B", "R"}
    for entity in answer["entities"]:
        assert text[entity["start"] : entity["end"]] == entity["text"]
    assert all(entity["text"].startswith("#") for entity in given["entities"])


def test_text_without_case_is_read_capitalised_where_a_model_wants_it():
    """Fails if offsets or words in the answer are those of the recased text, or if a sentence with
    its own case is recased."""
    predictor = untrained(make(recase=True))
    texts = ["ada met bob in new york.", "BOB MET ADA. Rome and ada"]
    same = ["Ada Met Bob In New York.", "Bob Met Ada. Rome and ada"]
    options = {"tags": True}
    for text, answer, expected in zip(
        texts, predictor.predict(texts, **options), PREDICTOR.predict(same, **options), strict=True
    ):
        assert answer["tags"] == expected["tags"]
        assert [entity["start"] for entity in answer["entities"]] == [
            entity["start"] for entity in expected["entities"]
        ]
        assert all(text[e["start"] : e["end"]] == e["text"] for e in answer["entities"])
        assert "".join(answer["tokens"]) == text.replace(" ", "")
    assert predictor.predict("ada")[0]["entities"] == PREDICTOR.predict("ada")[0]["entities"]

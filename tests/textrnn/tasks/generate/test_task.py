"""Text generated and scored by a small model of eight words."""

import math

import numpy as np
import pytest
from flax import nnx

import textrnn
from support.made_up_words import NATS, WORDS, babble
from textrnn.batching import Limits
from textrnn.errors import InvalidText, UserError
from textrnn.parameters import split_model
from textrnn.predictor import Predictor
from textrnn.tasks.generate.sequence import GenerationSequence
from textrnn.tasks.generate.state import (
    LARGEST_PAST,
    LONGEST_STATE,
    GenerationState,
    encode_state,
)
from textrnn.tasks.generate.task import Generate, GenerateConfig, GenerateOptions
from textrnn.text import ByteTokenizer, WordTokenizer
from training.evaluate import evaluate


@pytest.fixture(scope="module")
def model(generate_bundle):
    return textrnn.load(generate_bundle)


def test_it_has_learnt_the_language(model):
    """Fails if the state is not passed on in training or generation: words have three letters."""
    metrics, _ = evaluate(model, [{"text": babble(500, seed=5)}])
    assert set(metrics) == {
        f"{kind}_{name}"
        for kind in ("windowed", "stateful")
        for name in ("loss", "bits", "perplexity")
    }
    assert NATS * 0.97 < metrics["stateful_loss"] < NATS * 1.1
    assert metrics["windowed_loss"] > metrics["stateful_loss"]
    assert metrics["stateful_bits"] == pytest.approx(metrics["stateful_loss"] / math.log(2))
    assert metrics["stateful_perplexity"] == pytest.approx(math.exp(metrics["stateful_loss"]))
    (answer,) = model.predict("cat dog ", max_characters=200, seed=1, temperature=0.7)
    assert set(answer["text"].split()[:-1]) <= set(WORDS)
    assert len(set(answer["text"].split()[:-1])) == 8


def test_ten_continuations_equal_one_text(model):
    """With all sampling parameters. Fails if the state lacks a part of the past."""
    options = {"temperature": 1.3, "top_k": 9, "repetition_penalty": 1.1}
    whole = model.predict("cat ", max_characters=100, seed=3, **options)[0]["text"]
    row, text = {"prompt": "cat "}, ""
    for part in range(10):
        seed = {"seed": 3} if part == 0 else {}
        (answer,) = model.predict_rows(
            [row], max_characters=10, return_state=True, **seed, **options
        )
        text += answer["text"]
        row = {"prompt": "", "state": answer["state"]}
    assert text == whole


def test_a_state_that_no_server_takes_is_refused():
    """Before memory is allocated for it. Fails if a text could not be continued over HTTP."""
    cell = {"kind": "dnc", "slots": 10**6}
    config = GenerateConfig.parse({"encoder": {"cell": cell, "hidden": 8}}, source="test")
    with pytest.raises(UserError, match="can send no more than 184,320 back to a server"):
        Generate.fit(config, ByteTokenizer(), Limits(), [])


def test_the_largest_state_has_room_in_a_request():
    """Of a vocabulary of 8,192 characters, with a signature."""
    past = (np.zeros(LARGEST_PAST // 4, np.float32),)
    rest = [np.uint32(0)] * 4
    state = GenerationState(past, rest[0], np.zeros(2**13, bool), *rest[1:])
    assert len(encode_state(state)) + 64 <= LONGEST_STATE


@pytest.mark.parametrize("stop", [["g d"], ["owl", "ox"], ["ee b"], ["cat dog hen owl fox"]])
def test_a_state_after_a_stop_string_is_that_of_the_text(model, stop):
    """Fails if the state includes the stop string, or tokens generated after it."""
    options = {"temperature": 1.0, "max_characters": 120, "return_state": True}
    (answer,) = model.predict("dog ", seed=11, stop=stop, **options)
    (whole,) = model.predict("dog ", seed=11, **options)
    assert whole["text"].startswith(answer["text"])
    assert not any(s in answer["text"] for s in stop)
    if answer["finish_reason"] == "length":
        assert len(answer["text"]) == 120
        return
    assert any(whole["text"][len(answer["text"]) :].startswith(s) for s in stop)
    rest = 120 - len(answer["text"])
    goes_on = {"temperature": 1.0, "max_characters": rest}
    row = {"prompt": "", "state": answer["state"]}
    (more,) = model.predict_rows([row], **goes_on)
    assert answer["text"] + more["text"] == whole["text"]


def test_a_seed_determines_the_text_in_any_batch(model):
    alone = [model.predict(p, seed=s, max_characters=40)[0] for p, s in (("cat ", 1), ("do", 2))]
    rows = [{"prompt": p} for p in ("", "hen " * 20, "cat ", "x", "fox ant", "ape")]
    crowd = model.predict_rows(rows, seed=1, max_characters=40)
    assert crowd[2] == alone[0]
    assert model.predict("do", seed=2, max_characters=40) == [alone[1]]
    assert model.predict("do", seed=3, max_characters=40) != [alone[1]]
    unseeded = {model.predict("do", max_characters=40)[0]["text"] for _ in range(4)}
    assert len(unseeded) > 1


def test_greedy(model):
    texts = {model.predict("ca", temperature=0, max_characters=20)[0]["text"] for _ in range(3)}
    (text,) = texts
    assert text.startswith("t ")
    assert model.predict("ca", top_k=1, max_characters=20)[0]["text"] == text


def test_scoring_counts_every_character_once(model):
    """Of texts longer than a window, also in parts that pass on the state."""
    text = babble(20, seed=2)
    (whole,) = model.predict_rows([{"text": text}], log_probabilities=True)
    assert whole["characters"] == len(text) == len(whole["log_probabilities"])
    assert sum(whole["log_probabilities"]) == pytest.approx(whole["log_likelihood"], abs=1e-3)
    first = model.predict_rows([{"text": text[:33]}], return_state=True)[0]
    second = model.predict_rows([{"text": text[33:], "state": first["state"]}])[0]
    both = first["log_likelihood"] + second["log_likelihood"]
    assert both == pytest.approx(whole["log_likelihood"], abs=1e-3)


def test_generated_text_scores_as_when_generated(model):
    options = {"temperature": 1.5, "max_characters": 30, "seed": 4, "log_probabilities": True}
    (written,) = model.predict("owl ", **options)
    (scored,) = model.predict_rows([{"text": "owl " + written["text"]}], log_probabilities=True)
    np.testing.assert_allclose(
        scored["log_probabilities"][4:], written["log_probabilities"], atol=1e-3
    )


def test_windowed_scoring_resets_the_state(model):
    """Compared with scoring each window by itself, after the one character before it."""
    text = babble(10, seed=3)
    (result,) = model.predict_rows([{"text": text}], window=16, log_probabilities=True)
    assert result["characters"] == len(text) - 1
    task, network = model.task, model.model()
    ids, expected = task.tokenizer.encode(text).ids, []
    for start in range(0, len(ids) - 1, 16):
        part = ids[start : start + 17]
        logits, _ = network(part[:-1], np.array([len(part) - 1]), task.initial_carry(1))
        logits = np.asarray(logits, np.float64)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        expected += logits[np.arange(len(part) - 1), part[1:]].tolist()
    np.testing.assert_allclose(result["log_probabilities"], expected, atol=1e-4)


def test_unknown_characters_are_counted(model):
    (answer,) = model.predict("cat é\U0001f600 dog ", max_characters=5)
    assert answer["unknown_characters"] == 2
    assert len(answer["text"]) == 5
    (scored,) = model.predict_rows([{"text": "cat ß"}])
    assert scored["unknown_characters"] == 1
    assert math.isfinite(scored["loss"])
    assert model.predict("cat ", max_characters=5)[0]["unknown_characters"] == 0


def test_streaming_is_the_same_text(model):
    options = {"seed": 6, "max_characters": 50, "stop": ["ow"]}
    chunks = list(model.stream("cat ", **options))
    assert len(chunks) > 1
    assert "".join(chunks) == model.predict("cat ", **options)[0]["text"]


def test_an_empty_prompt_begins_anywhere(model):
    (answer,) = model.predict("", temperature=0, max_characters=4)
    assert any(answer["text"] in f" {one} {two} " for one in WORDS for two in WORDS)


@pytest.mark.parametrize(
    ("row", "options", "code", "reason"),
    [
        ({"prompt": "a" * 301}, {}, "too_long", "more than 300 tokens"),
        ({"text": "a" * 20001}, {}, "too_long", "more than 20000 tokens"),
        ({"text": ""}, {}, "empty", "empty"),
        ({"text": "a"}, {"window": 4}, "too_short", "predicts nothing"),
        ({"prompt": 7}, {}, "not_text", "must be a string"),
        ({"prompt": "a\ud800"}, {}, "lone_surrogate", "surrogate"),
        ({"prompt": "a", "state": "AAAA"}, {}, "foreign_state", "expected 5.. bytes.*found 3"),
        ({"prompt": "a", "state": "no base64"}, {}, "foreign_state", "found 0"),
        ({"prompt": "a", "state": 5}, {}, "foreign_state", "send back the state"),
    ],
    ids=str,
)
def test_unacceptable_text_is_one_clear_error(model, row, options, code, reason):
    with pytest.raises(InvalidText, match=reason) as caught:
        model.predict_rows([row], **options)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "options",
    [
        {"max_characters": 0}, {"max_characters": 10**9}, {"temperature": -0.1}, {"top_p": 0},
        {"temperature": math.nan}, {"temperature": math.inf}, {"top_p": 1.5}, {"top_k": -1},
        {"seed": -1}, {"seed": 2**32}, {"stop": [""]}, {"stop": ["a"] * 5},
        {"stop": ["a" * 65]}, {"repetition_penalty": 0}, {"window": 0},
    ],
    ids=str,
)  # fmt: skip
def test_impossible_options_are_one_clear_error(model, options):
    with pytest.raises(UserError, match=f"options: {next(iter(options))}") as caught:
        model.predict("a", **options)
    assert "\n" not in str(caught.value)


def test_truncated_texts_are_marked(model):
    (answer,) = model.predict("cat " * 100, truncate=True, max_characters=4)
    assert answer["truncated"]


def test_a_model_of_bytes_writes_and_scores_characters():
    """With random weights, which prefer no token. Fails if a character is cut, counted by its
    bytes, or lost between two windows."""
    config = GenerateConfig.parse({"embedding": {"size": 4}, "encoder": {"hidden": 4}}, "here")
    limits = Limits(length=8, rows=2, tokens=16)
    task = Generate.fit(config, ByteTokenizer(), limits, [])
    model = Predictor(task, split_model(task.build(nnx.Rngs(0)))[1])
    options = {"max_characters": 30, "temperature": 1.0, "log_probabilities": True}
    for seed in range(5):
        (answer,) = model.predict("é€", seed=seed, **options)
        text = answer["text"]
        assert len(text) == len(answer["log_probabilities"])
        assert len(text) == 30 or answer["finish_reason"] == "stop"
        assert "\ufffd" not in text
        (scored,) = model.predict_rows([{"text": "é€" + text}], log_probabilities=True)
        assert scored["characters"] == len(text) + 2
        np.testing.assert_allclose(
            scored["log_probabilities"][2:], answer["log_probabilities"], atol=1e-3
        )
        assert scored["unknown_characters"] == 0


def test_other_tokenizers_are_rejected():
    tokenizer = WordTokenizer.fit(["a b"], 10)
    with pytest.raises(UserError, match="'chars' or 'bytes', this one is 'words'"):
        Generate.fit(GenerateConfig(), tokenizer, None, [])


def test_a_bidirectional_encoder_is_rejected():
    assert not GenerateConfig.parse({"encoder": {"hidden": 4}}, "here").encoder.bidirectional
    with pytest.raises(UserError, match="unidirectional"):
        GenerateConfig.parse({"encoder": {"bidirectional": True}}, "here")


def test_a_long_text_is_read_in_constant_memory(model):
    """Fails if an example keeps more of its past than one state and its log-probabilities."""
    example = model.task.read({"text": babble(5000)}, GenerateOptions())
    for _ in range(3):
        (example,) = model.step([example])
    (sequence,) = example.parts
    assert len(sequence.captured) == 3
    assert not sequence.rewind_points


@pytest.mark.parametrize(
    "row", [{"prompt": "cat " * 20}, {"text": babble(20, seed=2)}], ids=["written", "scored"]
)
def test_each_window_is_processed_once(model, row, monkeypatch):
    """Fails if the outputs of a window are decoded twice: once for the next window and once for the
    answer."""
    windows, processed = [], []
    run, advance = Predictor.run, GenerationSequence.advance

    def counted_run(self, examples, groups=None):
        windows.extend(window for example in examples for window in example.windows)
        return run(self, examples, groups)

    def counted_advance(self, output, tokenizer):
        processed.append(self)
        return advance(self, output, tokenizer)

    monkeypatch.setattr(Predictor, "run", counted_run)
    monkeypatch.setattr(GenerationSequence, "advance", counted_advance)
    model.predict_rows([row], max_characters=70)
    assert len(windows) > 2
    assert [id(window) for window in processed] == [id(window) for window in windows]


def test_bytes_have_no_alternatives(tmp_path):
    config = GenerateConfig.parse({"encoder": {"hidden": 4}}, "here")
    task = Generate(config, ByteTokenizer(), Limits(length=8, rows=1, tokens=8))
    with pytest.raises(InvalidText, match="generates bytes"):
        task.read({"prompt": "a"}, GenerateOptions(top_log_probabilities=1))

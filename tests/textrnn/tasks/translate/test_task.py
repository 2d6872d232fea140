"""The task from row to answer, with a translator that reverses the words of a sentence."""

import itertools
import json
import math
import re

import jax.numpy as jnp
import numpy as np
import pytest

import textrnn
from support.reversed_words import WORDS, reversals
from textrnn.errors import InvalidText, UserError
from textrnn.tasks.translate.task import FORGETTING, TranslateOptions
from training.job import run
from training.recipe import load_recipe


@pytest.fixture(scope="module")
def back(translate_bundle):
    return textrnn.load(translate_bundle)


def test_the_translator_reverses_sentences(back):
    """Fails if any part of training or decoding is wired wrongly."""
    pairs = reversals(200, seed=2)
    for beam in (1, 3):
        answers = back.predict([source for source, _ in pairs], beam_size=beam)
        right = [a["text"] == target for a, (_, target) in zip(answers, pairs, strict=True)]
        assert np.mean(right) > 0.95
    assert back.task.score(answers, [{"target": target} for _, target in pairs])["bleu"] > 95


def test_numbers_and_names_survive(back):
    """Fails if an UNK remains, or is replaced by the word of another UNK."""
    for text in ("red 3.14159 dog", "see 17 cat 99 run", "one Szczepański two", "日本 red"):
        (answer,) = back.predict(text)
        expected = " ".join(reversed(text.split()))
        assert answer["text"] == expected.replace("3.14159", "3,14159")  # it is German


def test_each_copied_word_occurs_once(back):
    """Fails if a hypothesis of a wide beam repeats a copied word, or the best one omits it."""
    texts = ["one 5 6, two 7 red, cat", "one 5 two", "6 red cat see"]
    for text, answer in zip(texts, back.predict(texts, beam_size=4, alternatives=3), strict=True):
        for word in "".join(c if c.isdigit() else " " for c in text).split():
            assert word in answer["text"] or text == texts[0]
            for result in [answer, *answer["alternatives"]]:
                assert result["text"].count(word) <= 1


def test_there_is_no_unk_without_a_word_to_copy(back):
    texts = [" ".join(words) for words in itertools.permutations(["q", "x", "zz", "j"], 4)]
    for answer in back.predict(texts, alternatives=3):
        result = [answer, *answer["alternatives"]]
        assert not any("⁇" in a["text"] or "unk" in a["text"] for a in result)


def test_white_space_and_line_breaks_are_kept(back):
    text = "\n one two.\t 17 cat?\r\n\r\n * * *\n  42  \nblue\n"
    (answer,) = back.predict(text)
    single = back.predict(["one two.", "17 cat?", "blue"])
    one, two, three = (a["text"] for a in single)
    assert answer["text"] == f"\n {one}\t {two}\r\n\r\n * * *\n  42  \n{three}\n"
    assert answer["score"] == pytest.approx(sum(a["score"] for a in single), abs=1e-4)


def test_a_text_without_words_is_returned_unchanged(back):
    assert back.predict("42 - 17!") == [{"text": "42 - 17!", "score": 0.0}]
    with pytest.raises(InvalidText, match="empty"):
        back.predict(" \n ")


def test_the_score_is_the_log_probability(back):
    """Compared with the network on the answer as a target. Fails if the search sums wrongly."""
    task, model = back.task, back.model()
    for source in ("one two red", "see 17 cat"):
        (answer,) = back.predict(source, alternatives=2)
        for result in [answer, *answer["alternatives"]]:
            row = {"source": source, "target": result["text"]}
            (window,) = task.read(row, TranslateOptions(), gold=True).windows
            (group,) = back.plan([window])
            batch = task.collate([window], group.shape)
            logits = np.array(model(batch["ids"], batch["lengths"], batch["before"]))[:, 0]
            ids = window.target
            left = (window.ids == 1).sum() - np.cumsum(batch["before"][0, : len(ids)] == 1)
            logits = logits[: len(ids)]
            logits[:, [0, 2]] = -1e9
            logits[left <= 0, 1] = -1e9
            logits[left > 0, 3] += FORGETTING
            likely = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
            total = likely[np.arange(len(ids)), ids].sum()
            assert result["score"] == pytest.approx(total, abs=1e-3)


@pytest.mark.parametrize("beam", [1, 4])
def test_glossaries_are_obeyed(back, beam):
    """For words that the model would not choose, at the limit of its lengths, and with copies.
    Fails if a term is missing, is written too often, or is part of another word."""
    texts = ["one two 17", "Two one cat one.", "one two red\n5 one", "one " * 15, "see", "17"]
    glossary = {"one": "blue", "two red": "dog dog", "cat": "Katze №", "17": "seventeen"}
    options = {"glossary": glossary, "do_not_translate": ["see"], "beam_size": beam}
    answers = back.predict(texts, **options)
    for text, answer in zip(texts, answers, strict=True):
        for term, translation in glossary.items():
            times = len(re.findall(rf"\b{term}\b", text.lower()))
            found = re.findall(rf"(?<!\w){translation}(?!\w)", answer["text"])
            assert len(found) >= times, (text, answer)
    assert [answers[i]["text"].split().count(w) for i, w in ((4, "see"), (5, "seventeen"))] == [
        1,
        1,
    ]


def test_a_term_is_written_as_it_is_given(back):
    """Fails if it gets the capitals of the source."""
    glossary = {"one": "blue", "two": "dog dog"}
    for text in ("ONE RED", "One red", "RED TWO"):
        (answer,) = back.predict([text], glossary=glossary)
        given = "dog dog" if "TWO" in text else "blue"
        assert given in answer["text"], (text, answer)


def test_a_form_of_address_needs_a_model_that_knows_it(back):
    with pytest.raises(InvalidText, match="does not know formal"):
        back.predict(["one two"], formality="formal")


def test_a_glossary_changes_no_other_text(back):
    """In the same batch, to the bit. Fails if constraints of a row reach its neighbours."""
    task, texts = back.task, ["one two red", "see 17 cat"]
    plain = back.answer([task.read({"text": text}, TranslateOptions()) for text in texts])
    other = TranslateOptions(glossary={"two": "dog"})
    mixed = back.answer([
        *(task.read({"text": text}, TranslateOptions()) for text in texts),
        task.read({"text": "one two"}, other),
    ])  # fmt: skip
    assert mixed[:2] == plain
    assert "dog" in mixed[2]["text"]


def test_a_given_translation_has_the_score_of_the_search(back):
    """Fails if it is read or scored differently from one that the search finds."""
    texts = ["one two red", "see 17 cat 5", "one Szczepański Zed 3\n5 dog", "42"]
    found = back.predict(texts, beam_size=2)
    rows = [
        {"source": text, "target": answer["text"]}
        for text, answer in zip(texts, found, strict=True)
    ]
    scored = back.predict_rows(rows, score_target=True)
    for answer, expected in zip(scored, found, strict=True):
        assert answer["score"] == pytest.approx(expected["score"], abs=1e-3)
        assert answer["score"] == pytest.approx(sum(answer["token_scores"]), abs=1e-3)
        text = "".join(token for token in answer["tokens"] if token != "</s>")
        given = expected["text"].split() if answer["tokens"] else []
        assert text.replace("▁", " ").split() == given
    worse = back.predict_rows([{"source": "one two red", "target": "dog"}], score_target=True)
    assert worse[0]["score"] < scored[0]["score"]
    assert worse[0]["perplexity"] > scored[0]["perplexity"]


def test_a_given_translation_may_lack_a_copied_word(back):
    """Fails if a number that only the source has makes a translation impossible."""
    rows = [
        {"source": f"one {word} two", "target": target}
        for word in ("17", "日本")
        for target in (f"two {word} one", "two one", "two 東京 one")
    ]
    scored = back.predict_rows(rows, score_target=True)
    for complete, without, other in (scored[:3], scored[3:]):
        assert complete["score"] > without["score"]
        assert complete["score"] >= other["score"]  # its word is as unknown as the right one
        assert min(without["score"], other["score"]) > -100


def test_alternatives_are_the_most_probable_combinations_of_sentences(back):
    texts = ["one two. 17 cat?", "one two.", "17 cat?"]
    whole, *parts = back.predict(texts, beam_size=4, alternatives=3, length_penalty=0)
    assert len(whole["alternatives"]) == 3
    scores = [result["score"] for result in [whole, *whole["alternatives"]]]
    assert scores == sorted(scores, reverse=True)
    assert len({result["text"] for result in [whole, *whole["alternatives"]]}) == 4
    lists = [[p["score"], *(a["score"] for a in p["alternatives"])] for p in parts]
    sums = sorted((a + b for a, b in itertools.product(*lists)), reverse=True)
    assert scores == pytest.approx(sums[:4], abs=1e-3)


def test_the_alignment_is_the_attention_of_the_answer(back):
    """Compared with single steps of the network. Fails if rows belong to another step or
    hypothesis."""
    text = "one two red 17 cat"
    (answer,) = back.predict(text, alignment=True)
    model, matrix = back.model(), np.array(answer["alignment"])
    row = {"source": text, "target": answer["text"]}
    (window,) = back.task.read(row, TranslateOptions(), gold=True).windows
    length = len(window.ids)
    source, state = model.begin(window.ids, np.array([length]), length)
    row = -1
    for row, token in enumerate([2, *window.target[:-2]]):
        state, _, weights = model.step(source, state, np.array([token]), jnp.array([1]))
        np.testing.assert_allclose(matrix[row], weights[:-1, 0], atol=1e-4)
    assert len(matrix) == row + 1 == len(answer["tokens"])


def test_the_alignment_of_several_sentences(back):
    text = "one two red 17 cat. 42 blue"
    (answer,) = back.predict(text, alignment=True)
    matrix = np.array(answer["alignment"])
    source, result = answer["source_tokens"], answer["tokens"]
    assert matrix.shape == (len(result), len(source))
    assert "".join(source).replace("▁", " ").split() == text.split()
    assert "".join(result).replace("▁", " ").split() == answer["text"].split()
    assert (matrix.sum(axis=1) <= 1.001).all()
    second = source.index("42") - 1
    assert not matrix[: result.index("17") + 1, second:].any()
    assert not matrix[result.index("42") :, :second].any()


def test_sentence_alignments_have_the_spans_of_tokens(back):
    """Fails if a span is of another token, or if the weights are not those of `alignment`."""
    text = "- one two  17 red. 42 Zed cat?\n\nblue"
    (answer,) = back.predict(text, sentence_alignments=True, alternatives=1)
    (plain,) = back.predict(text, alignment=True)
    for translation in (answer, *answer["alternatives"]):
        result, sentences = translation["text"], translation["sentences"]
        sources = [text[slice(*sentence["source"])] for sentence in sentences]
        targets = [result[slice(*sentence["target"])] for sentence in sentences]
        assert sources == ["- one two  17 red.", "42 Zed cat?", "blue"]
        rest = text
        for source, target in zip(sources, targets, strict=True):
            rest = rest.replace(source, target, 1)
        assert rest == result
        for sentence, source, target in zip(sentences, sources, targets, strict=True):
            for side, string, whole in (("source", source, text), ("target", target, result)):
                tokens = [whole[slice(*span)] for span in sentence[f"{side}_tokens"]]
                assert "".join(tokens).replace(" ", "") == string.replace(" ", "")
            shape = (len(sentence["target_tokens"]), len(sentence["source_tokens"]))
            assert np.array(sentence["weights"]).shape == shape
    first = answer["sentences"][0]
    rows, columns = len(first["target_tokens"]), len(first["source_tokens"])
    expected = np.array(plain["alignment"])[:rows, :columns]
    np.testing.assert_allclose(first["weights"], expected, atol=1e-4)


def test_answers_do_not_depend_on_the_batch(back):
    texts = ["one", "two red 17 cat", "see run. 5 blue dog?\none", "cat cat dog"]
    together = back.predict(texts, alternatives=1)
    for text, expected in zip(texts, together, strict=True):
        (alone,) = back.predict(text, alternatives=1)
        assert alone["text"] == expected["text"]
        assert alone["score"] == pytest.approx(expected["score"], abs=1e-4)


def test_a_wider_program_gives_the_same_beam(back):
    """Fails if a search uses more slots of the program than its beam size."""
    example = back.task.read({"text": "one two red"}, TranslateOptions(beam_size=1))
    narrow = back.plan([example])
    wide = [group._replace(shape=group.shape._replace(width=4)) for group in narrow]
    one, other = (
        back.task.answer(back.run([example], groups)[0], example) for groups in (narrow, wide)
    )
    assert one["text"] == other["text"]
    assert math.isclose(one["score"], other["score"], abs_tol=1e-4)


def test_lengths_and_repeats_can_be_limited(back):
    (short,) = back.predict("one two red cat", max_length=2, alignment=True)
    assert len(short["tokens"]) <= 2
    (long,) = back.predict("one", min_length=6, alignment=True)
    assert len(long["tokens"]) >= 6
    (plain,) = back.predict("cat cat cat")
    assert plain["text"] == "cat cat cat"
    (once,) = back.predict("cat cat cat", no_repeat_ngram=1, alignment=True)
    assert len(once["tokens"]) == len(set(once["tokens"]))


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        ("one " * 20, {}, "sentence_too_long"),
        ("one two.\n" * 100, {}, "too_long"),
        ("one", {"beam_size": 5}, "beam_too_wide"),
        ("one", {"alternatives": 4}, "beam_too_wide"),
        ("\ud800", {}, "lone_surrogate"),
        (7, {}, "not_text"),
    ],
)
def test_unacceptable_requests_are_rejected(back, text, options, code):
    with pytest.raises(InvalidText) as caught:
        back.predict_rows([{"text": text}], **options)
    assert caught.value.code == code


def test_truncation_is_marked(back):
    """Fails if the rest of a truncated text is returned untranslated."""
    (answer,) = back.predict("one " * 20, truncate=True)
    assert answer["truncated"] is True
    (answer,) = back.predict("one two.\n" * 100, truncate=True)
    assert answer["truncated"] is True
    assert 5 < len(answer["text"].split("\n")) < 60
    assert "truncated" not in back.predict("one", truncate=True)[0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"source": "one", "target": " "}, "the target is empty"),
        ({"source": "", "target": "one"}, "the source is empty"),
        ({"source": "one"}, "no 'target'"),
        ({"source": "one", "target": 3}, "the target is empty|must be a string"),
    ],
)
def test_empty_gold_is_an_error(back, row, message):
    with pytest.raises(UserError, match=message):
        back.task.read(row, TranslateOptions(), gold=True)


@pytest.mark.slow
def test_the_summarisation_recipe_trains(tmp_path, monkeypatch):
    """The shipped recipe with small numbers. Fails if it does not result in a bundle, or if a text
    is split into sentences."""
    lines = [
        json.dumps({"source": f"Dear all.\nThe {a} {b} is late.", "target": f"Late {a}"})
        for a in WORDS
        for b in WORDS
    ]
    (tmp_path / "mails.jsonl").write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("TEXTRNN_DATA", str(tmp_path))
    recipe = load_recipe("summarise", [
        'data.train=[{path="mails.jsonl"}]', "data.dev={}", "tokenizer.size=60", "train.epochs=1",
        "train.lengths=[32]", "limits.length=32", "limits.rows=8", "model.embedding.size=8",
        "model.encoder.hidden=8", "model.decoder.hidden=8",
    ])  # fmt: skip
    info = run(recipe, tmp_path / "run", resume=False)
    assert set(info.metrics["heldout"]) == {"bleu", "chrf"}
    predictor = textrnn.load(tmp_path / "run" / "bundle")
    text = "Dear all.\nThe cat is late."
    example = predictor.task.read({"text": text}, TranslateOptions())
    assert [len(window) for window in example.windows] == [len(example.ids)]
    assert set(predictor.predict(text)[0]) == {"text", "score"}

"""The models that ship with the package: their size, integrity and answers."""

import functools
import json
import random
import re
from typing import Any

import pytest

import textrnn
from service.inference.models import load_model, load_models, same
from support import shipped_answers
from textrnn.bundle import SHIPPED, load_bundle, shipped
from textrnn.errors import InvalidText, UserError
from training.evaluate import evaluate
from training.recipe import Recipe, load_recipe

pytestmark = pytest.mark.slow

NAMES = shipped()
TRANSLATORS = ["translate-en-de", "translate-de-en", "translate-en-es", "translate-es-en"]
load = functools.cache(textrnn.load)  # so that a model is compiled once for all its tests


def test_shipped_models():
    """Fails if a model is added or lost unnoticed, or the default of a task is not its first."""
    assert NAMES == [
        "sentiment-en", "ner-en", "translate-en-de", "shakespeare", "emotion-en", "english-lm",
        "language-id", "ner-conll03", "pos-en", "prose-en", "sentiment-open-en", "translate-de-en",
        "translate-en-de-multi30k", "translate-en-es", "translate-es-en",
    ]  # fmt: skip


def test_a_server_offers_the_models_that_answer_requests():
    """Fails if a model that only starts others takes memory and is offered by each server."""
    assert set(NAMES) - set(load_models([])) == {"english-lm"}
    with pytest.raises(UserError, match="starts other models"):
        load_model("english-lm")


def test_sizes():
    """Fails if a model, or all of them, would make the package too large. In bytes."""
    sizes = {
        name: sum(path.stat().st_size for path in (SHIPPED / name).rglob("*") if path.is_file())
        for name in shipped()
    }
    assert max(sizes.values()) <= 10e6
    assert sum(sizes.values()) <= 80e6


@pytest.mark.parametrize("name", NAMES)
def test_the_card_names_the_model_and_the_licences_of_its_data(name):
    """Fails if a card belongs to another model, or lacks the licences of its data."""
    info = load_bundle(name).info
    card = (SHIPPED / name / "README.md").read_text()
    assert f"# {name}" in card
    for source in info.training.data:
        assert source.licence in card
    assert "tokens/s" in card


@pytest.mark.parametrize("name", NAMES)
def test_a_model_for_research_alone_says_so_first(name):
    """Fails if a model of text for research looks like any other in a list of models."""
    info = load_bundle(name).info
    of_research = any("research" in source.licence for source in info.training.data)
    assert of_research == ("research only" in info.description)


@pytest.mark.parametrize(
    ("name", "labelled"),
    [
        ("sentiment-en", shipped_answers.SENTIMENT),
        ("sentiment-open-en", shipped_answers.SENTIMENT),
        ("emotion-en", shipped_answers.EMOTION),
        ("language-id", shipped_answers.LANGUAGE),
    ],
)
def test_a_classifier_is_right(name, labelled):
    """Fails if a model is trained worse, stored wrongly or has its labels swapped."""
    rows = [(text, label) for label, texts in labelled.items() for text in texts]
    answers = load(name).predict([text for text, _ in rows])
    wrong = [
        (*row, answer["label"])
        for row, answer in zip(rows, answers, strict=True)
        if answer["label"] != row[1]
    ]
    assert not wrong


@pytest.mark.parametrize("name", ["ner-en", "ner-conll03"])
def test_an_entity_tagger_is_right(name):
    """Fails if an entity is missed, invented, cut short or of another type."""
    entities = shipped_answers.PEOPLE_AND_PLACES
    for answer, expected in zip(load(name).predict(list(entities)), entities.values(), strict=True):
        assert [(e["text"], e["label"]) for e in answer["entities"]] == expected


def test_a_word_tagger_is_right():
    """Fails if a word has another part of speech, or none."""
    tags = shipped_answers.PARTS_OF_SPEECH
    for answer, expected in zip(load("pos-en").predict(list(tags)), tags.values(), strict=True):
        assert [entity["label"] for entity in answer["entities"]] == expected.split()


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("translate-en-de", shipped_answers.ENGLISH_TO_GERMAN),
        ("translate-de-en", shipped_answers.GERMAN_TO_ENGLISH),
        ("translate-en-es", shipped_answers.ENGLISH_TO_SPANISH),
        ("translate-es-en", shipped_answers.SPANISH_TO_ENGLISH),
        ("translate-en-de-multi30k", shipped_answers.CAPTIONS),
    ],
)
def test_a_translator_is_right(name, pairs):
    """Fails if a translation is none of the accepted ones."""
    for answer, accepted in zip(load(name).predict(list(pairs)), pairs.values(), strict=True):
        assert answer["text"] in accepted


def test_shakespeare_predicts_an_unseen_play():
    """Fails if the model ignores its context or is undertrained: letter frequencies alone give more
    than four bits per character."""
    metrics, _ = evaluate(load("shakespeare"), [{"text": shipped_answers.PLAY}])
    assert metrics["stateful_bits"] < 2.2


@pytest.mark.parametrize("name", NAMES)
def test_reproduces_its_probes(name):
    """Fails if a change of the code changes the answers of a shipped model."""
    bundle = load_bundle(name)
    assert bundle.probes
    predictor = load(name)
    for probe in bundle.probes:
        (answer,) = predictor.predict_rows([probe.row])
        assert same(probe.answer, answer)


@pytest.mark.parametrize("name", NAMES)
def test_recipe_in_the_bundle_is_the_recipe_in_the_repository(name):
    """Fails if a shipped model was not trained with the recipe of that name."""
    made_from = Recipe.parse(load_bundle(name).info.training.recipe, source="bundle")
    assert json.loads(made_from.model_dump_json()) == json.loads(
        load_recipe(name).model_dump_json()
    )


def test_sentiment_does_not_depend_on_case_and_tokenisation():
    """Fails if a text is not normalised as the training texts were."""
    pairs = [
        ("It's lovely, and you can't miss it!", "it 's lovely , and you ca n't miss it !"),
        ("I DON'T LIKE IT AT ALL.", "i do n't like it at all ."),
    ]
    for written, tokenised in pairs:
        first, second = load("sentiment-en").predict([written, tokenised])
        assert first["label"] == second["label"]
        assert first["score"] == pytest.approx(second["score"], abs=1e-3)


TEXT = (
    "\u201cAda King\u201d left London\u2026 for Gombe, \U0001f1f9\U0001f1ff, in 1960.\n\nIBM paid."
)


@pytest.mark.parametrize("name", ["ner-en", "ner-conll03", "pos-en"])
def test_offsets_of_entities_are_those_of_the_text(name):
    """Fails if offsets count bytes, tokens or normalised characters."""
    (answer,) = load(name).predict(TEXT)
    assert len(answer["entities"]) >= 2
    for entity in answer["entities"]:
        assert TEXT[entity["start"] : entity["end"]] == entity["text"]


@pytest.mark.parametrize("name", TRANSLATORS)
def test_numbers_and_names_survive_translation(name):
    """Fails if a word is copied twice or not at all, or white space between lines is lost."""
    text = "Szczepański Okonkwo: 42.50, 1998.\n\n* 7 *\n"
    (answer,) = load(name).predict(text)
    number = "42.50" if name.endswith("-en") else "42,50"
    for word in ("Szczepański Okonkwo", number, "1998", "\n\n* 7 *\n"):
        assert answer["text"].count(word) == 1


LOOPS = re.compile(r"(\b\w+\b)(\W+\1\b){3,}|(\S{1,4}?)\3{5,}", re.IGNORECASE)
"""A word four times in a row, or up to four characters six times."""


def hostile_texts(count: int) -> list[str]:
    """Short texts that are unlike all training text, among them some that repeat themselves."""
    draw = random.Random(0)
    units = [
        "ha",
        "J-S",
        "aaaa",
        "no",
        "x",
        "S",
        "ab",
        "Ja",
        "hm",
        "ö",
        "Zz",
        "mmm",
        "!?",
        "😀",
        "1",
    ]
    texts = [*"abcdxyzABJSTXYZäöß!?&€😀", "aaaa aaaa", "!!!!", "J-S-S-S-S", "I AM VERY TIRED."]
    texts += [glue.join([unit] * n) for unit in units for glue in (" ", "-", "") for n in (2, 3)]
    sentences = ["i am very tired.", "where is my dog", "das ist nicht gut", "bitte hilf mir jetzt"]
    while len(texts) < count:
        characters = draw.choice(("abcdefgXYZSJ- .!?", "ASTJRE-", "1a.,-", "äöüß ÄÖÜ"))
        texts.append("".join(draw.choices(characters, k=draw.randint(2, 16))))
        sentence = draw.choice(sentences)
        texts.append("".join(draw.choice((str.upper, str.lower))(c) for c in sentence))
    return [text for text in texts[:count] if text.strip()]


@pytest.mark.parametrize("name", TRANSLATORS)
def test_no_text_makes_a_translation_loop(name):
    """Fails if a translation repeats itself more often than its source, or is much longer."""
    texts = hostile_texts(200)
    for text, answer in zip(texts, load(name).predict(texts), strict=True):
        translation = answer["text"]
        assert LOOPS.search(text) or not LOOPS.search(translation), (text, translation)
        assert len(translation) <= 3 * max(len(text), 20), (text, translation)


def test_a_glossary_replaces_what_the_model_would_write():
    """Fails if a term is added to its usual translation instead of taking its place."""
    model = load("translate-en-de")
    (answer,) = model.predict("The dog sees the cat.", glossary={"dog": "Rüde", "cat": "Kater"})
    words = re.findall(r"\w+", answer["text"])
    assert [words.count(word) for word in ("Rüde", "Kater")] == [1, 1], answer
    assert not re.search("Hund|Katze", answer["text"]), answer
    (answer,) = model.predict("I like New York.", do_not_translate=["new york"])
    assert answer["text"] == "Ich mag New York."


def test_words_in_brackets_are_translated():
    """Fails if the brackets are kept and what is in them is lost."""
    (answer,) = load("translate-en-de").predict("Tom (my brother) is ill.")
    assert re.fullmatch(r"Tom \(\w+ Bruder\) ist krank\.", answer["text"])


@pytest.mark.parametrize(
    ("text", "translation"),
    [
        ("<h1>Our house</h1>", "<h1>Unser Haus</h1>"),
        ("**Our** house is old.", "**Unser** Haus ist alt."),
        ("{name} is here", "{name} ist hier"),
        ("😀 Good morning!", "😀 Guten Morgen!"),
        ('"<b>We</b> are here."', '"<b>Wir</b> sind hier."'),
    ],
)
def test_a_sentence_that_begins_with_markup_has_its_capital(text, translation):
    """Fails if the first word after a tag, a mark or an emoji is read or written otherwise than at
    the beginning of a sentence."""
    model = load("translate-en-de")
    assert model.predict(text)[0]["text"] == translation
    pair = {"source": text, "target": translation}
    (given,) = model.predict_rows([pair], score_target=True)
    assert "".join(given["tokens"][:-1]).replace("▁", " ").strip() == translation


def test_compounds_are_translated_and_not_copied():
    """German compounds are single words. Fails if unseen ones are copied instead of translated."""
    tokenizer: Any = load("translate-de-en").task.tokenizer
    assert tokenizer.encode_source("Wo ist der Wochenendhausgarten?").words == []
    assert tokenizer.encode_source("Wo ist Szczepański?").words == ["Szczepański"]


def test_alignments_have_a_maximum_size():
    """Fails if the size of an answer can grow quadratically with its text."""
    model = load("translate-en-de")
    with pytest.raises(InvalidText) as caught:
        model.predict("I am here.\n" * 100, alignment=True)
    assert (caught.value.code, caught.value.limit) == ("alignment_too_long", 256)
    assert model.predict("I am here.\n" * 100)[0]["text"].count("\n") == 100


def test_shakespeare_writes_plays():
    """Fails if the shipped model has not learnt the form of plays: speakers, lines and words."""
    (answer,) = load("shakespeare").predict("ROMEO:\n", seed=1, max_characters=1500)
    assert re.search(r"\n\n[A-Z][A-Z ]+:\n", answer["text"])
    words = re.findall("[a-z]+", answer["text"])
    assert len({"the", "and", "to", "of", "my", "you", "that", "is"} & set(words)) == 8

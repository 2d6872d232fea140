"""The models that come with the package: small enough, whole, and as good as their cards say."""

import json
import re

import pytest

import textrnn
from service.inference.models import same
from textrnn.bundle import SHIPPED, load_bundle, shipped
from textrnn.errors import InvalidText
from training.recipe import Recipe, load_recipe

# Development scores that a model must not fall below: what was asked of it. Defaults come first.
FLOORS = {
    "sentiment-en": {"sst2": {"accuracy": 0.87}, "imdb": {"accuracy": 0.90}},
    "ner-en": {"uner": {"f1": 0.70}},
    "translate-en-de": {"tatoeba": {"bleu": 30}},
    "emotion-en": {"goemotions": {"macro_f1": 0.41}},
    "language-id": {"sentences": {"accuracy": 0.999}, "two-words": {"accuracy": 0.92}},
    "ner-conll03": {"conll2003": {"f1": 0.92}},
    "pos-en": {"ewt": {"accuracy": 0.93}},
    "shakespeare": {},
    "translate-de-en": {"tatoeba": {"bleu": 38}},
    "translate-en-de-multi30k": {"multi30k": {"bleu_moses": 37}},
}
CEILINGS = {"windowed_loss": 1.4697, "stateful_loss": 1.45}
"""Of shakespeare, in nats: nanoGPT's loss on tiny Shakespeare, and what was asked."""


def test_what_is_shipped():
    assert shipped() == list(FLOORS)


def test_sizes():
    sizes = {
        name: sum(path.stat().st_size for path in (SHIPPED / name).rglob("*") if path.is_file())
        for name in shipped()
    }
    assert max(sizes.values()) <= 8e6
    assert sum(sizes.values()) <= 40e6


@pytest.mark.parametrize("name", FLOORS)
def test_card_keeps_what_was_asked(name):
    info = load_bundle(name).info
    for part, floors in FLOORS[name].items():
        for metric, floor in floors.items():
            assert info.metrics[part][metric] >= floor
    card = (SHIPPED / name / "README.md").read_text()
    assert f"# {name}" in card
    for source in info.training.data:
        assert source.licence in card
    assert "tokens/s" in card


@pytest.mark.parametrize("name", FLOORS)
def test_answers_its_probes(name):
    """Fails if a change of the code changes what a shipped model says."""
    bundle = load_bundle(name)
    assert bundle.probes
    predictor = textrnn.load(name)
    for probe in bundle.probes:
        (answer,) = predictor.predict_rows([probe.row])
        assert same(probe.answer, answer)


@pytest.mark.parametrize("name", FLOORS)
def test_recipe_in_the_bundle_is_the_recipe_in_the_repository(name):
    """Fails if a model is shipped that its recipe does not make."""
    made_from = Recipe.parse(load_bundle(name).info.training.recipe, source="bundle")
    assert json.loads(made_from.model_dump_json()) == json.loads(
        load_recipe(name).model_dump_json()
    )


def test_sentiment_does_not_depend_on_case_and_tokenisation():
    pairs = [
        ("It's lovely, and you can't miss it!", "it 's lovely , and you ca n't miss it !"),
        ("I DON'T LIKE IT AT ALL.", "i do n't like it at all ."),
    ]
    for written, tokenised in pairs:
        first, second = textrnn.load("sentiment-en").predict([written, tokenised])
        assert first["label"] == second["label"]
        assert first["score"] == pytest.approx(second["score"], abs=1e-3)


TEXT = (
    "\u201cAda King\u201d left London\u2026 for Gombe, \U0001f1f9\U0001f1ff, in 1960.\n\nIBM paid."
)


@pytest.mark.parametrize("name", ["ner-en", "ner-conll03", "pos-en"])
def test_entities_stand_where_they_say(name):
    (answer,) = textrnn.load(name).predict(TEXT)
    assert len(answer["entities"]) >= 2
    for entity in answer["entities"]:
        assert TEXT[entity["start"] : entity["end"]] == entity["text"]


def test_names_are_found():
    (answer,) = textrnn.load("ner-en").predict("Angela Merkel flew from Berlin to New York.")
    found = [(entity["text"], entity["label"]) for entity in answer["entities"]]
    assert found == [("Angela Merkel", "PER"), ("Berlin", "LOC"), ("New York", "LOC")]


@pytest.mark.parametrize("name", ["translate-en-de", "translate-de-en"])
def test_numbers_and_names_survive_translation(name):
    text = "Szczepański Okonkwo: 42.50, 1998.\n\n* 7 *\n"
    (answer,) = textrnn.load(name).predict(text)
    for word in ("Szczepański Okonkwo", "42.50", "1998", "\n\n* 7 *\n"):
        assert answer["text"].count(word) == 1


def test_compounds_are_translated_and_not_copied():
    """German writes them as one word, and there is always one that nobody has seen."""
    task = textrnn.load("translate-de-en").task
    assert task.tokenizer.encode_source("Wo ist der Wochenendhausgarten?").words == []
    assert task.tokenizer.encode_source("Wo ist Szczepański?").words == ["Szczepański"]


def test_an_alignment_has_a_largest_size():
    """Fails if one request can ask for an answer that grows with the square of its text."""
    model = textrnn.load("translate-en-de")
    with pytest.raises(InvalidText) as caught:
        model.predict("I am here.\n" * 100, alignment=True)
    assert (caught.value.code, caught.value.limit) == ("alignment_too_long", 256)
    assert model.predict("I am here.\n" * 100)[0]["text"].count("\n") == 100


def test_shakespeare_keeps_what_was_asked():
    metrics = load_bundle("shakespeare").info.metrics["shakespeare"]
    for name, most in CEILINGS.items():
        assert metrics[name] <= most


def test_shakespeare_writes_plays():
    """Fails if what ships has not learnt the form: who speaks, in lines, in words."""
    (answer,) = textrnn.load("shakespeare").predict("ROMEO:\n", seed=1, max_characters=1500)
    assert re.search(r"\n\n[A-Z][A-Z ]+:\n", answer["text"])
    words = re.findall("[a-z]+", answer["text"])
    assert len({"the", "and", "to", "of", "my", "you", "that", "is"} & set(words)) == 8


def test_there_and_back():
    """Fails if a direction was given the wrong side of its pairs."""
    (there,) = textrnn.load("translate-en-de").predict("I have never seen this man before.")
    assert "Mann" in there["text"]
    (back,) = textrnn.load("translate-de-en").predict(there["text"])
    assert "man" in back["text"]
    assert "seen" in back["text"]

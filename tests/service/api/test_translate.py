"""POST /v1/translate through the whole application."""

import numpy as np
import pytest

from support.http_calls import SECRET, call

TEXT = "one two 17 red.\n\n 5 see cat"


def translate(context, **body):
    return call(context, "POST", "/v1/translate", json=body)


def test_a_text_of_several_lines(translate_context):
    """Each line is translated independently, and white space between lines is kept. The words that
    the small model chooses depend on rounding during training, but copied numbers do not. Fails
    if lines are joined, reordered or lost."""
    response = translate(translate_context, text=TEXT)
    assert response.status_code == 200
    assert response.json()["model"] == "tiny-translate"
    (result,) = response.json()["results"]
    alone = translate(translate_context, texts=["one two 17 red.", "5 see cat"]).json()["results"]
    first, second = (line["text"] for line in alone)
    assert result["text"] == f"{first}\n\n {second}"
    assert "17" in first
    assert "5" in second
    assert result["score"] == pytest.approx(sum(line["score"] for line in alone), abs=1e-4)
    assert set(result) == {"text", "score"}


def test_a_text_and_a_list_have_the_same_results(translate_context):
    (one,) = translate(translate_context, text=TEXT).json()["results"]
    several = translate(translate_context, texts=["blue", TEXT, "42"]).json()["results"]
    assert [r["text"] for r in several] == ["blue", one["text"], "42"]
    assert several[1]["score"] == pytest.approx(one["score"], abs=1e-4)


def test_alternatives_and_alignment(translate_context):
    body = {"text": "one two 17", "beam_size": 4, "alternatives": 2, "alignment": True}
    (result,) = translate(translate_context, **body).json()["results"]
    assert len(result["alternatives"]) == 2
    assert all(a["text"] != result["text"] for a in result["alternatives"])
    shape = (len(result["tokens"]), len(result["source_tokens"]))
    assert np.array(result["alignment"]).shape == shape


def test_languages_choose_the_model(translate_context):
    for languages in (
        {"source_language": "en"}, {"target_language": "de"},
        {"source_language": "en", "target_language": "de", "model": "tiny-translate"},
    ):  # fmt: skip
        assert translate(translate_context, text="one", **languages).status_code == 200
    for languages in ({"source_language": "de"}, {"target_language": "fr"}):
        for model in ({}, {"model": "tiny-translate"}):
            response = translate(translate_context, text="one", **languages, **model)
            assert response.status_code == 400
            assert response.json()["code"] == "wrong_language"
            assert "en to de: tiny-translate" in response.json()["detail"]


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"text": SECRET, "beam_size": 0}, "invalid_request", "/beam_size"),
        ({"text": SECRET, "beam_size": 17}, "invalid_request", "/beam_size"),
        ({"text": SECRET, "alternatives": -1}, "invalid_request", "/alternatives"),
        ({"text": SECRET, "alignment": "yes"}, "invalid_request", "/alignment"),
        ({"text": SECRET, "source_language": ""}, "invalid_request", "/source_language"),
        ({"text": SECRET, "beam_size": 5}, "beam_too_wide", "/text"),
        ({"text": SECRET, "glossary": ["one"]}, "invalid_request", "/glossary"),
        ({"text": SECRET, "glossary": {"one": ""}}, "invalid_request", "/glossary/one"),
        ({"text": SECRET, "do_not_translate": "one"}, "invalid_request", "/do_not_translate"),
        ({"text": SECRET, "score_target": True}, "invalid_request", "/score_target"),
        ({"texts": ["one", "two " * 30]}, "sentence_too_long", "/texts/1"),
        ({"text": "two.\n" * 200}, "too_long", "/text"),
        ({"text": " \n "}, "empty", "/text"),
    ],
)
def test_bad_requests(translate_context, body, code, pointer):
    response = translate(translate_context, **body)
    assert response.status_code == 422
    assert response.json()["code"] == code
    assert response.json()["errors"][0]["pointer"] == pointer
    assert SECRET not in response.text


def test_a_model_of_another_task(translate_context):
    response = translate(translate_context, text="one", model="tiny")
    assert response.status_code == 400
    assert "translate: tiny-translate" in response.json()["detail"]


def test_terms_are_obeyed(translate_context):
    """Fails if a term is lost on its way from the request to the search."""
    body = {"texts": ["one two 17", "see cat"], "glossary": {"one": "blue", "cat": "Kätzchen"}}
    first, second = translate(translate_context, **body).json()["results"]
    assert "blue" in first["text"].split()
    assert second["text"].count("Kätzchen") == 1
    (result,) = translate(translate_context, text="see cat", do_not_translate=["CAT"]).json()[
        "results"
    ]
    assert result["text"].split().count("cat") == 1


def test_a_term_in_two_lists(translate_context):
    body = {"text": SECRET, "glossary": {"one": "blue"}, "do_not_translate": ["One"]}
    response = translate(translate_context, **body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert "'one' occurs 2 times" in response.text


def score(context, **body):
    return call(context, "POST", "/v1/translate/score", json=body)


def test_the_score_of_a_translation_is_that_of_the_search(translate_context):
    """Fails if the route scores another text, or adds up other tokens than the search."""
    texts = ["one two red", "5 dog\nred"]
    found = translate(translate_context, texts=texts).json()["results"]
    pairs = [
        {"source": text, "target": result["text"]}
        for text, result in zip(texts, found, strict=True)
    ]
    results = score(translate_context, pairs=pairs).json()["results"]
    for result, expected in zip(results, found, strict=True):
        assert result["score"] == pytest.approx(expected["score"], abs=1e-3)
        assert result["score"] == pytest.approx(sum(result["token_scores"]), abs=1e-3)
        assert len(result["tokens"]) == len(result["token_scores"])
        mean = result["score"] / len(result["tokens"])
        assert result["perplexity"] == pytest.approx(np.exp(-mean), rel=1e-3)


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"pairs": []}, "invalid_request", "/pairs"),
        ({"pairs": [{"source": SECRET}]}, "invalid_request", "/pairs/0/target"),
        ({"pairs": [{"source": "one", "target": "one " * 30}]}, "sentence_too_long", "/pairs/0"),
        ({"pairs": [{"source": " ", "target": "one"}]}, "empty", "/pairs/0"),
    ],
)
def test_bad_pairs(translate_context, body, code, pointer):
    response = score(translate_context, **body)
    assert response.status_code == 422
    assert response.json()["code"] == code
    assert response.json()["errors"][0]["pointer"] == pointer
    assert SECRET not in response.text

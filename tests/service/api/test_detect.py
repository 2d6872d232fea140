"""POST /v1/detect, through the application."""

import json
import shutil

import pytest

from service.inference.models import load_model
from support.http_calls import SECRET, call

MIXED = "the red fox ich und der Hund"


def detect(context, status=200, **body):
    response = call(context, "POST", "/v1/detect", json=body)
    assert response.status_code == status, response.text
    return response.json()


def test_the_most_probable_language_is_first(detect_context):
    body = detect(detect_context, texts=["the red fox", "je voudrais une maison", "17"])
    assert body["model"] == "language-id"
    assert [result["language"] for result in body["results"]] == ["en", "fr", "und"]
    for result in body["results"]:
        first, *rest = result["languages"]
        assert first == {"language": result["language"], "score": result["score"]}
        scores = [result["score"], *(one["score"] for one in rest)]
        assert scores == sorted(scores, reverse=True)
        assert min(scores) >= 0.01, "what is negligible is not listed"


def test_one_text_and_a_list_of_one_are_the_same(detect_context):
    assert detect(detect_context, text=MIXED) == detect(detect_context, texts=[MIXED])


def test_fewer_languages(detect_context, detector):
    """Fails if scores are not over the requested languages alone, or a code has to be the model's
    own."""
    (result,) = detect(detect_context, text=MIXED, languages=["EN-us", "zh-CN", "fr"])["results"]
    assert {one["language"] for one in result["languages"]} <= {"en", "zh-Hans", "fr"}
    (answer,) = detector.predictor.predict([MIXED], candidate_labels=("en", "zh-Hans", "fr"))
    assert (result["language"], result["score"]) == (
        answer["label"],
        pytest.approx(answer["score"]),
    )
    (sure,) = detect(detect_context, text="17", languages=["fr"])["results"]
    assert sure["languages"] == [{"language": "fr", "score": 1.0}]


def test_an_unknown_language_is_an_error_that_lists_those_that_are_known(detect_context):
    problem = detect(detect_context, 400, text="a", languages=["en", SECRET[:16]])
    assert problem["code"] == "unknown_language"
    assert problem["detail"].startswith("/languages/1: language-id does not know this language")
    assert "it knows de, en, fr, und, zh-Hans" in problem["detail"]
    assert SECRET[:16] not in problem["detail"]


def test_spans(detect_context):
    """Fails if offsets do not count code points of the text as sent, or shares do not add up."""
    text = f"\U0001f600 17 0176 {MIXED}"
    (result,) = detect(detect_context, text=text, spans=True)["results"]
    spans = result["spans"]
    assert [span["language"] for span in spans] == ["und", "en", "de"]
    assert [text[span["start"] : span["end"]] for span in spans] == [
        "\U0001f600 17 0176", "the red fox", "ich und der Hund",
    ]  # fmt: skip
    assert [span["text"] for span in spans] == [text[s["start"] : s["end"]] for s in spans]
    shares = {one["language"]: one["score"] for one in result["languages"]}
    assert shares == pytest.approx({"de": 16 / 36, "en": 11 / 36, "und": 9 / 36})
    assert result["language"] == "de"


def test_the_beginning_of_a_long_text_decides(detect_context):
    text = "the red fox with the owl " * 10
    (result,) = detect(detect_context, text=text)["results"]
    assert (result["language"], result["truncated"]) == ("en", True)
    (result,) = detect(detect_context, text=text, spans=True)["results"]
    assert result["spans"][-1]["end"] == len(text.rstrip())
    problem = detect(detect_context, 422, texts=["a", f"{SECRET} " * 50], spans=True)
    assert (problem["code"], problem["errors"][0]["pointer"]) == ("spans_too_long", "/texts/1")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"text": "a", "languages": []}, "/languages"),
        ({"text": "a", "languages": [1]}, "/languages/0"),
        ({"text": "a", "languages": ["x" * 17]}, "/languages/0"),
        ({"text": "a", "spans": 1}, "/spans"),
        ({"text": "a", "top_k": 1}, "/top_k"),
        ({"texts": ["a", " "]}, "/texts/1"),
    ],
    ids=str,
)
def test_invalid_requests(detect_context, body, pointer):
    problem = detect(detect_context, 422, **body)
    assert problem["errors"][0]["pointer"] == pointer


def test_models_that_cannot_detect(context, tiny_bundle, tmp_path):
    problem = detect(context, 400, text="a")
    assert problem["code"] == "no_detector"
    assert "needs the model language-id" in problem["detail"]
    assert detect(context, 400, text="a", model="none")["code"] == "wrong_model"
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    info = json.loads((folder / "bundle.json").read_text())
    info["name"], info["config"]["multi_label"] = "many", True
    (folder / "bundle.json").write_text(json.dumps(info))
    context.models.add(load_model(str(folder)))
    assert "any number of labels" in detect(context, 400, text="a", model="many")["detail"]


def test_options_of_the_classifier(detect_context):
    """The same by /v1/classify, where an unknown label is an error of the option."""
    body = {"text": MIXED, "model": "language-id", "candidate_labels": ["en", "de"], "spans": True}
    (result,) = call(detect_context, "POST", "/v1/classify", json=body).json()["results"]
    assert [span["label"] for span in result["spans"]] == ["en", "de"]
    assert {score["label"] for score in result["scores"]} == {"en", "de"}
    response = call(
        detect_context, "POST", "/v1/classify", json={**body, "candidate_labels": [SECRET]}
    )
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "unknown_label")
    assert problem["errors"][0]["pointer"] == "/candidate_labels"
    assert "it has de, en, fr, und, zh-Hans" in problem["detail"]
    assert SECRET not in response.text

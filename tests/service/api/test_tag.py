"""POST /v1/tag through the whole application."""

import pytest

from support.http_calls import SECRET, call

TEXT = "\U0001f44d Ada Lovelace met Bob in New York .\n\nis Oslo big ?"


def tag(context, **body):
    return call(context, "POST", "/v1/tag", json=body)


def test_offsets_of_entities(tag_context):
    response = tag(tag_context, text=TEXT)
    assert response.status_code == 200
    assert response.json()["model"] == "tiny-tag"
    (result,) = response.json()["results"]
    entities = [(e["text"], e["label"]) for e in result["entities"]]
    assert entities == [
        ("Ada Lovelace", "PER"), ("Bob", "PER"), ("New York", "LOC"), ("Oslo", "LOC"),
    ]  # fmt: skip
    for entity in result["entities"]:
        assert TEXT[entity["start"] : entity["end"]] == entity["text"]
        assert 0.5 < entity["score"] <= 1


def test_a_text_and_a_list_have_the_same_results(tag_context):
    one = tag(tag_context, text=TEXT).json()["results"]
    several = tag(tag_context, texts=["is Rome big ?", TEXT]).json()["results"]
    assert [e["text"] for e in several[0]["entities"]] == ["Rome"]
    for a, b in zip(one[0]["entities"], several[1]["entities"], strict=True):
        assert a["score"] == pytest.approx(b["score"], abs=1e-5)
        assert {**a, "score": 0} == {**b, "score": 0}


def test_min_score(tag_context):
    (whole,) = tag(tag_context, text=TEXT).json()["results"]
    least = min(entity["score"] for entity in whole["entities"])
    (part,) = tag(tag_context, text=TEXT, min_score=least + 1e-9).json()["results"]
    assert len(part["entities"]) < len(whole["entities"])


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"text": SECRET, "min_score": 1.5}, 422, "/min_score"),
        ({"text": SECRET, "min_score": -0.1}, 422, "/min_score"),
        ({"text": SECRET, "min_score": "high"}, 422, "/min_score"),
        ({"text": SECRET, "top_k": 3}, 422, "/top_k"),
        ({"text": SECRET, "texts": [SECRET]}, 422, ""),
        ({"text": " \n "}, 422, "/text"),
        ({"texts": ["a", f"{SECRET} " * 10_001]}, 422, "/texts/1"),
    ],
)
def test_bad_requests(tag_context, body, status, pointer):
    response = tag(tag_context, **body)
    assert response.status_code == status
    assert response.json()["errors"][0]["pointer"] == pointer
    assert SECRET not in response.text


def test_a_model_of_another_task(tag_context):
    response = tag(tag_context, text="a", model="tiny")
    assert response.status_code == 400
    assert "tag: tiny-tag" in response.json()["detail"]
    assert call(tag_context, "POST", "/v1/classify", json={"text": "a"}).status_code == 200


def test_the_longest_text_is_answered(tag_context):
    """Fails if the cost of one-word sentences exceeds the limit."""
    response = tag(tag_context, text="Bob! " * 5_000)
    assert response.status_code == 200
    (result,) = response.json()["results"]
    assert len(result["entities"]) == 5_000


def test_the_model_card(tag_context):
    card = call(tag_context, "GET", "/v1/models/tiny-tag").json()
    assert card["task"] == "tag"
    assert card["labels"] == ["LOC", "PER"]
    assert card["limits"]["tokens"] == 10_000
    assert card["default"]

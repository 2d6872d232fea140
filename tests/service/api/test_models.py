"""GET /v1/models, through the application."""

from support.http_calls import call


def test_models(context):
    body = call(context, "GET", "/v1/models").json()
    assert body["object"] == "list"
    (card,) = body["data"]
    assert card["id"] == "tiny"
    assert card["object"] == "model"
    assert card["labels"] == ["friendly", "hostile"]
    assert card["limits"] == {"tokens": 62, "texts": 256}
    assert card["default"] is True
    assert card["metrics"]["heldout"]["accuracy"] == 1
    for name in ("tiny", "%74iny"):
        assert call(context, "GET", f"/v1/models/{name}").json() == card
    for name in ("nope", "..%2f..%2fetc%2fpasswd", "tiny%00"):
        assert call(context, "GET", f"/v1/models/{name}").status_code == 404


def test_the_number_of_cells_is_that_of_models_that_return_activations(generate_context):
    """Fails if a client cannot see which `cells` it may request, or sees a number for a model that
    takes no such option."""
    cards = call(generate_context, "GET", "/v1/models").json()["data"]
    assert {card["id"]: card["cells"] for card in cards} == {"tiny": None, "tiny-generate": 32}

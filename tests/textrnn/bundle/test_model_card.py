"""The cards of shipped bundles are rendered from their bundle.json."""

import json

import pytest

from textrnn.bundle import SHIPPED, shipped
from textrnn.bundle.model_card import render_card


@pytest.mark.parametrize("name", shipped())
def test_shipped_cards_are_rendered_from_their_bundles(name):
    """Fails if a title, number or tag of a card moves with the code."""
    directory = SHIPPED / name
    card = directory / "README.md"
    size = sum(p.stat().st_size for p in directory.rglob("*") if p.is_file() and p != card)
    info = json.loads((directory / "bundle.json").read_text(encoding="utf-8"))
    assert render_card(info, size) == card.read_text(encoding="utf-8")

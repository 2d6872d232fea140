"""A cell in a recipe."""

import pytest

from textrnn.errors import UserError
from textrnn.layers.cells.registry import CELLS
from textrnn.layers.encoder import EncoderConfig


def test_a_name_stays_a_name():
    """Bundles of before have names. Fails if a cell without options becomes a table."""
    config = EncoderConfig.parse({"cell": "gru"}, source="here")
    assert config.model_dump(mode="json")["cell"] == "gru"


def test_options_are_kept():
    cell = {"kind": "ntm", "slots": 7}
    config = EncoderConfig.parse({"cell": cell}, source="here")
    assert config.model_dump(mode="json")["cell"] == cell
    assert EncoderConfig.parse(config.model_dump(mode="json"), source="here") == config
    assert hash(config) == hash(config.model_copy())


@pytest.mark.parametrize("kind", CELLS)
def test_every_cell_says_what_it_is(kind):
    """Fails if a cell does not name the work that it comes from."""
    assert any(year in str(CELLS[kind].__doc__) for year in map(str, range(1980, 2027)))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("transformer", "unknown cell 'transformer'; expected one of elman, jordan"),
        ({"slots": 3}, "unknown cell None"),
        ({"kind": "ntm", "slot": 3}, "unknown key 'slot'; did you mean 'slots'"),
        ({"kind": "lstm", "slots": 3}, "lstm: unknown key 'slots'"),
        ({"kind": "stack", "depth": 2, "read": 3}, "read is 3, more than the 2 elements"),
        ({"kind": "ntm", "slots": 1}, "slots: Input should be greater than or equal to 3"),
        ({"kind": "mtrnn", "time_constants": [5, 2]}, "ascending order"),
        ({"kind": "clockwork", "periods": [1, 1]}, "different whole numbers"),
        (7, "cell"),
    ],
)
def test_a_mistake_in_a_recipe(cell, message):
    with pytest.raises(UserError, match=message):
        EncoderConfig.parse({"cell": cell}, source="here")

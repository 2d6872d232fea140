import doctest

from textrnn.cli import heatmap as module
from textrnn.cli.heatmap import heatmap


def test_the_example_of_the_docstring():
    assert doctest.testmod(module).failed == 0


def test_shades_increase_with_the_weight():
    last = heatmap(["a", "b", "c", "d", "e"], ["x"], [[0.0, 0.05, 0.3, 0.6, 1.0]]).splitlines()[-1]
    assert last == "x    · ░ ▒ █"


def test_control_characters_in_tokens_are_replaced():
    drawn = heatmap(["\x1b[2J", "▁"], ["▁\x9b"], [[1.0, 0.0]])
    assert "\x1b" not in drawn
    assert "\x9b" not in drawn

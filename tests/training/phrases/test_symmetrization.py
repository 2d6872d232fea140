from itertools import product

import numpy as np
import pytest

from training.phrases.symmetrization import grow_diag_final_and, symmetrize
from training.phrases.words import split_into_words

STRIDE = 100


def combine(forward, backward):
    points = grow_diag_final_and(
        [s * STRIDE + t for s, t in forward], [s * STRIDE + t for s, t in backward], STRIDE
    )
    return {divmod(point, STRIDE) for point in points}


@pytest.mark.parametrize(
    ("forward", "backward", "expected"),
    [
        ({(1, 1)}, {(1, 1), (2, 1)}, {(1, 1), (2, 1)}),  # grows to a neighbour
        ({(1, 1)}, {(1, 1), (2, 2)}, {(1, 1), (2, 2)}),  # and to a diagonal one
        ({(1, 1)}, {(1, 1), (3, 1)}, {(1, 1)}),  # not to one further away with a linked word
        ({(1, 1)}, {(1, 1), (5, 7)}, {(1, 1), (5, 7)}),  # unless both words are free
        ({(1, 1), (2, 2)}, {(1, 1), (2, 2), (1, 2)}, {(1, 1), (2, 2)}),  # not if neither is free
        ({(3, 3)}, {(3, 4)}, {(3, 3)}),  # points of the first direction are added first
    ],
)
def test_points_are_added_by_rule(forward, backward, expected):
    """Fails if a step of grow-diag-final-and is left out, or has another condition."""
    assert combine(forward, backward) == expected


def test_growth_is_complete():
    """Fails if a point that can still be added is forgotten."""
    draw = np.random.default_rng(0)
    for _ in range(200):
        forward, backward = ({(s, t) for s, t in draw.integers(1, 7, (7, 2))} for _ in range(2))
        points = combine(forward, backward)
        assert forward & backward <= points <= forward | backward
        sources, targets = {s for s, _ in points}, {t for _, t in points}
        for s, t in (forward | backward) - points:
            assert s in sources or t in targets
            if not (s in sources and t in targets):
                grown = {(s + i, t + j) for i, j in product((-1, 0, 1), repeat=2)} & _connected(
                    forward & backward, points
                )
                assert not grown


def _connected(start, points):
    """The points that are reached from `start` by steps to neighbours."""
    reached = set(start)
    while True:
        near = {
            (s + i, t + j) for s, t in reached for i, j in product((-1, 0, 1), repeat=2)
        } & points
        if near <= reached:
            return reached
        reached |= near


def test_words_of_different_rows_are_no_neighbours():
    """Fails if links grow across the boundary of two rows, or positions are shifted by it."""
    source, target = split_into_words(["a b", "c"], {}), split_into_words(["x y", "z"], {})
    forward, backward = np.array([-1, 1, -1]), np.array([-1, 1, 2])
    links = symmetrize(source, target, forward, backward)
    assert links.tolist() == [[1, 1], [2, 2]]
    none = symmetrize(source, target, np.full(3, -1), np.full(3, -1))
    assert none.shape == (0, 2)

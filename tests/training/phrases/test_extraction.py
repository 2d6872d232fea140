from itertools import combinations

import numpy as np
import pytest

from training.phrases.extraction import extract_phrases
from training.phrases.words import split_into_words


def extract_one_by_one(source_rows, target_rows, links, longest):
    """All pairs of spans in the same row that fulfil the definition."""

    def spans(rows):
        places = range(len(rows) + 1)
        return [
            (a, b)
            for a, b in combinations(places, 2)
            if rows[a] == rows[b - 1] and b - a <= longest
        ]

    for a, b in spans(source_rows):
        for c, d in spans(target_rows):
            inside = [(s, t) for s, t in links if a <= s < b and c <= t < d]
            touching = [(s, t) for s, t in links if a <= s < b or c <= t < d]
            linked, other_linked = {s for s, _ in inside}, {t for _, t in inside}
            ends_linked = {a, b - 1} <= linked and {c, d - 1} <= other_linked
            if inside == touching and ends_linked:
                yield a, b, c, d


@pytest.mark.parametrize("longest", [1, 2, 3, 9])
def test_phrases_are_those_of_the_definition(longest):
    """Fails if a phrase crosses a link or a row, is too long, or is left out."""
    draw = np.random.default_rng(longest)
    for _ in range(30):
        lengths = draw.integers(1, 6, (3, 2))
        source, target = (
            split_into_words([" ".join("w" * length) for length in side], {}) for side in lengths.T
        )
        links = [
            (s, t)
            for s in range(len(source.ids))
            for t in range(len(target.ids))
            if source.rows[s] == target.rows[t] and draw.random() < 0.25
        ]
        found = extract_phrases(source, target, np.array(links, int).reshape(-1, 2), longest)
        expected = set(extract_one_by_one(source.rows, target.rows, links, longest))
        assert set(zip(*(each.tolist() for each in found), strict=True)) == expected
        assert len(found.source_start) == len(expected)

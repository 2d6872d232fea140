"""One alignment from the alignments of both directions."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Int

from training.phrases.words import WordTable

Links = Int[np.ndarray, "links 2"]
"""Positions of words in the source and in the target that are translations of each other."""


def symmetrize(
    source: WordTable, target: WordTable, forward: np.ndarray, backward: np.ndarray
) -> Links:
    """Combine the source position of each target word and the target position of each source word,
    -1 for none, by grow-diag-final-and."""
    # A gap between rows, so that no link is the neighbour of one of another row.
    sources = np.arange(len(source.ids)) + source.rows + 1
    targets = np.arange(len(target.ids)) + target.rows + 1
    stride = len(target.ids) + (int(target.rows[-1]) if len(target.rows) else 0) + 3
    has, had = forward >= 0, backward >= 0
    points = grow_diag_final_and(
        (sources[forward[has]] * stride + targets[has]).tolist(),
        (sources[had] * stride + targets[backward[had]]).tolist(),
        stride,
    )
    places = np.array(sorted(points), np.int64)
    return np.stack(
        [np.searchsorted(sources, places // stride), np.searchsorted(targets, places % stride)], 1
    )


def grow_diag_final_and(forward: Iterable[int], backward: Iterable[int], stride: int) -> set[int]:
    """Symmetrisation of Koehn, Och and Marcu (2003). A point (s, t) is the number s * stride + t.

    The intersection grows by those neighbours in the union, also diagonal ones, of which one word
    has no link yet. Points that are left are added if neither of their words has a link.
    """
    forward, backward = sorted(forward), sorted(backward)
    points = set(forward).intersection(backward)
    union = set(forward).union(backward)
    sources = {point // stride for point in points}
    targets = {point % stride for point in points}
    neighbours = [1, -1, stride, -stride, stride + 1, stride - 1, 1 - stride, -1 - stride]

    def add(point: int) -> None:
        points.add(point)
        sources.add(point // stride)
        targets.add(point % stride)

    queue = sorted(points)
    for point in queue:  # to which the loop appends
        for new in (point + step for step in neighbours):
            has_free_word = new // stride not in sources or new % stride not in targets
            if has_free_word and new in union:
                add(new)
                queue.append(new)
    for point in [*forward, *backward]:
        if point // stride not in sources and point % stride not in targets:
            add(point)
    return points

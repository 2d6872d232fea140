"""The aligned words of each pair of a training set."""

from collections.abc import Sequence

import numpy as np

from textrnn.rows import Row
from training.augmentation.phrases import WordLinks
from training.phrases.alignment import align
from training.phrases.symmetrization import symmetrize
from training.phrases.words import split_into_words


def align_rows(rows: Sequence[Row]) -> list[WordLinks]:
    """Which words of `treebank_tokens` of the source and of the target of each row are
    translations of each other."""
    vocabulary: dict[str, int] = {}
    source = split_into_words([row["source"] for row in rows], vocabulary)
    target = split_into_words([row["target"] for row in rows], vocabulary)
    links = symmetrize(source, target, align(source, target), align(target, source))
    row = source.rows[links[:, 0]]
    within = np.stack(
        [
            links[:, 0] - np.searchsorted(source.rows, row),
            links[:, 1] - np.searchsorted(target.rows, row),
        ],
        axis=1,
    )
    parts = np.split(within, np.searchsorted(row, np.arange(1, len(rows))))
    return [[(int(i), int(j)) for i, j in part] for part in parts]

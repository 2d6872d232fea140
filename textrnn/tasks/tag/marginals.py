"""How probable each label is for each word, from the probabilities of a tagger's tags."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from textrnn.tasks.tag.schemes import parse


def by_label(
    log_marginals: Float[np.ndarray, "words tags"], tagset: Sequence[str], entities: bool
) -> list[list[dict[str, Any]]]:
    """For each word the labels with their probabilities, the highest first. Of entities it is the
    probability to be in one of that type, wherever in it, and O is that to be in none."""
    names = [parse(tag)[1] or "O" for tag in tagset] if entities else list(tagset)
    labels = list(dict.fromkeys(names))
    sums = np.array([[name == label for label in labels] for name in names], np.float64)
    probabilities = np.minimum(np.exp(log_marginals) @ sums, 1.0)
    orders = np.argsort(-probabilities, axis=-1, kind="stable")
    return [
        [{"label": labels[i], "score": float(row[i])} for i in order]
        for row, order in zip(probabilities, orders, strict=True)
    ]

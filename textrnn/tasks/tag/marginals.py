"""Label probabilities of each word, summed from the marginals of a tagger's tags."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from textrnn.tasks.tag.schemes import parse


def by_label(
    log_marginals: Float[np.ndarray, "words tags"], tagset: Sequence[str], entities: bool
) -> list[list[dict[str, Any]]]:
    """The labels of each word with their probabilities, in descending order.

    For entities, the probability of a type is that of all its tags together (B, I, E and S), and O
    is the probability of being outside of any entity.
    """
    names = [parse(tag)[1] or "O" for tag in tagset] if entities else list(tagset)
    labels = list(dict.fromkeys(names))
    sums = np.array([[name == label for label in labels] for name in names], np.float64)
    probabilities = np.minimum(np.exp(log_marginals) @ sums, 1.0)
    orders = np.argsort(-probabilities, axis=-1, kind="stable")
    return [
        [{"label": labels[i], "score": float(row[i])} for i in order]
        for row, order in zip(probabilities, orders, strict=True)
    ]

"""Calibration of probabilities, and decision thresholds."""

import numpy as np
from jaxtyping import Float

Matrix = Float[np.ndarray, "rows labels"]


def fit_temperature(logits: Matrix, targets: Matrix, multi_label: bool) -> float:
    """The temperature at which logits / temperature has the smallest log loss on these rows.

    Between 0.05 and 20, to 0.1 % (Guo et al. 2017, On calibration of modern neural networks).
    Targets are smoothed by one part in rows + 2 (Platt 1999), so that a few rows without a mistake
    do not lead to certainty.
    """
    from scipy.optimize import minimize_scalar

    share = 1 / (len(targets) + 2)
    targets = targets * (1 - share) + share / (2 if multi_label else targets.shape[-1])

    def log_loss(log_temperature: float) -> float:
        z = logits / np.exp(log_temperature)
        if multi_label:
            return float((np.logaddexp(0, z) - targets * z).mean())
        return float((np.logaddexp.reduce(z, axis=-1) - (targets * z).sum(axis=-1)).mean())

    bounds = (np.log(0.05), np.log(20.0))
    result = minimize_scalar(log_loss, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(result.x))  # type: ignore[union-attr]


def expected_calibration_error(
    probabilities: Float[np.ndarray, "*n"], outcomes: Float[np.ndarray, "*n"], bins: int = 15
) -> float:
    """The mean difference between probability and frequency, over bins of equal width.

    `outcomes` is 1 for each probability whose event occurred (Naeini et al. 2015).
    """
    probabilities, outcomes = probabilities.ravel(), outcomes.ravel()
    bin_of = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=probabilities - outcomes, minlength=bins)
    return float(np.abs(gaps).sum() / len(probabilities))


def best_thresholds(probabilities: Matrix, targets: Matrix) -> tuple[float, ...]:
    """For each label the threshold with the best F1 on these rows.

    A label is assigned if its score reaches the threshold. Thresholds lie halfway between
    neighbouring scores.
    """
    return tuple(
        _best_threshold(column, truth)
        for column, truth in zip(probabilities.T, targets.T, strict=True)
    )


def _best_threshold(probabilities: np.ndarray, truth: np.ndarray) -> float:
    if not truth.any():
        return 0.5  # no row has this label
    order = np.argsort(-probabilities)
    ranked, hits = probabilities[order], np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + truth.sum())
    f1[:-1][ranked[:-1] == ranked[1:]] = 0  # a threshold cannot separate equal scores
    last = int(np.argmax(f1))
    below = ranked[last + 1] if last + 1 < len(ranked) else 0.0
    return float((ranked[last] + below) / 2)

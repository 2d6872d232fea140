import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import reference
from textrnn.tasks.calibration import best_thresholds, expected_calibration_error, fit_temperature


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_finds_the_temperature_that_outcomes_were_drawn_at(true_temperature, multi_label):
    """Fails if logits are multiplied instead of divided, or the wrong loss is minimised."""
    random = np.random.default_rng(0)
    logits = random.normal(scale=3, size=(20_000, 3))
    z = logits / true_temperature
    if multi_label:
        targets = (random.random(z.shape) < 1 / (1 + np.exp(-z))).astype(float)
    else:
        gumbel = random.gumbel(size=z.shape)
        targets = np.eye(3)[(z + gumbel).argmax(-1)]
    assert fit_temperature(logits, targets, multi_label) == pytest.approx(
        true_temperature, rel=0.05
    )


def test_a_few_perfect_rows_do_not_give_certainty():
    logits, targets = np.array([[1.0, -1.0]] * 10), np.array([[1.0, 0.0]] * 10)
    z = logits[0] / fit_temperature(logits, targets, False)
    assert 1 / (1 + np.exp(z[1] - z[0])) < 0.99


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_calibration_error_equals_the_reference(pairs):
    probabilities = np.array([p for p, _ in pairs])
    outcomes = np.array([float(y) for _, y in pairs])
    expected = reference.expected_calibration_error(probabilities.tolist(), outcomes.tolist())
    assert expected_calibration_error(probabilities, outcomes) == pytest.approx(expected, abs=1e-9)


@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.2, 0.4, 0.4001, 0.7, 0.9]), st.booleans()), min_size=1,
        max_size=30,
    )
)  # fmt: skip
def test_no_other_threshold_is_better(pairs):
    """Compared with every threshold. Fails on ties, or for the wrong side of a threshold."""
    p = np.array([a for a, _ in pairs])
    y = np.array([float(b) for _, b in pairs])
    (threshold,) = best_thresholds(p[:, None], y[:, None])
    result = reference.f1(y, p >= threshold)
    best = max(reference.f1(y, p >= t) for t in [*p, 2.0])
    assert result == pytest.approx(best)

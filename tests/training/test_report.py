import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from training.report import confusion_shares


def test_shares_equal_the_normalised_confusion_matrix():
    labels = ["a", "b", "c"]
    draw = np.random.default_rng(0)
    true, given = draw.choice(labels, 200), draw.choice(labels, 200)
    shares = confusion_shares([{"label": t} for t in true], [{"label": g} for g in given], labels)
    np.testing.assert_allclose(shares, confusion_matrix(true, given, normalize="true"))


def test_several_labels_count_by_pairs_of_true_and_given():
    """Fails if rows without a predicted label are missing from the total."""
    rows = [{"labels": ["a", "b"]}, {"labels": ["a"]}]
    answers = [{"label": "a", "labels": ["a"]}, {"label": "b", "labels": []}]
    shares = confusion_shares(rows, answers, ["a", "b"])
    assert shares.tolist() == [[0.5, 0], [1, 0]]


def test_a_label_without_rows_is_a_row_of_zeros():
    shares = confusion_shares([{"label": "a"}], [{"label": "a"}], ["a", "b"])
    assert shares[1].tolist() == [0, 0]
    assert shares[0] == pytest.approx([1, 0])

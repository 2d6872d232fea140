"""Counts of entities, against cases worked out by hand from conlleval's definition, and against
seqeval in its default (lenient) mode."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score

from textrnn.tasks.tag.schemes import spans
from textrnn.tasks.tag.span_f1 import conlleval_table, count_spans

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def counted(gold, predicted):
    return count_spans(*(
        [(number, *span) for number, tags in enumerate(part) for span in spans(tags)]
        for part in (gold, predicted)
    ))  # fmt: skip


sentence = st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=9)


@pytest.mark.filterwarnings("ignore")
@given(st.lists(sentence, min_size=1, max_size=5))
def test_equals_seqeval(sentences):
    gold = [[a for a, _ in pairs] for pairs in sentences]
    predicted = [[b for _, b in pairs] for pairs in sentences]
    whole, types = counted(gold, predicted)
    assert whole.precision == pytest.approx(precision_score(gold, predicted, zero_division=0))
    assert whole.recall == pytest.approx(recall_score(gold, predicted, zero_division=0))
    assert whole.f1 == pytest.approx(f1_score(gold, predicted, zero_division=0))
    assert sum(counts.correct for counts in types.values()) == whole.correct


def test_the_report_equals_conlleval():
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["B-LOC", "O", "B-LOC", "I-LOC"]]
    predicted = [["B-PER", "I-PER", "O", "B-PER"], ["B-LOC", "O", "B-LOC", "O"]]
    whole, types = counted(gold, predicted)
    right = sum(np.sum(np.array(a) == np.array(b)) for a, b in zip(gold, predicted, strict=True))
    assert conlleval_table(whole, types, 8, right / 8).splitlines() == [
        "processed 8 tokens with 4 phrases; found: 4 phrases; correct: 2.",
        "accuracy:  75.00%; precision:  50.00%; recall:  50.00%; FB1:  50.00",
        "              LOC: precision:  50.00%; recall:  33.33%; FB1:  40.00  2",
        "              PER: precision:  50.00%; recall: 100.00%; FB1:  66.67  2",
    ]


def test_no_entities_give_zeros():
    whole, types = count_spans([], [])
    assert (whole.precision, whole.recall, whole.f1, types) == (0, 0, 0, {})

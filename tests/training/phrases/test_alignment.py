from collections import defaultdict

import numpy as np
import pytest
from scipy.special import digamma

from training.phrases.alignment import align
from training.phrases.words import split_into_words


def align_one_by_one(pairs, iterations):
    """The model of Dyer et al. (2013), cell by cell: for each target word, the probabilities of the
    null word and of the source words of its row."""
    words = {f for _, target in pairs for f in target}
    t = defaultdict(lambda: 1.0)

    def posteriors():
        for source, target in pairs:
            for i, f in enumerate(target, 1):
                near = [
                    np.exp(-4 * abs(i / len(target) - j / len(source)))
                    for j in range(1, len(source) + 1)
                ]
                joint = [0.08 * t[None, f]]
                joint += [0.92 * d / sum(near) * t[e, f] for d, e in zip(near, source, strict=True)]
                yield [None, *source], f, np.array(joint) / sum(joint)

    for _ in range(iterations):
        counts, totals = defaultdict(float), defaultdict(float)
        for choices, f, posterior in posteriors():
            for e, p in zip(choices, posterior, strict=True):
                counts[e, f] += p
                totals[e] += p
        for e, f in counts:
            t[e, f] = np.exp(digamma(counts[e, f] + 0.01) - digamma(totals[e] + 0.01 * len(words)))
    return [posterior for *_, posterior in posteriors()]


def test_each_word_has_the_most_probable_counterpart():
    """Fails for a wrong prior, expectation or update, or if rows are mixed up."""
    draw = np.random.default_rng(0)
    pairs = [
        (
            [f"e{draw.integers(6)}" for _ in range(draw.integers(1, 7))],
            [f"f{draw.integers(6)}" for _ in range(draw.integers(1, 7))],
        )
        for _ in range(60)
    ]
    vocabulary: dict[str, int] = {}
    source = split_into_words([" ".join(pair[0]) for pair in pairs], vocabulary)
    target = split_into_words([" ".join(pair[1]) for pair in pairs], vocabulary)
    for iterations in (1, 4):
        chosen = align(source, target, iterations)
        for place, posterior in enumerate(align_one_by_one(pairs, iterations)):
            if chosen[place] < 0:
                choice = 0
            else:
                assert source.rows[chosen[place]] == target.rows[place]
                choice = 1 + chosen[place] - np.searchsorted(source.rows, target.rows[place])
            assert posterior[choice] == pytest.approx(max(posterior), rel=1e-3)


def test_known_alignments_are_found():
    """Fails if what the model finds is not what translates what."""
    draw = np.random.default_rng(1)
    sources, targets, links = [], [], []
    for _ in range(400):
        sentence = draw.integers(0, 50, draw.integers(3, 9))
        order = np.argsort(np.arange(len(sentence)) + draw.uniform(0, 2, len(sentence)))
        links += [sum(map(len, sources)) + place for place in order]
        sources.append(sentence)
        targets.append(sentence[order])
    vocabulary: dict[str, int] = {}
    source = split_into_words([" ".join(f"e{w}" for w in row) for row in sources], vocabulary)
    target = split_into_words([" ".join(f"f{w}" for w in row) for row in targets], vocabulary)
    assert np.mean(align(source, target) == links) > 0.98


def test_rows_without_words():
    """Fails if empty rows shift others or are an error."""
    source = split_into_words(["", "a", "b"], {})
    target = split_into_words(["x", "", "y"], {})
    assert list(align(source, target)) == [-1, 1]
    assert list(align(source, split_into_words(["", "", ""], {}))) == []

from collections import Counter, defaultdict

import numpy as np
import pytest

from training.phrases.extraction import extract_phrases
from training.phrases.scoring import score_phrases
from training.phrases.words import split_into_words


def test_scores_are_those_of_the_definition():
    """Fails for a wrong count, frequency, discount or lexical weight."""
    draw = np.random.default_rng(0)

    def texts(letter):
        rows = [
            [f"{letter}{draw.integers(3)}" for _ in range(draw.integers(1, 6))] for _ in range(40)
        ]
        return [" , ".join([" ".join(row)] * draw.integers(1, 3)) for row in rows]

    source, target = split_into_words(texts("e"), {}), split_into_words(texts("f"), {})
    links = [
        (s, t)
        for s in range(len(source.ids))
        for t in np.flatnonzero(target.rows == source.rows[s])
        if draw.random() < 0.15
    ]
    spans = extract_phrases(source, target, np.array(links), 3)
    table = score_phrases(source, target, np.array(links), spans)

    def ids(words, start, end):
        return tuple(words.ids[start:end])

    occurrences = [
        (ids(source, a, b), ids(target, c, d), (a, b, c, d))
        for a, b, c, d in zip(*spans, strict=True)
    ]
    uses, counts, sources, targets = Counter(), Counter(), Counter(), Counter()
    weights = defaultdict(lambda: -np.inf)
    for e, f, (a, b, c, d) in occurrences:
        alone = (
            source.opens[a] and source.closes[b - 1] and target.opens[c] and target.closes[d - 1]
        )
        use = 10 if alone else 1
        counts[e, f] += 1
        uses[e, f] += use
        sources[e] += use
        targets[f] += use
        weight = lexical_weight(source, target, links, range(c, d))
        weight *= lexical_weight(target, source, [(t, s) for s, t in links], range(a, b))
        weights[e, f] = max(weights[e, f], np.log(weight))
    assert len(table.occurrences) == len(counts)
    for index, (a, b, c, d) in enumerate(zip(*table.spans, strict=True)):
        e, f = ids(source, a, b), ids(target, c, d)
        assert table.occurrences[index] == counts[e, f]
        seen = uses[e, f] - 0.5
        assert table.probability[index] == pytest.approx(seen / sources[e] * seen / targets[f])
        assert table.weight[index] == pytest.approx(weights[e, f])
        assert table.frequency[index] == sum(1 for other, *_ in occurrences if other == e)
        ends = [source.closes[b - 1] for other, _, (_, b, _, _) in occurrences if other == e]
        other_ends = [target.closes[d - 1] for _, other, (*_, d) in occurrences if other == f]
        assert table.closes[index] == pytest.approx(max(np.mean(ends), np.mean(other_ends)))
        assert table.alone[index] == (uses[e, f] > counts[e, f])


def lexical_weight(source, target, links, places):
    """Koehn et al. (2003), equation 4; a word without links is linked to None."""
    linked = defaultdict(list)
    for s, t in links:
        linked[t].append(source.ids[s])
    all_links = [(e, f) for t, f in enumerate(target.ids) for e in linked[t] or [None]]
    pairs, totals = Counter(all_links), Counter(e for e, _ in all_links)
    return np.prod(
        [
            np.mean([pairs[e, target.ids[t]] / totals[e] for e in linked[t] or [None]])
            for t in places
        ]
    )

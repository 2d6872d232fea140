"""Vocabularies, ranked by frequency."""

from collections import Counter


def most_frequent(counts: Counter[str], size: int, min_count: int = 1) -> list[str]:
    """At most `size` items with a count of at least `min_count`, the most frequent first.

    Items of equal count are in code point order, so that equal data gives equal vocabularies.

    >>> most_frequent(Counter("banana"), size=2)
    ['a', 'n']
    """
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [item for item, count in ranked[:size] if count >= min_count]

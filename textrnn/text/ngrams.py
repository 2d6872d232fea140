"""Character n-grams of words, hashed into a fixed number of buckets."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from jaxtyping import Int

SHORTEST, LONGEST = 3, 5


def ngrams(
    words: Sequence[str], buckets: int, max_ngrams: int
) -> Int[np.ndarray, "words max_ngrams"]:
    """The buckets, 1 to `buckets`, of the first `max_ngrams` n-grams of each word, padded with 0.

    Word boundaries are marked, so that the n-grams of "in" and "wind" differ (Bojanowski et al.
    2017).
    """
    rows = np.zeros((len(words), max_ngrams), np.int32)
    for row, word in zip(rows, words, strict=True):
        marked = f"<{word.lower()}>"
        hashes = [
            crc32(marked[start : start + size].encode("utf-8", "surrogatepass")) % buckets + 1
            for size in range(SHORTEST, LONGEST + 1)
            for start in range(len(marked) - size + 1)
        ]
        row[: len(hashes)] = hashes[:max_ngrams]
    return rows

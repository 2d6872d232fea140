"""Words as the stretches of letters in them, hashed into a table of fixed size."""

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from jaxtyping import Int

SHORTEST, LONGEST = 3, 5


def ngrams(words: Sequence[str], buckets: int, most: int) -> Int[np.ndarray, "words most"]:
    """For each word the numbers, 1 to `buckets`, of its first `most` n-grams; 0 fills up.

    The ends of a word are marked, so that "in" is not the "in" of "wind" (Bojanowski et al. 2017).
    """
    rows = np.zeros((len(words), most), np.int32)
    for row, word in zip(rows, words, strict=True):
        marked = f"<{word.lower()}>"
        found = [
            crc32(marked[start : start + size].encode("utf-8", "surrogatepass")) % buckets + 1
            for size in range(SHORTEST, LONGEST + 1)
            for start in range(len(marked) - size + 1)
        ]
        row[: len(found)] = found[:most]
    return rows

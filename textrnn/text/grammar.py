"""Which tokens may follow which, so that what a model writes is text."""

from itertools import accumulate
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from textrnn.text.tokenizer import EOS, SPECIALS


class Grammar(NamedTuple):
    """A finite automaton over ids. State 0 is where a text begins and may end."""

    allowed: Bool[np.ndarray, "states ids"]
    after: Int[np.ndarray, "states ids"]
    """The state behind a token, 0 for one that is not allowed."""

    def whole(self, ids: Int[np.ndarray, " tokens"]) -> Bool[np.ndarray, " tokens"]:
        """Which tokens complete a character, where the first one begins one."""
        if len(self.after) == 1:
            return np.ones(len(ids), bool)
        states = accumulate(ids, lambda state, token: self.after[state, token], initial=0)
        return np.fromiter(states, np.int32)[1:] == 0


def free(ids: int) -> Grammar:
    """Any token may follow any, but for the special ones; a text may end anywhere."""
    allowed = np.arange(ids)[None] >= len(SPECIALS)
    allowed[:, EOS] = True
    return Grammar(allowed, np.zeros((1, ids), np.int32))

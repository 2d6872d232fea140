"""Finite automata over token ids, which constrain generation to well-formed text."""

from itertools import accumulate
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from textrnn.text.tokenizer import EOS, SPECIALS


class Grammar(NamedTuple):
    """A finite automaton over ids. State 0 is its initial and its only accepting state."""

    allowed: Bool[np.ndarray, "states ids"]
    next_state: Int[np.ndarray, "states ids"]
    """The state after a token; 0 for a token that is not allowed."""

    def completes_character(self, ids: Int[np.ndarray, " tokens"]) -> Bool[np.ndarray, " tokens"]:
        """Which tokens are the last of a character. The first token must begin a character."""
        if len(self.next_state) == 1:
            return np.ones(len(ids), bool)
        states = accumulate(ids, lambda state, token: self.next_state[state, token], initial=0)
        return np.fromiter(states, np.int32)[1:] == 0


def unconstrained(ids: int) -> Grammar:
    """Any token may follow any token, except for the special ones; a text may end anywhere."""
    allowed = np.arange(ids)[None] >= len(SPECIALS)
    allowed[:, EOS] = True
    return Grammar(allowed, np.zeros((1, ids), np.int32))

"""Pauses of Python's cyclic garbage collector, in which nothing else goes on, and how to have few.

References alone free nearly all that a request leaves behind. What is left are rounds through
everything that lives: through what JAX holds, a quarter of a second; through a thousand requests
that wait, fifty milliseconds, every few seconds, with nothing found.
"""

import gc


def collect_seldom() -> None:
    """Go through everything a tenth as often; what is new is looked through as ever."""
    new, young, _ = gc.get_threshold()
    gc.set_threshold(new, young, 100)


def keep_what_is_there() -> None:
    """Go through everything once more, and never again through what is left."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()

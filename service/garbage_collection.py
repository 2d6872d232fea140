"""Fewer pauses by Python's cyclic garbage collector, which stop the whole server.

Reference counting frees nearly everything that a request allocates. A full collection still
traverses every object, every few seconds and in vain: a quarter of a second for the objects of JAX,
fifty milliseconds for a thousand waiting requests.
"""

import gc


def pause_garbage_collector() -> None:
    """Collect nothing until `freeze_garbage_collector`. What is imported and compiled for a server
    stays, and traversing it again and again took a tenth of the start."""
    gc.disable()


def collect_rarely() -> None:
    """Run full collections a tenth as often, and exclude all objects that there are. Young objects
    are collected as before."""
    new, young, _ = gc.get_threshold()
    gc.set_threshold(new, young, 100)
    gc.freeze()


def freeze_garbage_collector(*, again: bool = False) -> None:
    """Run a full collection, exclude all objects that survive it from later ones, and end a pause.
    If it is done again, objects that were excluded before are collected, too."""
    if again:
        gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.enable()

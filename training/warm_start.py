"""What a run starts from: a fitted tokenizer, and parameters of an earlier model."""

from collections.abc import Sequence

import jax.numpy as jnp

from textrnn.bundle import load_bundle
from textrnn.errors import UserError
from textrnn.parameters import Params
from textrnn.tasks import Row
from textrnn.text import (
    ByteTokenizer,
    CharTokenizer,
    CopyingTokenizer,
    SpelledTokenizer,
    SubwordTokenizer,
    Tokenizer,
    WordTokenizer,
)
from training.recipe import Recipe, Start


def fit_tokenizer(recipe: Recipe, rows: Sequence[Row]) -> Tokenizer:
    """The tokenizer of the bundle to start from, or else one fitted to the training texts."""
    if recipe.start is not None:
        return load_bundle(recipe.start.bundle).task.tokenizer
    config = recipe.tokenizer
    if config.kind == "copying":
        return CopyingTokenizer.fit([(row["source"], row["target"]) for row in rows], config.size)
    texts = (row["text"] if "text" in row else " ".join(row["tokens"]) for row in rows)
    match config.kind:
        case "words":
            return WordTokenizer.fit(texts, config.size, config.min_count)
        case "spelled":
            return SpelledTokenizer.fit(texts, config.size, config.min_count)
        case "chars":
            return CharTokenizer.fit(texts, config.size, config.min_count)
        case "bytes":
            return ByteTokenizer()
        case "subwords":
            return SubwordTokenizer.fit(texts, config.size, config.lowercase)


def take_over(start: Start | None, params: Params) -> Params:
    """`params` with the named parts of the bundle's. Raises UserError where they do not fit."""
    if start is None:
        return params
    given = load_bundle(start.bundle).params
    taken = dict(params)
    for part in start.parameters:
        names = [name for name in params if name.startswith(part)]
        if not names:
            raise UserError(f"start.parameters: this model has no parameters named {part!r}")
        for name in names:
            if name not in given or given[name].shape != params[name].shape:
                found = list(given[name].shape) if name in given else "nothing"
                raise UserError(
                    f"start: {start.bundle} has {found} for {name}, "
                    f"this model needs {list(params[name].shape)}"
                )
            taken[name] = jnp.asarray(given[name])
    return taken

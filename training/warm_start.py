"""Warm start: the tokenizer and the parameters that a run starts from."""

from collections.abc import Sequence

import jax.numpy as jnp

from textrnn.bundle import Bundle, load_bundle
from textrnn.errors import UserError
from textrnn.parameters import Params
from textrnn.rows import Row
from textrnn.tasks import TASKS
from textrnn.text import Normalization, Tokenizer, fitted_tokenizer
from training.augmentation import Augmentation, AugmentConfig
from training.recipe import Recipe, Start


def fit_tokenizer(recipe: Recipe, rows: Sequence[Row]) -> Tokenizer:
    """The tokenizer of the bundle to start from, with the words that are added to it, or else one
    fitted to the training rows."""
    if recipe.start is not None:
        tokenizer = _load(recipe.start)[0].task.tokenizer
        if recipe.start.words:
            return tokenizer.extended(rows, recipe.start.words, recipe.tokenizer.min_count)
        return tokenizer
    if recipe.augment != AugmentConfig():
        language = recipe.target_language
        augmentation = Augmentation(recipe.augment, rows, recipe.train.seed, language)
        rows = [*rows, *augmentation.rows(epoch=0)]
    config = recipe.tokenizer
    if TASKS[recipe.task].exact:
        config = config.model_copy(update={"normalization": Normalization(form="exact")})
    return fitted_tokenizer(rows, config)


def load_initial_params(start: Start | None, params: Params) -> Params:
    """`params`, with the parts that `start` names taken from its bundle.

    The vectors of words that its tokenizer lacks stay as they are. Raises UserError if a part does
    not exist or its shapes differ.
    """
    if start is None:
        return params
    pretrained = dict(_mean([bundle.params for bundle in _load(start)]))
    result = dict(params)
    for part in start.parameters:
        names = [name for name in params if name.startswith(part)]
        if not names:
            raise UserError(f"start.parameters: this model has no parameters named {part!r}")
        for name in names:
            if name in pretrained and start.words and name.startswith("embedding"):
                known = len(pretrained[name])
                pretrained[name] = jnp.concatenate([pretrained[name], params[name][known:]])
            if name not in pretrained or pretrained[name].shape != params[name].shape:
                shape = list(pretrained[name].shape) if name in pretrained else "nothing"
                raise UserError(
                    f"start: {_shown(start)} has {shape} for {name}, this model needs "
                    f"{list(params[name].shape)}; use the sizes of that bundle, or start from "
                    'random weights with start.bundle=""'
                )
            result[name] = jnp.asarray(pretrained[name])
    return result


def _load(start: Start) -> list[Bundle]:
    """The bundles to start from. Raises UserError if they are not of one kind."""
    names = [start.bundle] if isinstance(start.bundle, str) else start.bundle
    bundles = [load_bundle(name) for name in names]
    for name, other in zip(names, bundles, strict=True):
        if _kind(other) != _kind(bundles[0]):
            raise UserError(
                f"start: {names[0]} and {name} have different tokenizers or shapes; the mean needs "
                "models that were trained from the same one"
            )
    return bundles


def _kind(bundle: Bundle) -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    """The digests of the tokenizer's files, and the shapes of the weights."""
    files = {name: sha for name, sha in bundle.info.files.items() if name.startswith("tokenizer/")}
    return files, {name: leaf.shape for name, leaf in bundle.params.items()}


def _mean(params: Sequence[Params]) -> Params:
    return {name: jnp.mean(jnp.stack([p[name] for p in params]), axis=0) for name in params[0]}


def _shown(start: Start) -> str:
    return start.bundle if isinstance(start.bundle, str) else ", ".join(start.bundle)

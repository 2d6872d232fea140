"""What each part of a translator's training text is worth: train the recipe with and without it.

python -m benchmarks.ablation [RECIPE] [KEY=VALUE ...]     default: translate-de-en

$TEXTRNN_DATA must have the data of the recipe and `everyday/`, short texts as people type them, of
which the share that is translated correctly is counted. SMALL makes networks and trainings smaller
than those of the recipe, and KEY=VALUE changes the recipe further; so the numbers compare with each
other, not with those of the shipped model. Runs are kept in `runs/ablation/`, by recipe
and changes: finished ones are not repeated, others are resumed.
"""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import textrnn
from benchmarks.timing import table
from textrnn.predictor import Predictor
from textrnn.text.formality import has_formality
from training.augmentation import AugmentConfig
from training.datasets import load_dev_rows
from training.evaluate import evaluate
from training.job import run
from training.recipe import Holdout, Recipe, Source, load_recipe
from training.sources import data_root

RECIPE = "translate-de-en"
SMALL = (
    "train.epochs=1", "train.rows=32", "train.tokens=1024", "train.ema=0.99",
    "train.optimizer.rate=3e-3", "model.embedding={size = 128}", "model.encoder={hidden = 128}",
    "model.decoder={hidden = 128}",
)  # fmt: skip
SHARE = 0.4
"""Of the sentences of the largest corpus, drawn at random, and of the phrases from it."""


def without(*entries: str) -> Callable[[Recipe], Recipe]:
    """The recipe with these entries of [augment] at their defaults."""

    def changed(recipe: Recipe) -> Recipe:
        defaults = {entry: getattr(AugmentConfig(), entry) for entry in entries}
        return recipe.model_copy(update={"augment": recipe.augment.model_copy(update=defaults)})

    return changed


def with_sources(change: Callable[[Source], Source | None]) -> Callable[[Recipe], Recipe]:
    """The recipe with its sources of training rows changed, or left out."""

    def changed(recipe: Recipe) -> Recipe:
        sources = tuple(new for old in recipe.data.train if (new := change(old)) is not None)
        data = recipe.data.model_copy(update={"train": sources})
        return recipe.model_copy(update={"data": data})

    return changed


def _sampled(source: Source) -> Source:
    if source.path is None or not str(source.path).startswith("tatoeba"):
        return source
    phrases = source.phrase_pairs and int(SHARE * source.phrase_pairs)
    sample = Holdout(fraction=SHARE, side="dev")
    return source.model_copy(update={"holdout": sample, "phrase_pairs": phrases})


VARIANTS: dict[str, Callable[[Recipe], Recipe]] = {
    "everything": lambda recipe: recipe,
    "no-phrase-pairs": with_sources(lambda s: s.model_copy(update={"phrase_pairs": None})),
    "no-short-pairs-twice": with_sources(lambda s: None if s.between else s),
    "no-dates-and-quantities": with_sources(lambda s: None if s.made else s),
    "no-long-text": with_sources(lambda s: None if s.skip_faulty else s),
    "no-case": without("lower_case", "title_case"),
    "no-marks": without("final_mark", "punctuation"),
    "no-typing-errors": without("typing_error", "respell"),
    "no-names": without("names"),
    "no-slots": without("slots"),
    "no-wrapping": without("wrapping"),
    "no-insertion-and-listing": without("insertion", "listing"),
    "no-formality": without("formality"),
    "no-augmentation": without(*AugmentConfig.model_fields),
}


def main(name: str = RECIPE, *changes: str) -> None:
    recipe = with_sources(_sampled)(load_recipe(name, [*SMALL, *changes]))
    source, target = name.split("-")[1:3]
    everyday = _everyday(data_root() / "everyday" / "run.py")
    items = _items(data_root() / "everyday" / f"translate_{source}_{target}.jsonl")
    dev = load_dev_rows(recipe.data, recipe.task)
    rows = []
    for variant, change in VARIANTS.items():
        if variant == "no-formality" and not has_formality(target):
            continue
        folder = Path("runs") / "ablation" / " ".join([name, *changes]) / variant
        if not (folder / "report.md").exists():
            run(change(recipe), folder, resume=folder.exists())
        predictor = textrnn.load(folder / "bundle")
        scores = [evaluate(predictor, texts)[0]["bleu"] for texts in dev.values()]
        rows.append([variant, _share_passed(predictor, everyday, items), *scores])
        table(
            " ".join([name, *SMALL, *changes, f"share={SHARE}"]),
            ["variant", "everyday, %", *dev],
            rows,
        )


def _everyday(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("everyday", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _items(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def _share_passed(predictor: Predictor, everyday: ModuleType, items: list[dict]) -> float:
    answers = predictor.predict([item["input"] for item in items])
    complaints = map(everyday.check_translation, items, answers)
    return 100 * sum(not complaint for complaint in complaints) / len(items)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The tiny models that the tests share: their recipes, their data and their bundles.

The bundles are committed in `tests/data/bundles`, so that the tests need not train them. After a
change of a recipe, of the data or of the bundle format, `make test-bundles` retrains them;
`tests/training/test_tiny_models.py` fails until that is done.
"""

import shutil
import sys
from pathlib import Path

import pytest

from support.data import sentences, towns, write_csv
from support.few_languages import LANGUAGE_RECIPE, phrases
from support.made_up_words import GENERATE_RECIPE, babble
from support.paths import ROOT
from support.reversed_words import TRANSLATE_RECIPE, reversals

BUNDLES = ROOT / "tests" / "data" / "bundles"

CLASSIFY_RECIPE = """
name = "tiny"
task = "classify"
description = "Whether a made-up sentence is friendly."
languages = ["en"]
probes = ["what a lovely film", "an awful plot"]
[data]
licences = {"made-up sentences" = "CC0-1.0"}
train = [{path = "reviews.csv"}]
[tokenizer]
size = 500
[model]
embedding = {size = 8}
encoder = {hidden = 8}
[train]
epochs = 4
rows = 16
lengths = [16]
optimizer = {rate = 2e-2}
[limits]
length = 64
rows = 8
tokens = 256
"""

TAG_RECIPE = """
name = "tiny-tag"
task = "tag"
description = "Made-up people in made-up towns."
languages = ["en"]
probes = ["Ada Lovelace lives in Rome", "is New York big?"]
[data]
licences = {"made-up sentences" = "CC0-1.0"}
train = [{path = "towns.conll", scheme = "IOB2"}]
[tokenizer]
kind = "spelled"
size = 200
[model]
embedding = {size = 8}
characters = {size = 4, features = 8}
casing = 3
encoder = {hidden = 12}
[train]
epochs = 12
rows = 16
lengths = [16]
optimizer = {rate = 2e-2}
[limits]
length = 16
rows = 8
tokens = 128
"""

RECIPES = {
    "tiny": CLASSIFY_RECIPE,
    "tiny-tag": TAG_RECIPE,
    "tiny-translate": TRANSLATE_RECIPE,
    "tiny-generate": GENERATE_RECIPE,
    "tiny-language": LANGUAGE_RECIPE,
}


def write_data(root: Path) -> None:
    """Write the training data of every recipe into a data root."""
    write_csv(root / "reviews.csv", sentences(300))
    write_csv(root / "phrases.csv", phrases(600))
    (root / "towns.conll").write_text(towns(300))
    pairs = reversals(1500)
    (root / "there.txt").write_text("".join(f"{source}\n" for source, _ in pairs))
    (root / "back.txt").write_text("".join(f"{target}\n" for _, target in pairs))
    lines = [f"{source}\t{target}\n" for source, target in reversals(100, seed=1)]
    (root / "pairs.tsv").write_text("source\ttarget\n" + "".join(lines))
    (root / "words.txt").write_text(babble(5000))


def train(name: str, root: Path) -> Path:
    """Train a tiny model on data that is written into `root`; returns the run's directory."""
    from training.job import run
    from training.recipe import load_recipe

    write_data(root)
    recipe = root / f"{name}.toml"
    recipe.write_text(RECIPES[name])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTRNN_DATA", str(root))
        run(load_recipe(str(recipe)), root / name, resume=False)
    return root / name


def main(scratch: Path) -> None:
    """Train all tiny models and replace the committed bundles."""
    for name in RECIPES:
        bundle = train(name, scratch) / "bundle"
        shutil.rmtree(BUNDLES / name, ignore_errors=True)
        shutil.copytree(bundle, BUNDLES / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

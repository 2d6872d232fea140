"""What many tests share: small data that is made here, and small models trained on it."""

import csv
import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# All processes of a session, servers too, share the programs that one of them has compiled.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", f"{tempfile.gettempdir()}/textrnn-programs-{os.getpid()}"
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import pytest
from filelock import FileLock

LONGEST = ("test_readme", "test_load", "test_install", "test_training", "test_playground")
"""Files of few tests that take long."""


def pytest_collection_modifyitems(items):
    """The longest first, so that the processes that test side by side end together."""
    items.sort(key=lambda item: not item.path.stem.startswith(LONGEST))


def pytest_unconfigure():
    programs = os.environ["JAX_COMPILATION_CACHE_DIR"]
    if programs.endswith(f"textrnn-programs-{os.getpid()}"):
        shutil.rmtree(programs, ignore_errors=True)


NEUTRAL = ["the", "a", "film", "plot", "actor", "was", "is", "of", "and", "scene", "ending"]
GOOD = ["good", "great", "lovely", "fine"]
BAD = ["bad", "awful", "boring", "poor"]

RECIPE = """
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
[buckets]
lengths = [16, 64]
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
[buckets]
lengths = [8, 16]
rows = 8
tokens = 128
"""
PEOPLE = ["Ada Lovelace", "Bob", "Grace Hopper", "Alan"]
TOWNS = ["Rome", "New York", "Oslo", "San Jose"]


def towns(count: int, seed: int = 0) -> str:
    """Sentences in columns: people live in towns. Learnt without a mistake."""
    draw = random.Random(seed)
    lines = []
    for _ in range(count):
        shape = draw.choice(["P lives in T", "is T big ?", "P met P in T .", "T and T are far"])
        for word in shape.split():
            names = {"P": PEOPLE, "T": TOWNS}.get(word)
            parts = draw.choice(names).split() if names else [word]
            for number, part in enumerate(parts):
                label = {"P": "PER", "T": "LOC"}.get(word)
                lines.append(f"{part}\t{'BI'[number > 0]}-{label}" if label else f"{part}\tO")
        lines.append("")
    return "\n".join(lines)


def sentences(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """(text, label): one word decides, and the rest is noise. Learnt without a mistake."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        label = draw.choice(["friendly", "hostile"])
        words = draw.choices(NEUTRAL, k=draw.randint(2, 10))
        words.insert(draw.randrange(len(words)), draw.choice(GOOD if label == "friendly" else BAD))
        rows.append((" ".join(words), label))
    return rows


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["id", "text", "label"])
        writer.writerows((index, text, label) for index, (text, label) in enumerate(rows))
    return path


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory) -> Path:
    """A data root with reviews.csv and the recipe tiny.toml beside it."""
    root = tmp_path_factory.mktemp("data")
    write_csv(root / "reviews.csv", sentences(300))
    (root / "tiny.toml").write_text(RECIPE)
    return root


def shared(factory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that one of the processes that test side by side has filled, and all of them use."""
    root = factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = root / f"shared-{name}"
    with FileLock(root / f"{name}.lock"):
        if not (folder / "done").exists():
            folder.mkdir()
            make(folder)
            (folder / "done").touch()
    return folder


def trained(root: Path, recipe: str) -> Path:
    """The bundle that a recipe makes of the data in a folder."""
    from training.recipe import load_recipe
    from training.run import run

    (root / "recipe.toml").write_text(recipe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTRNN_DATA", str(root))
        run(load_recipe(str(root / "recipe.toml")), root / "run", resume=False)
    return root / "run" / "bundle"


def ready(bundle: Path):
    """A model as a server holds it, ready."""
    from service import models

    served = models.load_one(str(bundle))
    served.make_ready()
    return served


@pytest.fixture(scope="session")
def tiny_run(tiny_data, tmp_path_factory) -> Path:
    """The directory of a whole training run of tiny.toml."""
    from training.recipe import load_recipe
    from training.run import run

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TEXTRNN_DATA", str(tiny_data))
            run(load_recipe(str(tiny_data / "tiny.toml")), folder / "tiny", resume=False)

    return shared(tmp_path_factory, "tiny", make) / "tiny"


@pytest.fixture(scope="session")
def tiny_bundle(tiny_run) -> Path:
    return tiny_run / "bundle"


@pytest.fixture(scope="session")
def tag_bundle(tmp_path_factory) -> Path:
    """A tagger of people and towns, trained by its recipe."""

    def make(root: Path) -> None:
        (root / "towns.conll").write_text(towns(300))
        trained(root, TAG_RECIPE)

    return shared(tmp_path_factory, "towns", make) / "run" / "bundle"


@pytest.fixture(scope="session")
def translate_bundle(tmp_path_factory) -> Path:
    """A translator that says everything from behind, trained by its recipe."""
    from reversing import TRANSLATE_RECIPE, reversals

    def make(root: Path) -> None:
        pairs = reversals(1500)
        (root / "there.txt").write_text("".join(f"{source}\n" for source, _ in pairs))
        (root / "back.txt").write_text("".join(f"{target}\n" for _, target in pairs))
        lines = [f"{source}\t{target}\n" for source, target in reversals(100, seed=1)]
        (root / "pairs.tsv").write_text("source\ttarget\n" + "".join(lines))
        trained(root, TRANSLATE_RECIPE)

    return shared(tmp_path_factory, "back", make) / "run" / "bundle"


@pytest.fixture(scope="session")
def generate_bundle(tmp_path_factory) -> Path:
    """A model that writes eight made-up words, trained by its recipe."""
    from babbling import GENERATE_RECIPE, babble

    def make(root: Path) -> None:
        (root / "words.txt").write_text(babble(5000))
        trained(root, GENERATE_RECIPE)

    return shared(tmp_path_factory, "babble", make) / "run" / "bundle"


@pytest.fixture(scope="session")
def warm_predictor(tiny_bundle):
    """Shared, with whatever earlier tests compiled."""
    import textrnn

    return textrnn.load(tiny_bundle)


@pytest.fixture
def predictor(tiny_bundle):
    """Freshly loaded, so that nothing is compiled yet."""
    import textrnn

    return textrnn.load(tiny_bundle)


@pytest.fixture(scope="session")
def served(tiny_bundle):
    return ready(tiny_bundle)


@pytest.fixture(scope="session")
def tagger(tag_bundle):
    return ready(tag_bundle)


@pytest.fixture(scope="session")
def translator(translate_bundle):
    return ready(translate_bundle)


@pytest.fixture(scope="session")
def generator(generate_bundle):
    return ready(generate_bundle)


@pytest.fixture
def generate_hub(hub, generator):
    """A hub that serves the tiny classifier and the tiny generator."""
    hub.add(generator)
    return hub


@pytest.fixture
def translate_hub(hub, translator):
    """A hub that serves the tiny classifier and the tiny translator."""
    hub.add(translator)
    return hub


@pytest.fixture
def tag_hub(hub, tagger):
    """A hub that serves both tiny models."""
    hub.add(tagger)
    return hub


@pytest.fixture
def make_hub(served):
    """Makes hubs that serve the tiny model, by their settings."""
    from service.hub import Hub
    from service.settings import Settings
    from service.telemetry import Telemetry

    hubs = []

    def make(**settings):
        chosen = Settings(**settings)
        hub = Hub(chosen, Telemetry())
        hub.add(served)
        hub.ready = True
        hubs.append(hub)
        return hub

    yield make
    for hub in hubs:
        hub.batcher.close()


@pytest.fixture
def hub(make_hub):
    return make_hub()


@pytest.fixture(scope="session")
def few_shapes(tmp_path_factory):
    """Copies a bundle into one that runs its texts one by one, so that a server of it has little to
    compile beside a test."""

    def copy(bundle: Path) -> Path:
        folder = tmp_path_factory.mktemp("few") / "bundle"
        shutil.copytree(bundle, folder)
        info = json.loads((folder / "bundle.json").read_text())
        info["buckets"]["rows"] = 1
        (folder / "bundle.json").write_text(json.dumps(info))
        return folder

    return copy


@pytest.fixture(scope="module")
def server(tiny_bundle, tag_bundle, translate_bundle, generate_bundle, few_shapes):
    """A real server with a model of each task, and the shipped one that tells languages apart."""
    from serving import serving

    from textrnn.bundle import find

    trained = (tiny_bundle, tag_bundle, translate_bundle, generate_bundle, find("language-id"))
    bundles = [few_shapes(bundle) for bundle in trained]
    with serving(*(part for name in bundles for part in ("--models", str(name)))) as server:
        server.wait_for("language-id: warm")
        yield server


@pytest.fixture(scope="module")
def browser(server):
    """Behind the models, whose training needs the event loop that a browser occupies."""
    from browsing import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser, server):
    """A visit to the playground of that server."""
    from browsing import Visit

    visit = Visit(browser, server.url)
    yield visit
    visit.close()

"""What many tests share: small data that is made here, and small models trained on it."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from support.data import sentences, towns, write_csv
from support.models import ready

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

LONGEST = ("test_readme", "test_load", "test_install", "test_train", "test_tabs", "test_page")
"""Files of few tests that take long."""


def pytest_collection_modifyitems(items):
    """The longest first, so that the processes that test side by side end together."""
    items.sort(key=lambda item: not item.path.stem.startswith(LONGEST))


def pytest_unconfigure():
    programs = os.environ["JAX_COMPILATION_CACHE_DIR"]
    if programs.endswith(f"textrnn-programs-{os.getpid()}"):
        shutil.rmtree(programs, ignore_errors=True)


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
    from training.job import run
    from training.recipe import load_recipe

    (root / "recipe.toml").write_text(recipe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTRNN_DATA", str(root))
        run(load_recipe(str(root / "recipe.toml")), root / "run", resume=False)
    return root / "run" / "bundle"


@pytest.fixture(scope="session")
def tiny_run(tiny_data, tmp_path_factory) -> Path:
    """The directory of a whole training run of tiny.toml."""
    from training.job import run
    from training.recipe import load_recipe

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
    from support.reversed_words import TRANSLATE_RECIPE, reversals

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
    from support.made_up_words import GENERATE_RECIPE, babble

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
def generate_context(context, generator):
    """A hub that serves the tiny classifier and the tiny generator."""
    context.models.add(generator)
    return context


@pytest.fixture
def translate_context(context, translator):
    """A hub that serves the tiny classifier and the tiny translator."""
    context.models.add(translator)
    return context


@pytest.fixture
def tag_context(context, tagger):
    """A hub that serves both tiny models."""
    context.models.add(tagger)
    return context


@pytest.fixture
def make_context(served):
    """Makes hubs that serve the tiny model, by their settings."""
    from service.inference.context import ServiceContext
    from service.observe.metrics import ServiceMetrics
    from service.settings import Settings

    contexts = []

    def make(**settings):
        chosen = Settings(**settings)
        context = ServiceContext(chosen, ServiceMetrics())
        context.models.add(served)
        context.readiness.warm = True
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.batcher.close()


@pytest.fixture
def context(make_context):
    return make_context()


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
    from support.server import serving
    from textrnn.bundle import find_bundle

    shipped = find_bundle("language-id")
    trained = (tiny_bundle, tag_bundle, translate_bundle, generate_bundle, shipped)
    bundles = [few_shapes(bundle) for bundle in trained]
    with serving(*(part for name in bundles for part in ("--models", str(name)))) as server:
        server.wait_for("language-id: warm")
        yield server


@pytest.fixture(scope="module")
def browser(server):
    """Behind the models, whose training needs the event loop that a browser occupies."""
    from support.browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser, server):
    """A visit to the playground of that server."""
    from support.browser import Visit

    visit = Visit(browser, server.url)
    yield visit
    visit.close()

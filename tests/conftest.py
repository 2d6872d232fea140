"""Fixtures that many tests share, the cache of compiled programs, and the order of the tests."""

import gc
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import support.shape_checks  # noqa: F401 - before any module that it checks
from support.models import ready
from support.paths import ROOT
from textrnn.runtime import processor_id

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.pop("TEXTRNN_DATA", None)  # tests have their own data
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# All processes of a session, servers included, share compiled programs, as do later sessions. A
# program compiled for one processor model may crash on another.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(ROOT / ".pytest_cache" / "programs" / processor_id())
)
# Compiling takes longer than running here, so it is kept short; it halves the time without a cache.
# `make test-isa` sets XLA_FLAGS itself, and runs the numerical tests on fully optimised programs.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0"
    # Later versions of XLA have no such option.
    + (" --xla_cpu_use_fusion_emitters=false" if version("jax").startswith("0.10.") else ""),
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import hypothesis
import pytest
from filelock import FileLock

from support import tiny_models

# The same examples in each run, however busy the machine is.
hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)  # fmt: skip
hypothesis.settings.load_profile("suite")

LONGEST = (
    "test_readme", "test_load", "test_install", "test_train", "test_tiny", "test_tabs", "test_page",
    "test_fuzz", "test_server", "test_workers",
)  # fmt: skip
"""The files with the longest running times."""
MARKERS = {"browser": "browser", "server": "process", "starting": "process", "tiny_run": "slow"}
"""Fixtures, and the marker of the tests that use them."""


def pytest_configure():
    """Remove cache entries that a killed process left empty; JAX would never rewrite them."""
    programs = os.environ["JAX_COMPILATION_CACHE_DIR"]
    if programs and "PYTEST_XDIST_WORKER" not in os.environ:
        for program in Path(programs).glob("*-cache"):
            with suppress(FileNotFoundError):
                if program.stat().st_size == 0:
                    program.unlink()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark the tests by the fixtures that they use, and run the longest files first, so that the
    processes of a parallel run end together."""
    for item in items:
        for fixture, marker in MARKERS.items():
            if fixture in item.fixturenames:
                item.add_marker(marker)
    items.sort(key=lambda item: not item.path.stem.startswith(LONGEST))


def pytest_collection_finish():
    """Collect garbage less often, and never look again at the imported modules: tracing makes many
    small objects, and collecting took a sixth of the time of tests that compile."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 10)


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory) -> Path:
    """A data root with the training data of the tiny models and the recipe `tiny.toml`."""
    root = tmp_path_factory.mktemp("data")
    tiny_models.write_data(root)
    (root / "tiny.toml").write_text(tiny_models.RECIPES["tiny"])
    return root


def shared(factory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that one process of a parallel run fills and all of them read."""
    root = factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = root / f"shared-{name}"
    with FileLock(root / f"{name}.lock"):
        if not (folder / "done").exists():
            folder.mkdir()
            make(folder)
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> Path:
    """The directory of a complete training run of the tiny classifier."""
    root = shared(tmp_path_factory, "tiny", lambda root: tiny_models.train("tiny", root))
    return root / "tiny"


@pytest.fixture(scope="session")
def fresh_bundle(tiny_run) -> Path:
    """The classifier as saved by the present code, for tests of saving."""
    return tiny_run / "bundle"


@pytest.fixture(scope="session")
def tiny_bundle() -> Path:
    """A classifier of friendly and hostile sentences. Committed: copy it before a change."""
    return tiny_models.BUNDLES / "tiny"


@pytest.fixture(scope="session")
def tag_bundle() -> Path:
    """A tagger of people and towns. Committed: copy it before a change."""
    return tiny_models.BUNDLES / "tiny-tag"


@pytest.fixture(scope="session")
def translate_bundle() -> Path:
    """A translator that reverses the words of a sentence. Committed: copy it before a change."""
    return tiny_models.BUNDLES / "tiny-translate"


@pytest.fixture(scope="session")
def generate_bundle() -> Path:
    """A language model of eight made-up words. Committed: copy it before a change."""
    return tiny_models.BUNDLES / "tiny-generate"


@pytest.fixture(scope="session")
def language_bundle() -> Path:
    """A classifier of four languages and none, named language-id. Committed: copy it before a
    change."""
    return tiny_models.BUNDLES / "tiny-language"


@pytest.fixture(scope="session")
def warm_predictor(tiny_bundle):
    """A predictor that keeps the programs that earlier tests compiled."""
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


@pytest.fixture(scope="session")
def detector(language_bundle):
    return ready(language_bundle)


@pytest.fixture
def generate_context(context, generator):
    """A service context with the tiny classifier and the tiny generator."""
    context.models.add(generator)
    return context


@pytest.fixture
def translate_context(context, translator):
    """A service context with the tiny classifier and the tiny translator."""
    context.models.add(translator)
    return context


@pytest.fixture
def detect_context(translate_context, detector):
    """A service context with the tiny classifier, translator and detector of languages."""
    translate_context.models.add(detector)
    return translate_context


@pytest.fixture
def tag_context(context, tagger):
    """A service context with the tiny classifier and the tiny tagger."""
    context.models.add(tagger)
    return context


@pytest.fixture
def make_context(served):
    """Makes service contexts with the tiny classifier, given settings."""
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
    """Copies a bundle into one with batches of one row, so that its server compiles little."""

    def copy(bundle: Path) -> Path:
        folder = tmp_path_factory.mktemp("few") / "bundle"
        shutil.copytree(bundle, folder)
        info = json.loads((folder / "bundle.json").read_text())
        info["limits"]["rows"] = 1
        (folder / "bundle.json").write_text(json.dumps(info))
        return folder

    return copy


@pytest.fixture(scope="session")
def server(tiny_bundle, tag_bundle, translate_bundle, generate_bundle, language_bundle, few_shapes):
    """A server process with the tiny models."""
    from support.server import serving

    trained = (tiny_bundle, tag_bundle, translate_bundle, generate_bundle, language_bundle)
    bundles = [few_shapes(bundle) for bundle in trained]
    with serving(*(part for name in bundles for part in ("--models", str(name)))) as server:
        yield server


@pytest.fixture(scope="module")
def browser(server):
    """Chromium. It starts after the server: Playwright occupies the event loop of this thread."""
    from support.browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser, server):
    """A visit to the playground of the server."""
    from support.browser import Visit

    visit = Visit(browser, server.url)
    yield visit
    visit.close()

# Each target performs its own set-up; a second run starts in seconds.
# The only requirement is python3 (3.11 or newer). With a C++ compiler, the native library is built.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: serve install test quick test-isa test-bundles mutants kills coverage lint format bench clean

serve: $(VENV)/.service
	$(BIN)/textrnn serve

# The textrnn command with all extras that it uses, training included.
install: $(VENV)/.install

PYTEST := pytest --numprocesses 2 --dist worksteal --durations 30

# Compiled programs are kept in .pytest_cache, so that a second run is faster.
test: $(VENV)/.test
	$(BIN)/python -m $(PYTEST)

# For the edit loop: no browser, no server processes, no training runs.
quick: $(VENV)/.test
	$(BIN)/python -m pytest -m "not browser and not process and not slow" \
	  --numprocesses 2 --dist worksteal --quiet

# The numerical tests on optimised programs for a smaller instruction set, as on an older processor.
# Fusion emitters are off, as in a predictor: with them, compiling takes half as long again.
ISA := AVX2
NUMERICAL := tests/textrnn/layers tests/textrnn/tasks/tag/test_crf.py \
  tests/textrnn/tasks/translate/test_beam_search.py \
  tests/textrnn/tasks/generate/test_steps.py tests/textrnn/tasks/generate/test_sampling.py
test-isa: $(VENV)/.test
	TEXTRNN_ISA=avx2 \
	XLA_FLAGS="$$XLA_FLAGS --xla_cpu_max_isa=$(ISA) --xla_cpu_use_fusion_emitters=false" \
	  $(BIN)/python -m pytest --numprocesses 2 --dist worksteal --quiet -m "not portable" $(NUMERICAL)

# Retrain the tiny models in tests/data/bundles after a change of their recipes.
test-bundles: $(VENV)/.test
	rm -rf $(VENV)/tiny-models && mkdir $(VENV)/tiny-models
	PYTHONPATH=tests:. JAX_PLATFORMS=cpu $(BIN)/python -m support.tiny_models $(VENV)/tiny-models

# Check that the suite notices bugs that are planted in the core.
mutants: $(VENV)/.test
	$(BIN)/python tests/mutants.py

# Kill scoring jobs at random moments, and compare what they write when they are resumed.
kills: $(VENV)/.test
	PYTHONPATH=tests JAX_PLATFORMS=cpu $(BIN)/python tests/kills.py

# The whole suite with a report of code coverage.
coverage: $(VENV)/.test
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m $(PYTEST)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python .ci/audit.py

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The documentation, into site/. Warnings are errors.
.PHONY: docs
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .pytest_cache build textrnn/native/libtextrnn.so

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "textrnn needs Python 3.11 or newer; found $$($(PYTHON) --version). Set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The editable installation compiles the native library, so it is repeated after a change of its
# sources. Without isolation, the build uses pinned tools and the installed jaxlib.
NATIVE := $(shell find textrnn/native -name '*.cc' -o -name '*.h' -o -name '*.map' -o -name 'CMakeLists.txt' -o -name build.py)
$(VENV)/.editable: $(VENV)/bin/python pyproject.toml constraints.txt $(NATIVE)
	$(INSTALL) hatchling jaxlib cmake ninja
	$(INSTALL) --no-build-isolation --no-deps --editable .
	touch $@

# The package is installed already; these install what it depends on.
$(VENV)/.service: $(VENV)/.editable
	$(INSTALL) 'textrnn[service]'
	@$(BIN)/textrnn --version
	touch $@

$(VENV)/.install: $(VENV)/.editable
	$(INSTALL) 'textrnn[service,training]'
	@$(BIN)/textrnn --version
	touch $@ $(VENV)/.service

$(VENV)/.test: $(VENV)/.editable
	$(INSTALL) 'textrnn[service,training,ray,mlflow,test]'
	@$(BIN)/textrnn --version
	touch $@ $(VENV)/.install $(VENV)/.service

$(VENV)/.docs: $(VENV)/.editable
	$(INSTALL) 'textrnn[service,training,docs]'
	touch $@

$(VENV)/.bench: $(VENV)/.test
	$(INSTALL) 'textrnn[service,training,ray,test,bench]'
	touch $@

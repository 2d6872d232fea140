# Each target does all of its own set-up; a second run starts in seconds.
# It needs python3 (3.11 or newer) and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: serve test coverage install lint format bench clean

serve: $(VENV)/.service
	$(BIN)/textrnn serve

# What the textrnn command needs for all that it does, training too.
install: $(VENV)/.install

PYTEST := pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 30

test: $(VENV)/.test
	$(BIN)/python -m $(PYTEST)

# The same, and how much of the code it comes by.
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
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "textrnn needs Python 3.11 or newer; found $$($(PYTHON) --version). Set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.service: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[service]'
	touch $@

$(VENV)/.install: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[service,training]'
	touch $@ $(VENV)/.service

$(VENV)/.test: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[service,training,ray,test]'
	touch $@ $(VENV)/.install $(VENV)/.service

$(VENV)/.docs: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) --editable '.[service,training,docs]'
	touch $@

$(VENV)/.bench: $(VENV)/.test
	$(INSTALL) --editable '.[service,training,ray,test,bench]'
	touch $@

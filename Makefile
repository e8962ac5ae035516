# Start with `make demo` and `make test`; both prepare .venv first.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
WITH_SPARK := .[dev,spark]
# Else each process that a test starts compiles the package again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all test-python chaos mutants test-ui test-spark check docs tutorial notebooks gallery sbom pins clean

demo: .venv/.demo
	$(BIN)/cltv demo

test: .venv/.dev
	$(BIN)/pytest -n auto --dist loadfile

# All tests, with the long ones and every case, as in CI.
test-all: .venv/.dev
	$(BIN)/pytest -n auto --dist loadfile -m "not slow and not spark"

# The built wheel under another Python with the newest libraries: a training, scores and some quick tests. Reports it if
# the machine has no such Python.
VERSION ?= 3.13
test-python:
	@.ci/python $(VERSION) || test $$? = 3

# Kills, damaged files and invalid requests for twenty minutes; docs/reference/reliability.md shows the results.
chaos: .venv/.dev
	$(BIN)/python -m tests.chaos --minutes 20 --seed 1

# A short mutation run over metrics, windows, likelihoods and decisions: prints the changes that no test detects.
mutants: .venv/.dev
	$(BIN)/python -m tests.mutants

# Browser tests of a training in the MLflow UI (they need chromium or google-chrome, else they are skipped).
test-ui: .venv/.dev
	$(BIN)/pytest -m slow tests/integration/test_ui_browser.py

# Tests of features and scores on Spark (they need Java).
test-spark: .venv/.spark
	$(BIN)/pytest -m spark

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The documentation in site/; a broken link, anchor or docstring is an error.
docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Runs the commands of the tutorial and writes their output into the page.
tutorial: .venv/.dev
	$(BIN)/python docs/run_tutorial.py

# Runs the notebooks and writes their pages with the outputs.
notebooks: .venv/.dev
	$(BIN)/python docs/run_notebooks.py

# Draws every figure of the documentation, from a training on a simulated shop.
gallery: .venv/.dev
	$(BIN)/python docs/draw_gallery.py

# Packages of an installation with their licences: dist/sbom.json (CycloneDX) and dist/licences.csv.
sbom: .venv/.demo
	$(BIN)/python deploy/sbom.py dist postgres

# Installation with uv if it is there, else with the standard library's venv and pip.
.venv/.demo: pyproject.toml constraints.txt
	@$(call install,.)
	@touch $@

.venv/.dev: pyproject.toml constraints.txt
	@$(call install,.[dev])
	@touch $@ .venv/.demo

.venv/.spark: pyproject.toml constraints.txt
	@$(call install,$(WITH_SPARK))
	@touch $@ .venv/.dev .venv/.demo

.venv/.docs: pyproject.toml constraints.txt
	@$(call install,.[docs])
	@touch $@ .venv/.demo

define install
set -e; \
if command -v uv >/dev/null 2>&1; then \
  test -x $(BIN)/python || uv venv --quiet --python ">=3.11" .venv; \
  uv pip install --quiet --compile-bytecode --python .venv -c constraints.txt -e "$(1)"; \
else \
  test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { \
    echo "make: $(PYTHON) cannot make a virtual environment; install uv, or on Debian: apt-get install python3-venv"; exit 2; }; \
  $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
    echo "make: Python 3.11 or newer is needed; name one: make PYTHON=python3.12 ..."; exit 2; }; \
  $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e "$(1)"; \
fi
endef

# Rewrites the exact pins from pyproject.toml.
pins:
	uv pip compile pyproject.toml --all-extras --python-version 3.11 --upgrade --quiet \
	  --no-header --no-annotate -o constraints.txt
	$(MAKE) conda.yaml

# The package's own dependencies with their pins; everything goes under pip, which conda and uv both read.
conda.yaml: pyproject.toml constraints.txt
	@{ printf '%s\n' 'name: cltv_ml' 'channels:' '  - conda-forge' '  - nodefaults' \
	  'dependencies:' '  - python=3.11' '  - pip' '  - pip:'; \
	  sed -n '/^dependencies = \[/,/^\]/s/^ *"\([A-Za-z0-9_-]*\).*/\1/p' pyproject.toml \
	  | while read -r name; do grep "^$$name==" constraints.txt; done | sed 's/^/      - /'; } > $@

clean:
	rm -rf .venv out mlruns mlflow.db* .pytest_cache .mypy_cache .ruff_cache

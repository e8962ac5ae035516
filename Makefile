# `make demo` and `make test` are all a newcomer needs; both prepare .venv first.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
WITH_SPARK := .[dev,spark]

.PHONY: demo test test-all test-python chaos mutants test-ui test-spark check docs tutorial notebooks gallery sbom pins clean

demo: .venv/.demo
	$(BIN)/cltv demo

test: .venv/.dev
	$(BIN)/pytest -n auto --dist loadfile

# Also the long tests, and every case of every test, as CI does.
test-all: .venv/.dev
	$(BIN)/pytest -n auto --dist loadfile -m "not slow and not spark"

# The built wheel under another Python with the newest libraries: a training, scores and some quick tests. Says so where
# the machine has no such Python.
VERSION ?= 3.13
test-python:
	@.ci/python $(VERSION) || test $$? = 3

# Kills, damaged files and nonsense for twenty minutes; docs/reference/reliability.md holds a table of it.
chaos: .venv/.dev
	$(BIN)/python -m tests.chaos --minutes 20 --seed 1

# A short mutation run over metrics, windows, likelihoods and decisions: prints the changes that no test notices.
mutants: .venv/.dev
	$(BIN)/python -m tests.mutants

# What the MLflow UI shows of a training (needs chromium or google-chrome, else it is skipped).
test-ui: .venv/.dev
	$(BIN)/pytest -m slow tests/integration/test_ui_browser.py

# The same features and scores on Spark (needs Java).
test-spark: .venv/.spark
	$(BIN)/pytest -m spark

check: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The documentation in site/, checked: a broken link, anchor or docstring fails it.
docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Follows the tutorial word by word and writes what its commands print into the page.
tutorial: .venv/.dev
	$(BIN)/python docs/run_tutorial.py

# Runs the notebooks and writes their pages with what they show.
notebooks: .venv/.dev
	$(BIN)/python docs/run_notebooks.py

# Draws every figure for its page, from a training on a simulated shop.
gallery: .venv/.dev
	$(BIN)/python docs/draw_gallery.py

# What the package is made of, with licences: dist/sbom.json (CycloneDX) and dist/licences.csv.
sbom: .venv/.demo
	$(BIN)/python deploy/sbom.py dist postgres

# One install recipe: uv when it is there, else the standard library's venv and pip.
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

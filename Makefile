# Two words a newcomer needs: `make run` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest

# Hundreds of processes are started by the tests; none of them need compile what another has compiled.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run install extras dev system lint check slow test bench soak screenshots

run: install
	$(BIN)/streamlit run streamlit_app.py

install: .venv/installed
extras: .venv/installed-extras .venv/installed-browser-runtime
dev: .venv/installed-dev .venv/installed-browser-runtime

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Thaw needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 run"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/installed-extras: requirements-extras.txt .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-extras.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt requirements-extras.txt .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# What a page exported for a browser computes with. Without npm, or if it cannot be fetched, such a page loads it itself.
.venv/installed-browser-runtime: dashboard/core/browser_runtime.py .venv/installed
	@! command -v npm >/dev/null || { $(BIN)/python -m dashboard.core.browser_runtime && touch $@; } || true

# The browser tests drive Debian's chromium; `plot_model` draws through graphviz; PostgreSQL is a database to test with.
system:
	@./.ci/system-packages

lint: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint
	$(PYTEST) -n 3 --dist loadfile -m "not slow and not soak"

slow: dev
	$(PYTEST) -n 3 --dist loadfile --no-loadscope-reorder -m "slow and not soak"

test: dev system lint
	$(PYTEST) -n 4 --dist loadfile --no-loadscope-reorder -m "not soak"

bench: dev
	$(BIN)/python -m benchmarks

soak: dev
	$(PYTEST) -m soak

screenshots: dev
	$(BIN)/python docs/screenshots.py

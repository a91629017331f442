# Kroniek: python3 (3.11 or newer) and make are all that a machine needs.

VENV := .venv
PYTHON := $(VENV)/bin/python
# The environment belongs to the contents of these files; another content, another stamp.
STAMP := $(VENV)/set-up-$(shell cat requirements-dev.lock pyproject.toml 2>/dev/null | cksum | cut -d ' ' -f 1)
PIP := $(PYTHON) -m pip --disable-pip-version-check --no-input
COMPILE = uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-header --no-annotate -p 3.11 $(LOCK_FLAGS)

PROCESSES ?= auto

.DEFAULT_GOAL := help
.PHONY: help setup install demo test quick torture fuzz lint parts bench lock clean

help:
	@echo "make demo    set up, fill a platform with a sample history and serve it on this machine"
	@echo "make test    everything that must hold: lint, types, walls and all tests (PROCESSES=N in so many processes)"
	@echo "make quick   within a minute: what needs no database, and one file of each room that has one"
	@echo "make torture kill, cut off and starve the log for half an hour, then run the long suites at their full length"
	@echo "             (TORTURE_FLAGS=--seed=N for the same seed)"
	@echo "make fuzz    ten thousand random requests (FUZZ_FLAGS=--seed=N for the same ones)"
	@echo "make setup   make .venv from the lock (make demo and make test do so themselves)"
	@echo "make lint    ruff, mypy and the import contracts only"
	@echo "make bench   measure everything, for an hour (one thing: .venv/bin/python -m benchmarks.graphql --quick)"
	@echo "make lock    resolve the dependencies again (LOCK_FLAGS=--upgrade for newer versions)"
	@echo "make clean   remove .venv and caches; the data in .kroniek stay"

setup:
	@if [ -e "$(STAMP)" ] && "$(PYTHON)" -c "" 2>/dev/null; then :; else $(MAKE) --no-print-directory install; fi

install:
	@set -eu; \
	for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found="$$candidate"; break; fi; \
	done; \
	if [ -z "$${found:-}" ]; then \
		echo "Kroniek needs Python 3.11 or newer; found: $$(python3 --version 2>&1 || true). Install one and try again." >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$("$$found" --version) has no venv module. On Debian and Ubuntu: sudo apt-get install python3-venv" >&2; exit 1; \
	fi; \
	echo "[1/3] Environment in $(VENV) with $$("$$found" --version)"; \
	"$(PYTHON)" -m pip --version >/dev/null 2>&1 || { rm -rf "$(VENV)"; "$$found" -m venv "$(VENV)"; }; \
	rm -f $(VENV)/set-up-*
	@echo "[2/3] Dependencies from requirements-dev.lock, checked against their hashes"
	@$(PIP) install --require-hashes --no-deps --requirement requirements-dev.lock
	@echo "[3/3] Kroniek itself"
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch "$(STAMP)"

demo: setup
	@exec $(VENV)/bin/kroniek demo

# Each process that a test starts would compile all modules again.
test quick: export PYTHONDONTWRITEBYTECODE =

test: setup lint parts
	$(PYTHON) -m pytest --numprocesses=$(PROCESSES) --dist=loadfile --no-loadscope-reorder

quick: setup
	$(PYTHON) -m pytest --quick --numprocesses=$(PROCESSES) --dist=loadfile --no-loadscope-reorder

torture: setup
	@$(PYTHON) -m tests.parts --long
	$(PYTHON) -m tests.torture $(TORTURE_FLAGS)
	$(PYTHON) -m pytest --long -m long --timeout=3600

fuzz: setup
	$(PYTHON) -m tests.fuzz $(FUZZ_FLAGS)

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

parts: setup
	@$(PYTHON) -m tests.parts

bench: setup
	$(PYTHON) -m benchmarks

lock:
	@set -eu; \
	tools="$$(mktemp -d)"; trap 'rm -rf "$$tools"' EXIT; \
	python3 -m venv "$$tools"; \
	"$$tools/bin/pip" --disable-pip-version-check install --quiet uv; \
	PATH="$$tools/bin:$$PATH"; \
	$(COMPILE) --output-file requirements.lock; \
	$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock; \
	if grep -n '://' requirements.lock requirements-dev.lock; then echo "A lock names a download address." >&2; exit 1; fi

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

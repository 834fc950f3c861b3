# make demo      a running mesh with finance-api and PostgreSQL inside, on this machine
# make demo-down nothing of it left
# make install   set-up only      make test   all tests      make check  ruff, mypy, import-linter
# make bench     measure          make wheel  the wheel      make conformance TABLE=validate
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
TEJER_ARGS ?=
DIR ?= ../shared/conformance
TABLE ?= validate

.PHONY: help install install-dev demo demo-down test test-unit fuzz test-deps check format lock web wheel bench conformance clean

help:
	@sed -n 's/^# //p' Makefile

$(VENV)/.runtime: requirements.lock pyproject.toml scripts/bootstrap.sh
	@scripts/bootstrap.sh $(VENV) requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml scripts/bootstrap.sh
	@scripts/bootstrap.sh $(VENV) requirements-dev.lock
	@touch $@ $(VENV)/.runtime

install: $(VENV)/.runtime
	@echo "Installed. Try: $(BIN)/tejer up, or make demo"

install-dev: $(VENV)/.dev

demo: $(VENV)/.runtime
	@$(BIN)/tejer demo $(TEJER_ARGS)

demo-down: $(VENV)/.runtime
	@$(BIN)/tejer down

# What only tests need and pip cannot give. Needs root (or sudo) and apt.
test-deps:
	@scripts/test_deps.sh

test: $(VENV)/.dev
	$(BIN)/pytest

# Until it is stopped: FUZZ=yaml|protobuf|admission. `make test` has a few seconds of each.
FUZZ ?= yaml
fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.fuzz.run $(FUZZ) --atheris

test-unit: $(VENV)/.dev
	$(BIN)/pytest tests/unit

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy apps/finance-api
	cd tests/e2e/apps && ../../../$(BIN)/mypy --config-file ../../../pyproject.toml workload.py
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Runtime first; the tests' lock holds the same versions and more.
lock: $(VENV)/.dev
	scripts/lock.sh $(VENV)

# The pages' bundle for the wheel. Needs Node; a checkout and an installed wheel need none.
web: $(VENV)/.dev
	@PYTHON=$(BIN)/python scripts/build_web.sh

wheel: $(VENV)/.dev web
	$(BIN)/uv build --wheel --out-dir dist

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks

conformance: $(VENV)/.dev
	$(BIN)/python -m tests.conformance.run $(TABLE) --dir $(DIR) $(if $(ANSWERS),--answers $(ANSWERS))

clean:
	rm -rf dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

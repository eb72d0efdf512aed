# make demo   see it decide on a real clip          make test    everything that must hold
# make setup  what both do first                    make check   lint and types
# make bench  measure                               make engine  tests against a real serving engine
# make wheel  build, install into an empty environment, import every module

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOG := $(VENV)/install.log
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Says what is done and how long it took; the whole output is in the log.
step = @printf '  %-58s' "$(1)"; began=$$(date +%s); \
	if { $(2); } >>$(LOG) 2>&1; then echo "$$(($$(date +%s) - began)) s"; \
	else echo "failed"; tail -n 20 $(LOG); exit 1; fi

.PHONY: setup demo test check bench engine wheel clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# //p' Makefile

setup: $(VENV)/.core

$(VENV)/.python:
	@echo "Setting up $(VENV) with $$($(PYTHON) --version):"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Onlooker needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@mkdir -p $(VENV)
	$(call step,a virtual environment,$(PYTHON) -m venv $(VENV))
	@touch $@

$(VENV)/.core: $(VENV)/.python pyproject.toml
	$(call step,onlooker with numpy$(COMMA) PyAV$(COMMA) pydantic$(COMMA) httpx$(COMMA) rich,$(BIN)/pip install -e .)
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(call step,pytest$(COMMA) hypothesis$(COMMA) ruff$(COMMA) mypy and the extras under test,$(BIN)/pip install -e '.[dev$(COMMA)brain$(COMMA)data$(COMMA)encrypted$(COMMA)memory$(COMMA)scenes$(COMMA)speech$(COMMA)train]')
	@touch $@

COMMA := ,

demo: setup
	@$(BIN)/onlooker demo

test: $(VENV)/.dev
	@$(BIN)/pytest -n auto --dist loadfile

check: $(VENV)/.dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

bench: $(VENV)/.dev
	@for question in tick streams start memory brain perception memory_recall speech; do \
		echo "# $$question"; $(BIN)/python -m bench.$$question || exit 1; done

engine: $(VENV)/.dev
	@$(BIN)/python tests/engine/install.py
	@$(BIN)/pytest tests/engine -m slow

wheel: $(VENV)/.dev
	@$(BIN)/python .ci/check_wheel.py

clean:
	rm -rf $(VENV) .venv-engine dist build .mypy_cache .ruff_cache .pytest_cache

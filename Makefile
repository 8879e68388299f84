# The commands of this repository. `make` alone explains them; each one sets up what it needs first.

# The machine's own Python, 3.8 or newer, only to set up. It is tried, not believed: a version manager's shims are on the
# PATH also for versions that are not installed.
PYTHONS = python3 /usr/bin/python3 /usr/local/bin/python3 /opt/homebrew/bin/python3 python \
	$(wildcard $(HOME)/.pyenv/versions/*/bin/python3)
UV = .boot/uv
BIN = .venv/bin
# make demo DATA=path
DATA ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench fix clean

help: ## Show this
	@echo "Fenxiao: tiers for every product, and who should sell what. Start with: make demo"
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Each target sets up what it needs, in .boot and .venv of this directory. Kafka and PostgreSQL come from"
	@echo "FENXIAO_KAFKA_BOOTSTRAP_SERVERS and FENXIAO_POSTGRES_DSN if set, from Docker if it answers, or else as local"
	@echo "processes (which needs Java 17 and Maven once; downloads are kept in FENXIAO_CACHE_DIR)."

setup: ## Find a Python, install uv and all packages into this directory; quick when done before
	@for python in $(PYTHONS); do \
		if $$python -I -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then \
			exec $$python tools/bootstrap.py; \
		fi; \
	done; \
	echo "setup: no working Python 3.8 or newer on this machine: install one (Debian: apt-get install python3-venv)" >&2; \
	exit 1

demo: setup ## Show the whole platform at work on made-up data, or on real data: make demo DATA=path
	@$(BIN)/fenxiao demo $(if $(DATA),--data "$(DATA)")

test: setup ## Run all tests, with a real Kafka and a real PostgreSQL
	@$(BIN)/python -m pytest

check: setup ## Check format, lint, types, import contracts and the lock file
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(UV) lock --check --quiet --python $(BIN)/python

bench: setup ## Measure on a small load; the numbers go to reports/
	@$(BIN)/fenxiao bench all --small

fix: setup ## Format, and mend what can be mended by itself
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

clean: ## Remove everything that was made here; downloads in the user's cache stay
	@rm -rf .venv .boot .fenxiao .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache reports dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

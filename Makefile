# make lab     prepare this machine and open the first lab     (LAB_OPEN=0: run it headless and end)
# make test    prepare this machine, lint, run the tests       (make test-long: the slow ones too)
# make docs    build the labs and the documentation as a book to browse
# make benchmark   measure the engine beside nginx             (docs/performance.md)
# LAB_SANDBOX=docker|process chooses the sandbox; without it the best one to be had is taken.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SANDBOX := $(if $(LAB_SANDBOX),--sandbox $(LAB_SANDBOX))
UV := $(BIN)/uv
INSTALL := --constraint constraints.txt --group dev --editable .

.PHONY: help setup with-pip lab test test-long docs benchmark lint format constraints clean
.DEFAULT_GOAL := help
.NOTPARALLEL:

help:
	@sed -n 's/^# //p' Makefile

setup: $(STAMP)

# uv is quick and comes with the constraints; pip knows the indexes of pip's own configuration, should uv find none.
$(STAMP): pyproject.toml constraints.txt tools/venv.sh
	@tools/venv.sh $(VENV)
	@echo "Installing the package and its tools into $(VENV): half a minute on a good line"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode $(INSTALL) || $(MAKE) --no-print-directory with-pip
	@touch $@

with-pip:
	@echo "uv could not install; trying pip"
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet $(INSTALL)

lab: setup
	$(BIN)/agentcore-lab doctor --fix $(SANDBOX)
	$(BIN)/agentcore-lab up $(SANDBOX) $(if $(filter 0,$(LAB_OPEN)),--headless)

test test-long: setup
	$(BIN)/agentcore-lab doctor --fix --for test $(SANDBOX)
	@$(MAKE) --no-print-directory lint
	$(BIN)/python tools/run_tests.py $(SANDBOX) $(if $(filter test-long,$@),--long) $(PYTEST_ARGS)

# An environment of its own: Sphinx and the AWS CLI, which the tests use, cannot agree on docutils.
BOOK := .venv-docs
docs: setup
	@test -x $(BOOK)/bin/sphinx-build || $(UV) venv --quiet --clear --python $(BIN)/python $(BOOK)
	@$(UV) pip install --quiet --python $(BOOK)/bin/python --constraint constraints-docs.txt --group docs
	@$(BOOK)/bin/python -m tools.book $(BOOK_ARGS)

benchmark: setup
	$(BIN)/python -m benchmarks.relay $(SANDBOX) $(BENCHMARK_ARGS)

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

constraints: setup
	$(UV) pip compile --quiet --universal --upgrade --python-version 3.11 --group dev pyproject.toml \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file constraints.txt
	$(UV) pip compile --quiet --universal --upgrade --python-version 3.11 --group docs \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file constraints-docs.txt

clean:
	rm -rf $(VENV) $(BOOK) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build

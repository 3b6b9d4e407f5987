# Two commands set everything up: `make run` and `make test`.
PYTHON ?= python3
TESTS ?= tests
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := .

.PHONY: run test test-full check bench translations

$(VENV)/run.stamp: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

run: $(VENV)/run.stamp
	$(BIN)/python manage.py start

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest

test-full: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --full $(TESTS)

check: $(VENV)/dev.stamp
	$(BIN)/python -m pip check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/python tests/licences.py

bench: $(VENV)/dev.stamp
	$(BIN)/python -m tests.bench

translations: $(VENV)/dev.stamp
	$(BIN)/python -m translations.compile

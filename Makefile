# Two commands set everything up: `make run` and `make test`.
PYTHON ?= python3
TESTS ?= tests
VENV := .venv
BIN := $(VENV)/bin
export PYTHONPATH := .

.PHONY: run test test-full check bench translations browser peers basis

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

# The browser tests need Debian's chromium and a font with Chinese; they say so where it is absent.
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } || \
	  echo "no chromium here: browser tests will be skipped"

# Interfaces are tested against peers that others wrote; npm's are fetched by the tests themselves.
PEERS := libmodbus-dev pkg-config gcc socat npm mosquitto postgresql mariadb-server
peers:
	@export PATH="$$PATH:/usr/sbin"; { pkg-config --exists libmodbus && command -v socat npm cc mosquitto mariadbd && \
	  ls -d /usr/lib/postgresql/*; } >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PEERS) >/dev/null; } || \
	  echo "no $(PEERS) here: tests against peers of others will be skipped"

# Two files at a time, one on each core; those with few tests are the slow ones and do not wait for the end.
test: $(VENV)/dev.stamp browser peers
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-full: $(VENV)/dev.stamp browser peers
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

# The manual's chapter that states the accounting basis, from the code.
basis: $(VENV)/dev.stamp
	$(BIN)/python -m callbacks.help

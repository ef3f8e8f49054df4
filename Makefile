# Two commands on a fresh machine:
#   make run     the chat page, at the address it prints
#   make test    everything the tests need, a browser included, then the tests
# and the habits: make test-fast (no browser, under two minutes), make check, make format, make clean.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	"$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo "$$name" && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
TORCH := $(shell sed -n 's/^ *"\(torch==[^"]*\)".*/\1/p' pyproject.toml)
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable

.PHONY: run test test-fast check format clean browser
.DEFAULT_GOAL := run

run: $(VENV)/installed
	$(BIN)/assistant ui

test: $(VENV)/installed-for-tests browser
	$(BIN)/python -m pytest

test-fast: $(VENV)/installed-for-tests
	$(BIN)/python -m pytest -m "not browser and not slow"

check: $(VENV)/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/installed-for-tests
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: python3 is not one." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@# On Linux, PyPI's torch brings gigabytes of CUDA; PyTorch's own index has one without.
	@if [ "$$(uname)" = Linux ] && ! command -v nvidia-smi >/dev/null; then \
		echo "Installing $(TORCH) for processors without an NVIDIA GPU"; \
		$(PIP) install --index-url https://download.pytorch.org/whl/cpu --retries 0 --timeout 5 \
			--no-deps $(TORCH) 2>/dev/null \
		|| echo "PyTorch's index does not answer; the default one is used."; \
	fi
	@echo "Installing the rest; this takes a few minutes the first time"
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	$(PIP) install -c constraints.txt -e ".[test]"
	@touch $@

browser: $(VENV)/installed-for-tests
	@for name in $(BROWSERS); do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get -qq update && apt-get -qq install --yes chromium >/dev/null; \
	else \
		$(BIN)/playwright install chromium; \
	fi

# Stratum's commands. Only Python 3.11 or later and make are needed.

PORT ?= 8000
HOST ?= 127.0.0.1
ARGS ?=

# The first Python on this machine that is new enough.
PYTHON := $(shell for python in python3.11 python3.12 python3.13 python3 python3.14; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$python"; break; }; done)
IN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test test-clients test-browser bench lint format clean python venv dev

help:
	@echo "make run [PORT=8000]   start Stratum with a demo workspace; Ctrl-C stops it"
	@echo "make test [ARGS=…]     run the tests"
	@echo "make test-clients      run the tests with real SDKs and real processes"
	@echo "make test-browser      run the tests in a real browser"
	@echo "make bench [ARGS=…]    measure the analytics engine against other databases (half an hour)"
	@echo "make lint              check style, types, templates and the storeys of the house"
	@echo "make format            format Python and templates"
	@echo "make clean             remove .venv, the data in var/ and all caches"

run: venv
	@$(IN)/python manage.py up --host $(HOST) --port $(PORT)

test: dev
	@$(IN)/python -m pytest -n 2 $(ARGS)

test-clients: dev
	@$(IN)/python -m pytest -n 2 -m clients $(ARGS)

test-browser: dev
	@$(IN)/python -m pytest -n 2 -m browser $(ARGS)

bench: venv
	@$(IN)/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore -r requirements-bench.txt -c constraints.txt
	@$(IN)/python -m benchmarks.engine $(ARGS)

lint: dev
	@$(IN)/ruff check .
	@$(IN)/ruff format --check .
	@$(IN)/mypy
	@$(IN)/lint-imports
	@git ls-files -z 'templates/*.html' | xargs -0 --no-run-if-empty $(IN)/djade --target-version 5.2 --check

format: dev
	@$(IN)/ruff check --fix .
	@$(IN)/ruff format .
	@git ls-files -z 'templates/*.html' | xargs -0 --no-run-if-empty $(IN)/djade --target-version 5.2

clean:
	@scripts/clean

venv: python
	@$(PYTHON) scripts/venv.py run

dev: python
	@$(PYTHON) scripts/venv.py dev

python:
	@test -n "$(PYTHON)" || { echo "Stratum needs Python 3.11 or later, and there is none on your PATH." >&2; \
		echo "Install it (Debian: apt install python3 python3-venv; macOS: brew install python@3.11) and try again." >&2; exit 1; }

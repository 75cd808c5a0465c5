# make demo | test | test-fast | coverage | check | site | bench | pins: each works alone, from a clean clone, and offline once installed.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
DEMO_SITE ?= demo-site
# A test file runs in one process, so that fixtures of a file are built once; tests/conftest.py sorts the files.
# More than four processes gain little. Containers often forbid bytecode: each of the processes, and of those that tests
# start, would then compile every module again, for some eight seconds each.
PYTEST := PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: install install-cluster install-test demo test test-fast coverage check bench docs pins site clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt tools/install.sh
	PYTHON=$(PYTHON) sh tools/install.sh $(VENV) run
	touch $@

install-cluster: $(VENV)/.installed-cluster

$(VENV)/.installed-cluster: $(VENV)/.installed
	PYTHON=$(PYTHON) sh tools/install.sh $(VENV) cluster
	touch $@

install-test: $(VENV)/.installed-test

$(VENV)/.installed-test: $(VENV)/.installed
	PYTHON=$(PYTHON) sh tools/install.sh $(VENV) test
	touch $@

demo: install
	$(VENV)/bin/nightshift demo --dir $(DEMO_SITE)

test: install-test
	$(PYTEST)

test-fast: install-test
	$(PYTEST) -m "not slow"

coverage: install-test
	$(PYTEST) --cov --cov-report=term

check: install-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m pytest -q tests/test_architecture.py tests/test_docs.py

docs: install-test
	$(PY) -m tools.generate_docs --write

pins: install-test
	$(PY) -m tools.pins

site: install-test
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --quiet --strict
	@echo "open build/site/index.html"

bench: install-test
	$(PY) -m bench.real

clean:
	rm -rf $(VENV) build *.egg-info demo-site

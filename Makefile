# make demo | make test | make check | make bench: each works alone, from a clean clone, and offline once installed.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
DEMO_SITE ?= demo-site

.PHONY: install install-test demo test check bench docs clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt tools/install.sh
	PYTHON=$(PYTHON) sh tools/install.sh $(VENV) .
	touch $@

install-test: $(VENV)/.installed-test

$(VENV)/.installed-test: $(VENV)/.installed
	PYTHON=$(PYTHON) sh tools/install.sh $(VENV) '.[test]'
	touch $@

demo: install
	$(VENV)/bin/nightshift demo --dir $(DEMO_SITE)

test: install-test
	$(PY) -m pytest --cov --cov-report=term

check: install-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m pytest -q --no-cov tests/test_architecture.py tests/test_docs.py

docs: install-test
	$(PY) -m tools.generate_docs --write

bench: install-test
	$(PY) bench/real.py

clean:
	rm -rf $(VENV) build *.egg-info demo-site

# Both commands set up all they need on a fresh machine: Python 3.11 to 3.13, pip and a network or a wheel cache.
PYTHON ?= python3
VENV ?= .venv
OLDEST ?= .venv-oldest
STUDIO ?= .venv-labelstudio
BIN := $(VENV)/bin

.PHONY: demo test test-slow test-plugins test-oldest coverage lint docs bench clean

demo: $(VENV)/.installed
	$(BIN)/python -m alframe

# Made-up cases are the same in each run here; a plain `pytest` tries new ones.
test: lint
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow" --hypothesis-profile=ci

test-slow: $(VENV)/.tested
	$(BIN)/pytest -m slow

# The slow tests too; those of alframe-labelstudio start a Label Studio.
test-plugins: $(VENV)/.tested $(STUDIO)/.installed
	$(BIN)/python tools/plugin_requirements.py all > $(VENV)/plugin-requirements.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -r $(VENV)/plugin-requirements.txt
	LABEL_STUDIO_COMMAND=$(abspath $(STUDIO))/bin/label-studio $(BIN)/python -m pytest tests/packaging/test_our_plugins.py

# On the lowest versions that pyproject.toml allows. UV_TORCH_BACKEND=cpu installs PyTorch without CUDA.
test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest -n 2 --dist worksteal -m "not slow" --hypothesis-profile=ci

coverage: $(VENV)/.tested
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow" --hypothesis-profile=ci --cov --cov-report=term --cov-report=html

docs: $(VENV)/.tested
	$(BIN)/zensical build --clean --strict

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	touch $@

# What plugins/ need is installed as well; tests/packaging installs the plugins themselves beside the built wheel.
$(VENV)/.tested: $(VENV)/.installed $(wildcard plugins/*/pyproject.toml)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test,docs,lite,sweep,onnx,openvino]"
	$(BIN)/python tools/plugin_requirements.py > $(VENV)/plugin-requirements.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -r $(VENV)/plugin-requirements.txt
	$(BIN)/python tools/plugin_requirements.py wheels > $(VENV)/plugin-wheels.txt
	$(BIN)/python -m pip download --quiet --no-deps --dest $(VENV)/wheels -r $(VENV)/plugin-wheels.txt
	touch $@

# It requires certain versions of many packages, so it has an environment of its own.
$(STUDIO)/.installed:
	$(PYTHON) -m venv $(STUDIO)
	$(STUDIO)/bin/python -m pip install --quiet "label-studio>=1.23"
	touch $@

# What alframe needs is as old as it may be; the tools of the tests are new.
$(OLDEST)/.installed: pyproject.toml
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet uv
	$(OLDEST)/bin/uv pip compile --quiet --resolution lowest-direct pyproject.toml -o $(OLDEST)/oldest.txt
	$(OLDEST)/bin/uv pip install --quiet --python $(OLDEST)/bin/python -c $(OLDEST)/oldest.txt -e ".[test]"
	touch $@

$(VENV)/.bench: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[bench,onnx,openvino]" -e plugins/alframe-hdbscan
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) $(STUDIO) site htmlcov .cache .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

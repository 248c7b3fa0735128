PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Bytecode is kept, whatever the environment says: a run has many processes, and compiling is half of their start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test chaos fuzz check bench requirements clean

demo: $(VENV)/ready  ## The main job on real footage; says where to look.
	$(BIN)/figureground demo --out demo

test: $(VENV)/ready  ## The whole suite.
	$(BIN)/pytest -n 2 --dist loadfile

chaos: $(VENV)/ready  ## The long suites: kills at every failpoint, at random times, on every engine.
	$(BIN)/pytest -m slow -n 2 --dist loadfile --timeout=3600

fuzz: $(VENV)/ready  ## 20,000 mutated media files through the decoder.
	FUZZ_EXAMPLES=20000 $(BIN)/pytest tests/transforms/test_decode_mutations.py --timeout=7200

check: $(VENV)/ready  ## Style, types and layering.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/ready  ## Costs beside their floors; see infra/benchmarks/RESULTS.md.
	$(BIN)/python -m infra.benchmarks.decode_cost
	$(BIN)/python -m infra.benchmarks.curation_cost
	$(BIN)/python -m infra.benchmarks.memory
	$(BIN)/python -m infra.benchmarks.download_cost

$(VENV)/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'figureground needs Python 3.11 or later; say which with: make PYTHON=python3.11 ...'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

requirements: $(VENV)/ready  ## Compile requirements.txt anew from pyproject.toml.
	$(BIN)/uv pip compile pyproject.toml --all-extras --override infra/overrides.txt \
	  --universal --python-version 3.11 --no-header --no-emit-index-url --no-annotate --quiet -o requirements.txt

clean:  ## Remove what `make` made.
	rm -rf demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

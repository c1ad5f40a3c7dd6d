# make env        the environment in .venv, nothing else        make lab     opens JupyterLab: begin with 000_first_look
# make reproduce  trains, and gives the paper's tables  make test    lint, hygiene of the notebooks, tests
# make studies    the other notebooks: flow methods, your own videos, audit, new species; make 03_ablation: that one
# make class      copies of the notebooks without solutions and outputs, in class/
# make site       the reports as pages to read without Jupyter or a network, in site/: open site/index.html
# make test-browser   runs all notebooks in JupyterLab and moves their controls; needs a Chromium (CHROMIUM=path)
# make test-faults  kills, fills disks, flips bits, stops commands: is anything lost? Half an hour; see reports/reliability.md
# make mutants  changes the core line by line: do its tests notice? Takes half an hour
# Each does all its own set-up from Python 3.11 or later, make and the package index; a second call installs nothing.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
# One thread per process: several on busy cores spin. The MALLOC settings keep freed tensors, which saves a tenth of a step.
RUN := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE MALLOC_MMAP_THRESHOLD_=1000000000 MALLOC_TRIM_THRESHOLD_=4000000000
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# The one trap of installation. For Linux the package index has torch only as a CUDA build of several GB, and PyTorch's own
# index has the small CPU build. A machine with an NVIDIA driver takes the first (`===`: exactly this version, no local
# "+cpu" one); any other takes a CPU build where one can be had: from PyTorch's index if it answers, else from pip's own.
TORCH_VERSION := $(shell sed -n 's/^torch==//p' constraints.txt)
CPU_INDEX := https://download.pytorch.org/whl/cpu
ifneq ($(shell command -v nvidia-smi 2>/dev/null),)
TORCH = torch===$(TORCH_VERSION)
else
TORCH = torch==$(TORCH_VERSION) $(shell $(PYTHON) -c "import urllib.request as u; u.urlopen('$(CPU_INDEX)/', timeout=3)" 2>/dev/null && echo --extra-index-url $(CPU_INDEX))
endif

.PHONY: env reproduce studies $(basename $(notdir $(wildcard notebooks/*.ipynb))) test test-browser test-faults mutants lab class site format
env: $(READY)

# An installation that was interrupted starts anew: pip cannot continue from a package without its metadata.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'Python 3.11 or later is needed, this is ' + sys.version.split()[0] + '; name another with make PYTHON=python3.12')"
	$(PYTHON) -m venv $(if $(wildcard $(READY)),,--clear) .venv
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[baselines,nwb,tables,test]'
	@touch $@

SIZE ?= quick
SEEDS ?= 0
reproduce: env
	$(RUN) $(BIN)/python -m amc reproduce tables --size $(SIZE) --seeds $(SEEDS)

studies: env
	$(RUN) $(BIN)/python -m amc reproduce studies --size $(SIZE) --seeds $(SEEDS)

# One notebook, such as `make 03_ablation`, even if nothing has changed.
$(basename $(notdir $(wildcard notebooks/*.ipynb))): env
	$(RUN) $(BIN)/python -m amc reproduce $@ --size $(SIZE) --seeds $(SEEDS)

lab: env
	$(RUN) $(BIN)/jupyter lab notebooks

class: env
	$(BIN)/python -m amc class

site: env
	$(BIN)/python -m amc site

test: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/nbstripout --verify --extra-keys "metadata.papermill cell.metadata.papermill" notebooks/*.ipynb
	$(RUN) $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-faults: env
	$(RUN) $(BIN)/python tests/reliability.py

mutants: env
	$(RUN) $(BIN)/python tests/mutants.py

test-browser: env
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[baselines,nwb,tables,test,browser]'
	$(RUN) $(BIN)/python -m pytest tests/browser

format: env
	$(BIN)/ruff check --fix-only . && $(BIN)/ruff format .
	$(BIN)/nbstripout --extra-keys "metadata.papermill cell.metadata.papermill" notebooks/*.ipynb

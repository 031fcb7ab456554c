# Every target sets up .venv by itself when it is missing or older than the lock file. Nothing is needed but Python >= 3.11, make and a package index.
PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
READY  := $(VENV)/.ready
DATA   := $${DYNODE_DATA:-data}
# Batch systems and stores for the tests, unpacked by make test-batch; what is absent is skipped with the reason.
export DYNODE_TEST_SERVERS ?= $(abspath $(wildcard .test_servers))

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-batch lint bench schema lock clean

help:
	@echo "make demo    generate example data, run the analyses, leave figures in outputs/"
	@echo "make test    run every test (of slow studies the small version)"
	@echo "make test-slow  the full-size studies"
	@echo "make test-batch  tests with a real Slurm, HTCondor, S3 and XRootD on this machine (Debian packages, only unpacked)"
	@echo "make lint    ruff and mypy"
	@echo "make bench   benchmarks (ratios against the slow way, in one run)"
	@echo "make schema  write configs/schema.json for editors"
	@echo "make lock    renew requirements.lock and environment.yml (needs uv)"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else f"Dynode needs Python >= 3.11, {sys.executable} is {sys.version.split()[0]}; call make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)
	$(RUN) run_analysis.py configs/diffuse_example.yaml
	$(RUN) run_analysis.py configs/diffuse_joint_example.yaml
	$(RUN) run_analysis.py configs/diffuse_bootcamp_example.yaml
	$(RUN) run_analysis.py configs/iwcd_example.yaml
	$(RUN) run_analysis.py configs/pmt_gain_example.yaml
	$(RUN) run_analysis.py configs/dark_matter_example.yaml
	$(RUN) run_analysis.py configs/stopping_muons_example.yaml
	@if [ -f "$(DATA)/hese/HESE_data.json" ] && [ -d "$(DATA)/hese/splines" ]; then \
	    echo "$(RUN) run_analysis.py configs/diffuse.yaml"; $(RUN) run_analysis.py configs/diffuse.yaml; \
	else \
	    echo "The 102 real IceCube events are not in $(DATA)/hese; 'python run_analysis.py configs/diffuse.yaml' downloads and fits them."; \
	fi
	@echo "Figures:"; ls outputs/*/figures/*.png

test: $(READY)
	$(RUN) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: $(READY)
	$(RUN) -m pytest -m slow

test-batch: $(READY)
	@for server in slurm xrootd htcondor; do tests/servers/fetch.sh .test_servers $$server || true; done
	DYNODE_TEST_SERVERS=$(abspath .test_servers) $(RUN) -m pytest -m servers

lint: $(READY)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

bench: $(READY)
	$(RUN) -m pytest tests/bench -o python_files='bench_*.py' --benchmark-only --benchmark-group-by=group --benchmark-columns=min,median,rounds

schema: $(READY)
	$(RUN) -m configs.schema

lock:
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock
	@{ printf '%s\n' '# The versions of requirements.lock for conda users; written by make lock.' 'name: dynode' 'channels: [conda-forge]' 'dependencies:' '  - python>=3.11,<3.14' '  - make' '  - pip' '  - pip:'; \
	   sed -n 's/^\([A-Za-z0-9_.-]*==[^\\]*[^\\ ]\) *\\$$/      - "\1"/p' requirements.lock; } > environment.yml

clean:
	rm -rf $(VENV) outputs build dist *.egg-info

# Each target sets up what it needs; the second time it works offline.
VENV ?= .venv
export VENV
PY = $(VENV)/bin/python

.PHONY: demo test test-all lint bench bench-full guard library chains figures clean

demo:
	@bash scripts/setup.sh spice,music
	$(PY) -m neuromorph demo --out out/demo

test:
	@bash scripts/setup.sh spice,music,test
	OMP_NUM_THREADS=1 $(PY) -m pytest -m "not slow" -n auto --maxprocesses 4 --dist loadfile

test-all:
	@bash scripts/setup.sh spice,music,test
	OMP_NUM_THREADS=1 $(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile

lint:
	@bash scripts/setup.sh spice,music,test,lint
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# speed, quickly, nothing recorded: the four workloads beside Brian2, which it installs for itself; under ten minutes
bench:
	@bash scripts/setup.sh spice,music
	sh benchmarks/peers/setup.sh brian2
	for w in w1 w2 w3 w4; do $(PY) benchmarks/vs_peers.py $$w --quick || exit 1; done
	$(PY) benchmarks/guard.py

# every figure of docs/performance.md, and what else is about time; two hours
bench-full:
	@bash scripts/setup.sh spice,music
	sh benchmarks/peers/setup.sh
	$(PY) benchmarks/startup.py
	$(PY) benchmarks/growth.py
	$(PY) benchmarks/roofline.py
	$(PY) benchmarks/streams.py
	for w in w1 w2 w3 w3x2 w3x4 w4 w4x2; do $(PY) benchmarks/vs_peers.py $$w || exit 1; done
	$(PY) benchmarks/simulator_speed.py
	$(PY) benchmarks/simulator_speed.py --cells 256
	$(PY) benchmarks/music_profile.py
	$(PY) benchmarks/eligibility.py cost
	$(PY) benchmarks/speed_plot.py
	$(PY) benchmarks/guard.py --record
	$(PY) benchmarks/spice_speed.py
	$(PY) benchmarks/chain.py
	$(PY) benchmarks/kill_nine.py
	$(PY) -m neuromorph verify --json benchmarks/results/fidelity.json

# has a change made the music network slower than the last release? ratios, not seconds
guard:
	@bash scripts/setup.sh spice,music
	$(PY) benchmarks/guard.py

# measure and fit the shipped reference library again
library:
	@bash scripts/setup.sh spice,music
	$(PY) -m neuromorph characterize --library neuromorph/data/library
	$(PY) -m neuromorph fit --library neuromorph/data/library

# run the chains of blocks, draw them, write docs/chains.md; minutes
chains:
	@bash scripts/setup.sh spice,music
	$(PY) scripts/chains.py

# rewrite the tables of README and docs from benchmarks/results, and the pages of docs/circuits
figures:
	$(PY) scripts/figures.py
	$(PY) scripts/circuit_pages.py

clean:
	rm -rf out runs build dist .pytest_cache .ruff_cache .mypy_cache

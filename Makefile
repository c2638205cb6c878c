# `make` says what there is. Every target does its own set-up in .venv.
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
export VENV
# Where Debian hides the programs of a database server that some tests start.
POSTGRES := $(lastword $(sort $(wildcard /usr/lib/postgresql/*/bin)))
# One process at a time gets the cores it needs by its own settings; libraries do not start a thread per core on top.
export OMP_NUM_THREADS ?= 1

# Tests wait for servers more than they compute: two files at once take the time of one.
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: $(shell sed -nE 's/^([a-z-]+):.*\#\#.*/\1/p' $(MAKEFILE_LIST))

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | while IFS=$$'\t' read -r name words; do \
	    printf '  make %-14s %s\n' "$$name" "$$words"; done

demo: ## find one digit among 1,797 handwritten ones, labels simulated; LABEL=web: you label, in the browser
	@scripts/environment.sh demo
	@$(BIN)/python -m demo

test: ## install what tests need and run them
	@scripts/environment.sh test
	@scripts/test-extras.sh
	@PATH="$$PATH:$(POSTGRES)" scripts/suite.sh $(JOBS) -m "not long and not compose"

test-exports: ## read our exports with FiftyOne and Label Studio's SDK, in an environment of their own: minutes to install
	@scripts/environment.sh test
	@scripts/test-exports.sh

check: ## style, types, the import rules of the house, the wire, the reference in docs/, the built web page
	@scripts/environment.sh check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/protos -k golden
	$(BIN)/python scripts/reference.py --check
	$(BIN)/python scripts/strategies.py --check
	scripts/web.sh --check

web: ## build the web page anew, after a change in services/labeler/web/frontend
	@scripts/environment.sh check
	@scripts/web.sh

stubs: ## compile the contracts in protos/ to Python, after a change of them
	@scripts/environment.sh demo
	@$(BIN)/python -m protos.compile

docs: ## write docs/configuration.md and docs/strategies.md anew, from the code
	@scripts/environment.sh demo
	@$(BIN)/python scripts/reference.py
	@$(BIN)/python scripts/strategies.py

.PHONY: audit
audit: ## look up known vulnerabilities of every pinned package; needs the package index
	@scripts/environment.sh demo
	@$(BIN)/python -m venv $(VENV)/audit && $(VENV)/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	@$(BIN)/python scripts/audit.py $(VENV)/audit/bin/pip-audit

lock: ## choose the newest versions of all packages anew, and write them to requirements.lock
	@scripts/lock.sh

bench-embed: ## images a second of the embedder, end to end and by stage, and of the original's way: two minutes
	@scripts/environment.sh test
	@$(BIN)/python -m benchmarks.embed

bench-memory: ## the memory of the embedder while it embeds a million small files: ten minutes or more; a million links
	@scripts/environment.sh test
	@$(BIN)/python -m benchmarks.memory

bench-workers: ## how embedding scales from one worker to four, each of which sleeps 20 ms a batch: five minutes
	@scripts/environment.sh test
	@$(BIN)/python -m benchmarks.workers

bench-labels: ## how many labels a rare class takes, seven ways, on five data sets: about half an hour
	@scripts/environment.sh test
	@$(BIN)/python -m benchmarks.labels

bench-pretrain: ## an encoder trained on 10,000 images without labels, against hog and untrained: ten minutes; needs the test data
	@scripts/environment.sh test
	@$(BIN)/python -m benchmarks.pretraining "$${ACTIVE_LABELER_TEST_DATA:-.}/cifar10-test.tar.gz"

bench-noise: ## what 5 % wrong answers cost, with and without second opinions, on five data sets: ten minutes
	@scripts/environment.sh test
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.noise

bench-curated: ## the curated set after 100 labels, and the draw that proves its precision: three minutes
	@scripts/environment.sh test
	@OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.curated

bench-page: ## the web page in a real browser: next image, 600 answers a minute, offline, a million images; 25 minutes
	@scripts/environment.sh test
	@$(BIN)/python -m benchmarks.page

bench-continuous: ## the time from an answer to the new ranking, with 100,000 images: five minutes
	@scripts/environment.sh test
	@$(BIN)/python -m benchmarks.continuous

bench-annotators: ## a hundred scripted annotators for five minutes, the labeler killed every 20 s: what is lost, doubled and late
	@scripts/environment.sh test
	@$(BIN)/python -m benchmarks.annotators

bench-head: ## the logistic head against scikit-learn's: quality and time from 20 to 5,000 labels, a minute
	@scripts/environment.sh test
	@$(BIN)/python -m benchmarks.head

proof: ## the original's files, 10,000 real images, ten rounds of each strategy: about ten minutes; needs the test data
	@scripts/environment.sh test
	@$(BIN)/python -m pytest -m long -s tests/proofs

proof-workers: ## 10,000 images while one of four workers is killed every 2 s, the same vectors as calm: minutes; needs the test data
	@scripts/environment.sh test
	@$(BIN)/python -m pytest -m long -s -rs tests/proofs/test_workers.py

proof-kills: ## whole runs killed at every step, replayed, moved to another database; a training of two killed: a quarter of an hour
	@scripts/environment.sh test
	@scripts/test-extras.sh
	@PATH="$$PATH:$(POSTGRES)" $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile -m long tests/end_to_end tests/trainer tests/benchmarks

fuzz: ## 150,000 calls of random content to the services and the orchestrator, 5,000 requests to the web API: a quarter of an hour
	@scripts/environment.sh test
	@ACTIVE_LABELER_FUZZ_CASES=110 $(BIN)/python -m pytest tests/security/test_web_api.py
	@ACTIVE_LABELER_FUZZ_CALLS=3300 $(BIN)/python -m pytest tests/security/test_hostile_calls.py tests/security/test_hostile_control.py

test-compose: ## build the images, run the stack, compare its end with a run without containers; EXTRAS="otel openvino": these, too
	@scripts/environment.sh test
	@ACTIVE_LABELER_EXTRAS="$(EXTRAS)" $(BIN)/python -m pytest -m compose -rs tests/deployment

clean: ## remove .venv, caches, compiled contracts and the demo's runs
	rm -rf $(VENV) demo-run build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis lightning_logs
	rm -f protos/*_pb2.py protos/*_pb2.pyi protos/*_pb2_grpc.py
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

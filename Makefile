# Everything a checkout needs, from Python 3.11+ and make alone. `make` shows the targets.
PYTHON ?= python3
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

py := .venv/bin/python
pytest := .venv/bin/pytest
stack := $(py) -m hoso_stack

# Python 3.11 reads its path files by the locale: in the C locale a folder with accents would stop it.
export LC_ALL := C.UTF-8
# What speaks to the parts of the stack, on loopback, goes through no proxy.
comma := ,
export NO_PROXY := $(addsuffix $(comma),$(or $(NO_PROXY),$(no_proxy)))127.0.0.1,localhost
export no_proxy := $(NO_PROXY)

.PHONY: help demo up down status logs token sql test test-unit test-contract test-integration test-e2e test-simulation test-faults test-long bench bench-long contracts check lock clean venv

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv:
	@command -v $(firstword $(PYTHON)) >/dev/null || { echo "[hoso] no $(PYTHON) on this machine: install Python 3.11 or newer, or call make with PYTHON=/path/of/it" >&2; exit 1; }
	@$(PYTHON) deploy/local/bootstrap.py

demo: venv ## Carry one dossier from draft to mailbox and telephone, on a stack of its own
	@$(stack) demo

up: venv ## Start the local stack and keep it; addresses and tokens in out/stack.env
	@$(stack) up

down: venv ## End it
	@$(stack) down

status: venv ## Show its parts
	@$(stack) status

logs: venv ## Follow its logs; PART="dossier-worker kafka" for some
	@$(stack) logs $(PART)

token: venv ## Mint a token: PERSON=12 (COUNT=50), or SUB=officer-7 ROLE=officer UNIT=G01.999.901
	@$(if $(PERSON)$(SUB),,echo "[hoso] say for whom: make token PERSON=12, or make token SUB=officer-7 ROLE=officer UNIT=G01.999.901" >&2; exit 1)
	@$(stack) token $(if $(COUNT),--count $(COUNT)) $(if $(PERSON),--person $(PERSON)) $(if $(SUB),--sub $(SUB)) $(if $(ROLE),--role $(ROLE)) \
	  $(if $(UNIT),--unit $(UNIT)) $(if $(AGENCY),--agency $(AGENCY)) $(if $(SECONDS),--seconds $(SECONDS))

sql: venv ## Ask a service's database: SERVICE=dossier Q="SELECT * FROM dead_letters"
	@$(if $(and $(SERVICE),$(Q)),,echo "[hoso] say whom and what: make sql SERVICE=dossier Q='SELECT * FROM dead_letters'" >&2; exit 1)
	@$(stack) sql "$$SERVICE" "$$Q"

test: venv ## All tests but the rolling restarts (test-faults has them), and the checks of `make check`
	@$(pytest) tests --deselect tests/faults/test_rebalances.py

test-unit: venv ## No input and output, seconds
	@$(pytest) tests/unit

test-contract: venv ## Topics, schemas, examples, import law, style, types
	@$(pytest) tests/contract

test-integration: venv ## One service or library on the real parts it uses
	@$(pytest) tests/integration

test-e2e: venv ## Citizen stories on the whole stack
	@$(pytest) tests/e2e

test-simulation: venv ## The chassis on simulated machines, by seeds
	@$(pytest) tests/simulation

test-faults: venv ## Processes, brokers, databases and peers killed, frozen, cut off under stories
	@$(pytest) tests/faults

test-long: venv ## All tests in their long form: more of the same, hours
	@HOSO_TEST_FORM=long $(pytest) tests

bench: venv ## Speed as ratios to a limit, out/bench; NAME="intake relay" for some
	@PYTHONPATH=tests $(py) -m bench $(NAME)

bench-long: venv ## The same with 10^7 dossiers and a backlog of 10^6
	@HOSO_BENCH_DOSSIERS=10000000 HOSO_BENCH_BACKLOG=1000000 PYTHONPATH=tests $(py) -m bench $(NAME)

contracts: venv ## Generate schemas, topics.json, README tables, openapi.json and docs/access.md anew
	@$(py) contracts/tools/generate.py
	@PYTHONPATH=tests $(py) -m support.openapi_documents
	@PYTHONPATH=tests $(py) -m support.access_document

check: venv ## Format, lint, types, import law, documents
	@$(pytest) tests/contract -m law

lock: venv ## Resolve requirements/*.in anew, with hashes
	@$(py) deploy/local/bootstrap.py lock

clean: ## Delete what was made here; the cache stays (see README)
	@if [ -x $(py) ]; then $(stack) down; fi
	@rm -rf .venv out .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

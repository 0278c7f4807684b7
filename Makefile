PYTHON ?= python3.11
BIN := .venv/bin
STREAM := --folder examples/stream --app examples/stream/functions/main.py
EXAMPLE := --folder examples/food_delivery --app examples/food_delivery/functions/main.py \
  --types-file web/views.ts

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint chaos bench bench-coldstart bench-backfill emulators
.PHONY: fuzz docs wheel lock clean generate web stream python pythons example

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: python ## Install all that the other targets need, into this folder only
	@$(PYTHON) scripts/setup.py

demo: setup ## Run the meeting room on the emulators and show its views change
	@$(BIN)/python scripts/demo.py

test: setup ## Run all tests, those on the emulators too (TESTS=folder or file)
	@$(BIN)/pytest $(or $(TESTS),tests emulator_tests)

check: lint ## Lint, check the types and the layers, and run the fast tests
	@$(BIN)/pytest tests

pythons: setup ## Run the fast tests on each other Python, 3.12 to 3.14, that the machine has
	@$(PYTHON) scripts/pythons.py $(TESTS)

lint: setup ## Lint, check the types, the layers and the generated files
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/pyright
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/onto generate --check
	@$(BIN)/onto generate rules indexes types $(EXAMPLE) --check
	@$(BIN)/onto generate $(STREAM) --check

generate: setup ## Write rules, indexes and types from what the apps declare
	@$(BIN)/onto generate
	@$(BIN)/python scripts/template_files.py
	@$(BIN)/onto generate rules indexes types $(EXAMPLE)
	@$(BIN)/onto generate $(STREAM)

chaos: setup ## Run the functions under all faults, and check G1 to G8 (SEED= WRITES= SECONDS= BREAK=)
	@$(BIN)/python -m emulator_tests.chaos $(if $(SEED),--seed $(SEED)) \
	  $(if $(WRITES),--writes $(WRITES)) $(if $(SECONDS),--seconds $(SECONDS)) \
	  $(if $(BREAK),--break $(BREAK))

fuzz: setup ## Check generated declarations, documents and requests on Firestore (SEED= CASES=)
	@$(BIN)/python -m emulator_tests.fuzz $(if $(SEED),--seed $(SEED)) \
	  $(if $(CASES),--cases $(CASES)) $(if $(ONLY),--only $(ONLY)) $(if $(CASE),--case $(CASE))

bench: python ## Compare with hand-written functions and the raw limit (BENCH=name, QUICK=1)
	@$(PYTHON) scripts/setup.py bench
	@$(BIN)/python -c 'import matplotlib' 2>/dev/null || \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements/bench.txt
	@$(BIN)/python benchmarks $(BENCH) $(if $(QUICK),--quick)

bench-coldstart: setup ## Import time and memory of the functions, beside a bare hand-written one
	@$(BIN)/python benchmarks cold_start

bench-backfill: setup ## Backfill 100,000 documents, killed twice, and verify them (DOCUMENTS=)
	@$(BIN)/python benchmarks/backfill.py $(if $(DOCUMENTS),--documents $(DOCUMENTS))

emulators: setup ## Run the meeting room on the emulators, with its sample, until Ctrl-C
	@$(BIN)/onto dev --seed meeting_room.sample:sources

web: setup ## Serve the meeting room's page for `make emulators` on 127.0.0.1:5005 (PORT=, FOLDER=)
	@$(BIN)/python scripts/web.py $(or $(PORT),5005) $(FOLDER)

stream: setup ## Run examples/stream on the emulators, until Ctrl-C; its page: make web FOLDER=examples/stream
	@cd examples/stream && ONTO_FN_FIREBASE=$(CURDIR)/tools/node_modules/.bin/firebase \
	  $(CURDIR)/$(BIN)/onto dev --seed meeting_room.sample:sources

docs: setup ## Write the pages of commands, types and public names from the code
	@$(BIN)/python scripts/command_line_page.py
	@$(BIN)/python scripts/types_page.py
	@$(BIN)/python scripts/public_names_page.py

example: setup ## Copy examples/food_delivery to TO=FOLDER, with the library's wheel
	@$(BIN)/python scripts/example.py $(TO)

wheel: python ## Build the library's wheel into dist/
	@$(PYTHON) scripts/setup.py python
	@$(BIN)/python -m hatchling build --target wheel --directory dist

lock: python ## Pin the newest versions that pyproject.toml allows
	@$(PYTHON) scripts/lock.py

clean: ## Remove all that the other targets have made
	@rm -rf .venv functions/venv functions/vendor tools/node_modules web/node_modules .tools dist build
	@rm -rf benchmarks/peers/node/node_modules
	@rm -rf .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@$(PYTHON) -c '' 2>/dev/null || { \
	  echo "Python 3.11 is missing: install it from python.org, or name one with PYTHON=..." >&2; exit 1; }

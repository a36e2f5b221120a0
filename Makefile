# Everything is done by cargo and the program itself; this file only names the usual steps.
# One profile (release) for all of them, so that the dependencies are compiled once.

CARGO ?= cargo
RECOUNT = target/release/recount
AS_OF ?= 2020-12-31
PYTHON ?= python3

.PHONY: help demo test oracle build rules accept docs lint dist clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the program
	$(CARGO) build --locked --release

demo: build ## audit the sample programme and print where its report is
	$(RECOUNT) run -p sample_data --as-of $(AS_OF) --lang en

test: lint ## all tests: formatting, clippy, unit, property, integration, documentation, the rules' own
	$(CARGO) test --locked --release

oracle: build ## ask DuckDB the same questions as `recount query`; skipped without its Python package
	$(PYTHON) tests/oracle/oracle.py $(RECOUNT)

rules: build ## lint and test the shipped rules
	$(RECOUNT) lint -p sample_data
	$(RECOUNT) test -p sample_data

accept: ## rewrite generated files and snapshots; look at the difference before committing
	UPDATE=1 INSTA_UPDATE=always $(CARGO) test --locked --release

docs: build ## write the reference pages and JSON schemas
	$(RECOUNT) generate docs
	$(RECOUNT) generate schema

# Clippy checks without building: its own metadata of the dependencies costs about a minute of CPU once, a few seconds afterwards.
lint: ## formatting and clippy, warnings are errors
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --release --all-targets -- -D warnings

dist: ## a smaller, slower to build binary for shipping
	CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_INCREMENTAL=false \
		$(CARGO) build --locked --release --target-dir target/dist

clean: ## remove what was built
	$(CARGO) clean

.DEFAULT_GOAL := help
PYTHON ?= python

.PHONY: help check lint types test test-labeling format demo quality

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

check: lint types test test-labeling ## what CI runs: lint, types, tests

lint: ## ruff, and who may import whom
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

types: ## mypy, strict
	$(PYTHON) -m mypy

test: ## every test that needs no Label Studio, the slow ones too
	$(PYTHON) -m pytest -m "not studio"

test-labeling: ## the tests with a real Label Studio, which the first of them installs
	$(PYTHON) -m pytest -m studio

format: ## rewrite the code as ruff likes it
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

demo: ## the demo shops, into demo-out/
	xundan demo --out demo-out

quality: ## the shipped model beside TF-IDF + SVM; LABELS=folder with attention_train.jsonl, attention_dev.jsonl
	$(PYTHON) -m benchmarks.quality $(LABELS)

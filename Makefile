# What people and machines run. `make` alone lists it.
PYTHON ?= python3
VENV := .venv/bin/python
SERVE_MADE := .venv/.made-for-serving
TEST_MADE := .venv/.made-for-tests
REPLAY_MADE := .venv/.made-for-replay
CLOUD_MADE := .venv-cloud/.made
ENVIRONMENT := infra/local/environment.sh

.PHONY: help run serve test check format bench replay environments clean

help:
	@echo "make run                     a café with a little life in it, on this machine"
	@echo "make serve PORT= PROGRAM=    one empty program; DATA=folder keeps its data"
	@echo "make test                    all tests; TESTS=tests/domain for some"
	@echo "make check                   format, lint and types"
	@echo "make format                  put the code into the format that check wants"
	@echo "make bench                   round trips, write units, processor time"
	@echo "make replay HOUSEHOLDS=100   a real grocer's baskets through the running service"
	@echo "make clean                   remove what the above made"

# The server takes make's place in the shell (exec), and ends when make is killed.
run: $(SERVE_MADE) $(CLOUD_MADE)
	@exec $(VENV) -m infra.local run --port "$${PORT:-}" --stop-with-parent

serve: $(SERVE_MADE) $(CLOUD_MADE)
	@exec $(VENV) -m infra.local serve --port "$${PORT:-}" --program "$${PROGRAM:-}" --data "$${DATA:-}" --stop-with-parent

test: $(TEST_MADE) $(CLOUD_MADE)
	@$(VENV) -m pytest $(TESTS)

check: $(TEST_MADE)
	@$(VENV) -m ruff format --check --quiet .
	@$(VENV) -m ruff check --quiet .
	@$(VENV) -m mypy app.py chalicelib infra

format: $(TEST_MADE)
	@$(VENV) -m ruff format .
	@$(VENV) -m ruff check --fix .

bench: $(TEST_MADE) $(CLOUD_MADE)
	@$(VENV) -m tests.bench

replay: $(REPLAY_MADE) $(CLOUD_MADE)
	@exec $(VENV) -m infra.local.replay

environments: $(TEST_MADE) $(CLOUD_MADE)
	@:

# Each environment is made again when what it is made from changes, and not otherwise.
$(SERVE_MADE): requirements.txt infra/local/server-requirements.txt $(ENVIRONMENT)
	@sh $(ENVIRONMENT) "$(PYTHON)" .venv infra/local/server-requirements.txt
	@touch $@

$(TEST_MADE): $(SERVE_MADE) tests/requirements.txt
	@sh $(ENVIRONMENT) "" .venv tests/requirements.txt
	@touch $@

$(REPLAY_MADE): $(TEST_MADE) infra/local/replay-requirements.txt
	@sh $(ENVIRONMENT) "" .venv infra/local/replay-requirements.txt
	@touch $@

$(CLOUD_MADE): infra/local/requirements.txt $(ENVIRONMENT)
	@sh $(ENVIRONMENT) "$(PYTHON)" .venv-cloud infra/local/requirements.txt
	@touch $@

clean:
	@rm -rf .venv .venv-cloud .mypy_cache .pytest_cache .ruff_cache .hypothesis build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

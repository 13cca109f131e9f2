# What people and machines run. `make` alone lists it.
PYTHON ?= python3
VENV := .venv/bin/python
SERVE_MADE := .venv/.made-for-serving
DEPLOY_MADE := .venv/.made-for-deploying
TEST_MADE := .venv/.made-for-tests
MUTATION_MADE := .venv/.made-for-mutation
REPLAY_MADE := .venv/.made-for-replay
CLOUD_MADE := .venv-cloud/.made
ENVIRONMENT := infra/local/environment.sh

.PHONY: help run serve serving reconcile-payments test check format bench guards fuzz mutation replay environments clean e2e package deploy rollback destroy cost schedule proof time-proof

help:
	@echo "make run                     a café with a little life in it, on this machine"
	@echo "make serve PORT= PROGRAM=    one empty program; DATA=folder keeps its data"
	@echo "make schedule NAME=due AT=…  a schedule as of a moment, on what is being served; PORT="
	@echo "make test                    all tests but the deployed ones (make e2e); TESTS=tests/domain for some"
	@echo "make check                   format, lint and types"
	@echo "make format                  put the code into the format that check wants"
	@echo "make bench                   what calls, schedules, starting and a million purchases cost, into docs/benchmarks.md; HELD=\"2000 100000\" members for due runs"
	@echo "make guards                  delete each guard in a copy and see its test fail; minutes"
	@echo "make proof SEED=1 OPS=5000   the whole service against a model of it, under faults; THREADS=, ENGINE=inside"
	@echo "make fuzz                    everything that nobody should send, to every call; minutes"
	@echo "make mutation                the domain's mutants and its score; hours. MODULES= for some, FOLDER=, UNTIL=20:15"
	@echo "make replay HOUSEHOLDS=100   a real grocer's baskets through the running service"
	@echo "make e2e                     the package deployed to an embedded cloud, and tests against it"
	@echo "make package STAGE=prod      what CloudFormation deploys, in build/"
	@echo "make deploy STAGE=prod PROGRAM=  package and deploy to the AWS account of your credentials"
	@echo "make rollback STAGE=prod     back to what was deployed before"
	@echo "make destroy STAGE=prod      take it down; the table stays unless TABLE= names it"
	@echo "make cost PURCHASES=1000000  what AWS charges for so many purchases"
	@echo "make backtest PROGRAM= ORDERS= AGAINST=   a program tried on past orders; ORDERS=grocer for a real year"
	@echo "make reconcile-payments FILE= URL= KEY= BOOK=yes   a provider's exported payments against the ledger"
	@echo "make metrics-proof           every report on the grocer's whole year, held to pandas; HOUSEHOLDS=400 for some"
	@echo "make time-proof MEMBERS=5000 members over three years, day by day, held to a plain recomputation; minutes"
	@echo "make clean                   remove what the above made"

# The server takes make's place in the shell (exec), and ends when make is killed.
run: serving
	@exec $(VENV) -m infra.local run --port "$${PORT:-}" --stop-with-parent

serve: serving
	@exec $(VENV) -m infra.local serve --port "$${PORT:-}" --program "$${PROGRAM:-}" --data "$${DATA:-}" --stop-with-parent

schedule: serving
	@$(VENV) -m infra.local.schedule --name "$${NAME:-due}" --at "$${AT:-}" --port "$${PORT:-}"

test: $(TEST_MADE) $(CLOUD_MADE)
	@$(VENV) -m pytest $(if $(TESTS),$(TESTS),tests --ignore=tests/e2e)

check: $(TEST_MADE)
	@$(VENV) -m ruff format --check --quiet .
	@$(VENV) -m ruff check --quiet .
	@$(VENV) -m mypy app.py chalicelib infra

format: $(TEST_MADE)
	@$(VENV) -m ruff format .
	@$(VENV) -m ruff check --fix .

bench: $(TEST_MADE) $(CLOUD_MADE)
	@$(VENV) -m tests.bench $(HELD)

# SEED=1,2,3 for several; FAULTS= of a thousand calls; HOUR= operations between quiet points; MINUTES= at most.
# REGULARS_PROOF_ENDPOINT names an engine of one's own.
proof: $(TEST_MADE) $(CLOUD_MADE)
	@exec $(VENV) -m tests.proof --seed "$${SEED:-1}" --ops "$${OPS:-5000}" --threads "$${THREADS:-16}" --faults "$${FAULTS:-50}" --hour "$${HOUR:-2500}" --minutes "$${MINUTES:-0}" --engine "$${ENGINE:-embedded}"

guards: $(TEST_MADE)
	@$(VENV) -m tests.guards $(GUARDS)

fuzz: $(TEST_MADE)
	@REGULARS_FUZZ=long $(VENV) -m pytest tests/fuzz $(TESTS)

mutation: $(MUTATION_MADE)
	@$(VENV) -m tests.mutation $(MODULES)

replay: $(REPLAY_MADE) $(CLOUD_MADE)
	@exec $(VENV) -m infra.local.replay

e2e: $(TEST_MADE) $(CLOUD_MADE)
	@$(VENV) -m pytest tests/e2e

# STAGE, REGION, ARCHITECTURE, STACK; SET="LogDays=90 AlarmEmail=me@example.com" for the template's parameters.
DEPLOYMENT = --stage "$${STAGE:-dev}" --region "$${REGION:-}" --architecture "$${ARCHITECTURE:-}" --stack "$${STACK:-}"

package: $(DEPLOY_MADE)
	@$(VENV) -m infra.deploy package $(DEPLOYMENT)

deploy: $(DEPLOY_MADE)
	@$(VENV) -m infra.deploy deploy $(DEPLOYMENT) --program "$${PROGRAM:-}" $(foreach pair,$(SET),--set "$(pair)")

rollback: $(DEPLOY_MADE)
	@$(VENV) -m infra.deploy rollback $(DEPLOYMENT)

destroy: $(DEPLOY_MADE)
	@$(VENV) -m infra.deploy destroy $(DEPLOYMENT) --table "$${TABLE:-}"

cost: $(SERVE_MADE)
	@$(VENV) -m infra.cost --purchases "$${PURCHASES:-1000000}"

reconcile-payments:
	@exec $(PYTHON) -m infra.local.reconcile_payments --file "$${FILE:-}" --url "$${URL:-}" --provider "$${PROVIDER:-stripe}" --book "$${BOOK:-no}"

backtest: $(REPLAY_MADE)
	@exec $(VENV) -m infra.local.backtest --program "$${PROGRAM:-}" --orders "$${ORDERS:-}" --against "$${AGAINST:-}"

metrics-proof: $(REPLAY_MADE)
	@REGULARS_PROOF=year $(VENV) -m pytest tests/metrics $(TESTS)

time-proof: $(TEST_MADE)
	@$(VENV) -m tests.time.agreement "$${MEMBERS:-5000}"
	@$(VENV) -m tests.time.table_agreement 200

environments: $(TEST_MADE) $(CLOUD_MADE)
	@:

# Side by side: the two have nothing in common, and the first start waits for both.
serving:
	@$(MAKE) --silent --no-print-directory --jobs=2 $(SERVE_MADE) $(CLOUD_MADE)

# Each environment is made again when what it is made from changes, and not otherwise.
$(SERVE_MADE): requirements.txt infra/local/server-requirements.txt $(ENVIRONMENT)
	@sh $(ENVIRONMENT) "$(PYTHON)" .venv infra/local/server-requirements.txt $@

$(DEPLOY_MADE): $(SERVE_MADE) infra/deploy/requirements.txt
	@sh $(ENVIRONMENT) "" .venv infra/deploy/requirements.txt $@

$(TEST_MADE): $(DEPLOY_MADE) tests/requirements.txt
	@sh $(ENVIRONMENT) "" .venv tests/requirements.txt $@

$(REPLAY_MADE): $(TEST_MADE) infra/local/replay-requirements.txt
	@sh $(ENVIRONMENT) "" .venv infra/local/replay-requirements.txt $@

$(MUTATION_MADE): $(TEST_MADE) tests/mutation/requirements.txt
	@sh $(ENVIRONMENT) "" .venv tests/mutation/requirements.txt $@

$(CLOUD_MADE): infra/local/requirements.txt $(ENVIRONMENT)
	@sh $(ENVIRONMENT) "$(PYTHON)" .venv-cloud infra/local/requirements.txt $@

clean:
	@rm -rf .venv .venv-cloud .venv*.lock .mypy_cache .pytest_cache .ruff_cache .hypothesis build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

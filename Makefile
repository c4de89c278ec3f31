# The only task runner. `make help` lists what it can do.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# The first Python that runs and is new enough (a name that is found may still be an empty shim).
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print(sys.executable)' 2>/dev/null)))
BIN := .venv/bin
UV_VERSION := 0.13.9
VAR ?= var
RECIPIENTS ?=
export VAR RECIPIENTS

.PHONY: service-levels help demo run test rules law verify-nginx lint fix protos migrate migration bench bench-files faults drill-outages clean lock

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: .venv/protos ## the main job end to end on sample data; RECIPIENTS=1000 VAR=var
	@$(BIN)/python -m deploy.local.demo

run: .venv/protos ## the whole product until Ctrl-C, with its addresses and the demo login
	@$(BIN)/python -m deploy.local.run

SUITE := $(BIN)/python -m pytest -q -n 2 --dist loadfile
test: .venv/protos ## every test, on its own stack, two at a time
	@$(SUITE)

.PHONY: coverage
coverage: .venv/protos ## the same, and which lines no test in this process ran; var/coverage.xml
	@$(SUITE) --cov --cov-report=term:skip-covered --cov-report=xml:var/coverage.xml $(TESTS)

bench: .venv/protos ## one campaign against a fast loopback provider, beside its floors; RECIPIENTS=100000
	@$(BIN)/python -m tests.bench

bench-files: .venv/protos ## customer files of a million rows: rows a second, peak memory; RECIPIENTS=1000000
	@$(BIN)/python -m tests.bench.files

faults: .venv/protos ## fault drills, judged by the provider's own log; FAULT_DRILLS=200, or DRILL=kind SEED=n
	@$(BIN)/python -m tests.faults

drill-outages: .venv/protos ## Redis, storage, provider: each away for 60 s in the middle of 20,000; and wrong clocks
	@for drill in redis60 redis_hung60 storage60 provider60; do DRILL=$$drill $(BIN)/python -m tests.faults || exit 1; done
	@$(BIN)/python -m tests.faults.clocks

.PHONY: drill-primary
drill-primary: .venv/protos ## the database's primary killed, frozen and replaced under a campaign; RECIPIENTS=20000
	@$(BIN)/python -m tests.primary

rules: .venv/protos ## every rule of the law with the tests that name it
	@$(BIN)/python -m tests.rules

verify-nginx: .venv/protos ## the front door: the real nginx before the running product; needs nginx
	@command -v nginx >/dev/null || { echo "jeondan: nginx is missing (Debian: apt-get install nginx)"; exit 2; }
	@$(BIN)/python -m pytest -q tests/deploy/nginx/front_door.py

.PHONY: drill-rolling verify-pgbouncer
drill-rolling: .venv/protos ## everything replaced under load behind the real nginx, the schema changed beside it; DRILL_RECIPIENTS=20000
	@command -v nginx >/dev/null || { echo "jeondan: nginx is missing (Debian: apt-get install nginx)"; exit 2; }
	@$(BIN)/python -m pytest -q -s tests/drills/rolling.py

verify-pgbouncer: .venv/protos ## a campaign through the real PgBouncer in transaction mode; needs pgbouncer
	@command -v pgbouncer >/dev/null || { echo "jeondan: pgbouncer is missing (Debian: apt-get install pgbouncer)"; exit 2; }
	@$(BIN)/python -m pytest -q -s tests/drills/pgbouncer.py

service-levels: .venv/protos ## share of single messages within 10 s and of campaigns within their time; DAYS=1
	@$(BIN)/python -m workers.levels $(or $(DAYS),1)

.PHONY: verify-images
verify-images: .venv/protos ## the images, built and run as compose.prod.yaml says, without a Docker engine; needs root, some minutes
	@$(BIN)/python -m pytest -q tests/deploy/images/running_images.py

law: .venv/protos ## 1,000,000 random decisions: PostgreSQL and Python must agree on all; LAW_SEED=n
	@LAW_PEOPLE=5000 LAW_ROUNDS=200 $(BIN)/python -m pytest -q -s tests/core/db/test_law.py

lint: .venv/protos ## format, types, rooms, protos, migrations, and everything under deploy/
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy core server workers gateway deploy protos/build.py
	@$(BIN)/lint-imports
	@$(BIN)/buf lint protos/gen/jeondan/descriptors.binpb --config protos/buf.yaml
	@$(BIN)/buf breaking protos/gen/jeondan/descriptors.binpb --against protos/baseline.binpb --config protos/buf.yaml
	@cd protos && ../$(BIN)/buf format --diff --exit-code
	@$(BIN)/python -m core.db.migrate sql .venv/migrations 2>/dev/null
	@$(BIN)/squawk --config deploy/squawk.toml .venv/migrations/expand/*.sql
	@$(BIN)/squawk --config deploy/squawk-contract.toml $$(find .venv/migrations/contract -name '*.sql' | grep . || echo /dev/null)
	@$(BIN)/python -m deploy.lint

fix: .venv/protos ## mend what the formatters can mend
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q . ; cd protos && ../$(BIN)/buf format -w

protos: ## build the stubs anew
	@rm -f .venv/protos && $(MAKE) --no-print-directory .venv/protos

migrate: .venv/protos ## bring DATABASE_URL to what this version needs; ARGS=contract afterwards, ARGS="to NAME" back
	@$(BIN)/python -m core.db.migrate $(ARGS)

migration: .venv/protos ## a new migration: make migration NAME=0002_expand_what
	@$(BIN)/python -m core.db.migrate new $(NAME)

.PHONY: resume-after-restore
resume-after-restore: .venv/protos ## after a restore: take in what happened since, ask the providers; FREE=1 lets messages leave again
	@$(BIN)/python -m workers.restored $(if $(FREE),free)

.PHONY: restore-drill restore-rehearsal backup-prune backup-check backup backup-list backup-follow backup-dump restore restore-dump
backup: .venv/protos ## a base backup of BACKUP_DATABASE_URL's cluster into the bucket, sealed and read back
	@$(BIN)/python -m deploy.backup base

backup-follow: .venv/protos ## the log into the bucket every few seconds, until Ctrl-C
	@$(BIN)/python -m deploy.backup wal

backup-dump: .venv/protos ## a logical dump with its manifest, for servers whose log is not ours; daily
	@$(BIN)/python -m deploy.backup dump

backup-prune: .venv/protos ## what is older than BACKUP_KEEP_DAYS goes, for storages without lifecycle rules
	@$(BIN)/python -m deploy.backup prune

backup-check: .venv/protos ## ledger, consents, access log of the database; the chain of dumps
	@$(BIN)/python -m deploy.backup check

restore-rehearsal: .venv/protos ## monthly: the newest backup comes back in a scratch folder, is questioned and thrown away
	@$(BIN)/python -m deploy.backup rehearse $(if $(SUPERUSER),--superuser $(SUPERUSER))

restore-drill: .venv/protos ## a campaign, an accident, the way back to the second before, judged by the provider's log; RECIPIENTS=2000
	@$(BIN)/python -m tests.restore

restore-dump: .venv/protos ## a dump into the empty database of RESTORE_DATABASE_URL; NAME=dump/20261125T000000Z/
	@$(BIN)/python -m deploy.backup load $(if $(NAME),--name $(NAME))

backup-list: .venv/protos ## what can be restored, from when to when
	@$(BIN)/python -m deploy.backup list

restore: .venv/protos ## a cluster of that second in a folder of its own: make restore TO=2026-11-25T10:00:00+09:00 INTO=dir
	@$(BIN)/python -m deploy.backup restore $(if $(TO),--to $(TO)) $(if $(INTO),--into $(INTO)) $(if $(FORCE),--force) $(if $(SUPERUSER),--superuser $(SUPERUSER))

.PHONY: verify-watch dashboards
dashboards: .venv/protos ## write the Grafana dashboards anew
	@$(BIN)/python -m deploy.watch.dashboards

verify-watch: .venv/protos ## rules by promtool; the real Prometheus and Alertmanager before the running product
	@for tool in promtool prometheus amtool prometheus-alertmanager; do command -v $$tool > /dev/null \
	  || { echo "jeondan: $$tool is missing (Debian: apt-get install prometheus prometheus-alertmanager)"; exit 2; }; done
	@promtool check rules deploy/watch/rules.yml
	@promtool test rules deploy/watch/rules_test.yml
	@promtool check config --syntax-only deploy/watch/prometheus.yml
	@amtool check-config deploy/watch/alertmanager.yml
	@$(BIN)/python -m pytest -q tests/deploy/watch/alive.py

COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes -q
lock: .venv/installed ## resolve requirements.lock and the locks of the images anew (no addresses in them)
	@$(COMPILE) pyproject.toml --group local --group backup --group dev -o requirements.lock
	@$(COMPILE) pyproject.toml -c requirements.lock -o deploy/images/production.lock
	@$(COMPILE) --group gateway -c requirements.lock -o deploy/images/gateway.lock
	@$(COMPILE) --group stubs -c requirements.lock -o deploy/images/stubs.lock
	@$(COMPILE) --group backup -c requirements.lock -o deploy/images/backup.lock

clean: ## remove what was built and installed, and the data of make run
	@rm -rf .venv protos/gen protos/*.egg-info var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

.venv/installed: requirements.lock
	@test -n "$(PYTHON)" || { echo "jeondan: Python 3.11 or newer is needed; none was found (set PYTHON=/path/to/python3)"; exit 2; }
	@echo "설치: $$($(PYTHON) --version), requirements.lock"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "jeondan: python3-venv is missing (Debian: apt-get install python3-venv)"; exit 2; }
	@test -x $(BIN)/uv || $(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip sync -q --require-hashes requirements.lock
	@touch $@

.venv/protos: .venv/installed $(wildcard protos/jeondan/v1/*.proto) protos/build.py protos/pyproject.toml
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python protos/build.py
	@$(BIN)/uv pip install -q --no-build-isolation --no-deps -e protos
	@touch $@

.PHONY: check-daily check-weekly check-monthly cost capacity capacity-page capacity-measure
check-daily: .venv/protos ## health, errors, success rate, response times; exit 0 well, 1 to do, 2 unseen; JSON=Y
	@$(BIN)/python -m deploy.checks daily $(if $(JSON),--json) $(if $(GATEWAY),--gateway $(GATEWAY))

check-weekly: .venv/protos ## backup, disk, updates, slow queries, queues; ADVISORIES=Y asks the net for known holes
	@$(BIN)/python -m deploy.checks weekly $(if $(JSON),--json) $(if $(ADVISORIES),--advisories)

check-monthly: .venv/protos ## cost, usage, access review, restore drill
	@$(BIN)/python -m deploy.checks monthly $(if $(JSON),--json)

COST = STAGE USERS SMS KAKAO ADS FALLBACK PROVIDER
cost: .venv/protos ## what a month costs, stage 1 and 2; STAGE=2 USERS=1000 SMS=100000 KAKAO=100000 ADS=0.5 FALLBACK=0.1 PROVIDER=solapi
	@$(BIN)/python -m deploy.cost $(foreach name,$(COST),$(if $($(name)),--$(shell echo $(name) | tr A-Z a-z) $($(name)))) $(if $(JSON),--json)

capacity: .venv/protos ## what a load asks for; MESSAGES=100000000 MERCHANTS=1000 PEOPLE=20000
	@$(BIN)/python -m deploy.capacity --messages $(or $(MESSAGES),100000000) $(if $(MERCHANTS),--merchants $(MERCHANTS)) $(if $(PEOPLE),--people $(PEOPLE))

capacity-page: .venv/protos ## write deploy/capacity.ko.md anew
	@$(BIN)/python -m deploy.capacity > deploy/capacity.ko.md

capacity-measure: .venv/protos ## what a message, a job and a process take here; RECIPIENTS=20000 VAR=var
	@$(BIN)/python -m deploy.capacity.measure

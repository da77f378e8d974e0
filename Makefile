# make demo       watch real mail pass through a real Postfix into Relayguard (KEEP=1 leaves it running)
# make test       everything that CI runs
# make test-all   the long counts as well
# make fuzz       explore the parsers of outside bytes (SECONDS=600 for all together); WHOLE=1: measure whole messages
# make check      formatting, lint and types alone
# make bench      measure Relayguard beside its peers (QUICK=1: a rough run); bench/README.md says how
# make bench-peers   install the peers that it measures; starts none of them
# make bench-report  the last measurement again (MARKDOWN=1: as docs/performance.md)
# make bench-plots   how cost grows with workers, filters and what a message has of everything; draws docs/performance.svg
# make bench-limits  what limits cost a message, by store
# make bench-signals what the spoof filter costs a message
# make bench-metrics what metrics cost a message, and a scrape of four workers
# make profile    where the time goes: tables, and a flame graph in .bench/profiles (TRANSPORT=native SET=2K)
#
# Each sets itself up first: Debian's packages (asked for, unless YES=1), then .venv.

PYTHON ?= python3
BIN := .venv/bin
# The tests wait for the servers that they start: one more than cores keeps all of these busy.
PROCESSES := $(shell echo $$(( $$(nproc) + 1 )))
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo test test-all fuzz check bench bench-peers bench-report bench-plots bench-limits bench-signals bench-metrics profile format clean

demo: .venv/ready
	@$(AS_ROOT) $(BIN)/relayguard demo $(if $(KEEP),--keep)

test: .venv/ready check
	@$(AS_ROOT) $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile -m "not long"

test-all: .venv/ready check
	@$(AS_ROOT) $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile

fuzz: .venv/ready
	@$(BIN)/pip install --quiet --disable-pip-version-check --use-pep517 --editable '.[fuzz]'
	@$(BIN)/python -m tests.fuzz $(if $(WHOLE),--whole,--seconds $(or $(SECONDS),600))

check: .venv/ready
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy

bench: .venv/ready
	@$(AS_ROOT) $(BIN)/python -m bench run $(if $(QUICK),--quick)

bench-peers: .venv/ready
	@$(AS_ROOT) env YES=$(YES) $(BIN)/python -m bench setup

bench-report: .venv/ready
	@$(BIN)/python -m bench report $(if $(MARKDOWN),--markdown)

bench-plots: .venv/ready
	@$(AS_ROOT) $(BIN)/python -m bench plots $(if $(REDRAW),--redraw)

bench-limits: .venv/ready
	@$(BIN)/python -m bench limits

bench-signals: .venv/ready
	@$(BIN)/python -m bench signals

bench-metrics: .venv/ready
	@$(BIN)/python -m bench metrics

profile: .venv/ready
	@$(AS_ROOT) $(BIN)/python -m bench profile $(if $(TRANSPORT),--transport $(TRANSPORT)) --set $(or $(SET),10K)

format: .venv/ready
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.venv/ready: pyproject.toml scripts/system-packages.sh
	@PYTHON=$(PYTHON) scripts/system-packages.sh
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --use-pep517 --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info
	[ ! -e .bench ] && [ ! -e .make ] || $(AS_ROOT) rm -rf .bench .make

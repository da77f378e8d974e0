# make demo    watch real mail pass through a real Postfix into Relayguard (KEEP=1 leaves it running)
# make test    everything that CI runs

PYTHON ?= python3
BIN := .venv/bin
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo clean

demo: .venv/ready
	@$(AS_ROOT) $(BIN)/relayguard demo $(if $(KEEP),--keep)

.venv/ready: pyproject.toml scripts/system-packages.sh
	@PYTHON=$(PYTHON) scripts/system-packages.sh
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info

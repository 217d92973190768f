# Kith. The work is done by meson, ninja and tools/; this is the list of verbs.
BUILD := build
R :=
T :=

.PHONY: all run test bench evaluate check layers sql format tidy fuzz san nightly deb install-deps

all: $(BUILD)/build.ninja            # build to build/kith
	@echo "build: $(BUILD)/kith"
	@ninja -C $(BUILD) kith $(if $(VERBOSE),-v)

$(BUILD)/build.ninja:
	@echo "build: setting up $(BUILD)/ with meson"
	@meson setup $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }; rm -f $(BUILD).log

install-deps:                        # what the build needs, by apt; nothing when it is there
	@tools/install.sh build

run: install-deps all                # demo company on http://127.0.0.1:8080
	@tools/run.sh

test:                                # everything; `make test R=customer`: the unit tests of one room
	@tools/test.sh $(R)

bench: install-deps                  # figures on both stores, into docs/performance.md
	@tools/bench.sh

evaluate: install-deps all           # how the judgement conforms with stories and planted fraud, into docs/evaluation.md
	@tools/evaluate.py --page docs/evaluation.md

check:                               # all that is quick, before a change is offered
	@tools/check.sh

layers:                              # who includes whom
	@tools/layers.py

sql: all                             # every query on both engines, and its plan
	@tools/plans.py && tools/sql.sh

format:
	@tools/format.sh

tidy: all                            # static analysis
	@tools/tidy.sh

fuzz:                                # make fuzz T=phone: one parser, until stopped; no T: all, 10 s each
	@tools/fuzz.sh $(T)

san:                                 # unit tests under address and undefined-behaviour sanitizers
	@tools/unit.sh san $(R)

nightly:                             # hours: thread sanitizer, clang, crash rounds, soak, fresh Debian
	@tools/nightly.sh

deb: install-deps                    # a Debian package in build/
	@tools/deb.sh

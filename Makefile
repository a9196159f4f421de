# SPDX-License-Identifier: MIT
# make             builds the server, build/release/headcam
# make run         installs what is missing, builds, starts the server and a test-card agent
# make test        installs what is missing, builds, runs everything
# make deps        installs what a build and `make run` need
# make lint        installs what is missing, reads the code with every checker
# make install     DESTDIR= PREFIX=/usr/local
# make clean       removes build/
#
# V=1 shows commands. SANITIZE=address,undefined or SANITIZE=thread builds apart, under build/.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

DESTDIR ?=
PREFIX  ?= /usr/local
PYTHON  ?= /usr/bin/python3

# Where .ci/install unpacks programs that the tests run.
export PATH := $(CURDIR)/build/tools/usr/bin:$(CURDIR)/build/tools/usr/sbin:$(PATH)

CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
CFLAGS  ?= -O2 -g

comma    := ,
SANITIZE ?=
BUILD    := build/$(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)),release)

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-6s %s\n')

# ---- the server ----

packages  := libmicrohttpd gnutls nettle libjpeg libpng libzmq jansson libxxhash libsodium libcrypt libbsd
warnings  := -Wall -Wextra -Werror -Wshadow -Wvla -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
             -Wwrite-strings -Wcast-qual -Wconversion -Wno-sign-conversion -Wno-format-truncation \
             -Wno-unknown-warning-option
sanitizer := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
compile   := $(CC) -std=c11 -D_GNU_SOURCE -Isrc -Iinclude -I. $(warnings) $(CFLAGS) -pthread $(sanitizer) \
             $(patsubst -I%,-isystem%,$(shell pkg-config --cflags $(packages) 2>/dev/null)) $(CPPFLAGS) -MMD -MP
link       = $(CC) $(CFLAGS) -pthread $(sanitizer) $(LDFLAGS)
# libyuv and wslay have no .pc file.
libraries  = $(shell pkg-config --libs $(packages)) -lyuv -lwslay -lm

sources := $(wildcard src/*.c src/*/*.c)
objects := $(sources:%.c=$(BUILD)/%.o)
web     := $(sort $(wildcard web/*.html web/*.css web/*.js web/*.svg))

.PHONY: all
all: $(BUILD)/headcam

$(BUILD)/headcam: $(objects)
	$(say) LINK $@
	$(Q)$(link) -o $@ $^ $(libraries)

$(BUILD)/%.o: %.c | check-packages
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(compile) $(extra) -c -o $@ $<

# Loops over bytes, several times as fast when they are vectorised.
$(BUILD)/src/encode/scale.o: extra = -O3

# The viewer page is embedded; its hash is its ETag.
$(BUILD)/src/http/route_page.o: $(web)
$(BUILD)/src/http/route_page.o: extra = -DHEADCAM_WEB_HASH='"$(shell cat $(web) | sha256sum | cut -c1-16)"'

.PHONY: check-packages
check-packages:
	@.ci/install --check build

# The manual page lists the options of the program itself.
$(BUILD)/headcam.1: docs/headcam.1.in $(BUILD)/headcam
	$(say) MAN $@
	$(Q)$(without_aslr) $(BUILD)/headcam --help=man >$@.options
	$(Q)sed -e '/^@OPTIONS@$$/{r $@.options' -e 'd}' \
	  -e "s/@VERSION@/$$($(without_aslr) $(BUILD)/headcam --version | cut -d' ' -f2)/" $< >$@

# ---- run ----

.PHONY: deps
deps:
	@.ci/install build run

.PHONY: run
run:
	@.ci/install build run
	@$(MAKE) --no-print-directory $(BUILD)/headcam
	@HEADCAM_SERVER=$(BUILD)/headcam PYTHON=$(PYTHON) capture_agent/demo

# ---- test ----

unit_tests := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
fuzz_tests := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
tested     := $(BUILD)/tests/unit/support.o $(filter-out $(BUILD)/src/main.o,$(objects))
# clang's -fsanitize=fuzzer brings a main() of its own.
fuzz_main  := $(if $(findstring fuzzer,$(SANITIZE)),,$(BUILD)/tests/fuzz/driver.o)

$(unit_tests): %: %.o $(tested)
	$(say) LINK $@
	$(Q)$(link) -o $@ $^ -lcmocka $(libraries)

$(fuzz_tests): %: %.o $(fuzz_main) $(tested)
	$(say) LINK $@
	$(Q)$(link) -o $@ $^ -lcmocka $(libraries)

# gcc 12's thread sanitizer knows no memory map of a kernel with more random bits than 28.
without_aslr = $(if $(findstring thread,$(SANITIZE)),$(shell setarch -R true 2>/dev/null && echo setarch -R))

export TSAN_OPTIONS ?= suppressions=$(CURDIR)/tests/thread_sanitizer.supp

.PHONY: test unit-tests test-unit test-fuzz test-agent test-isaac test-integration test-browser test-containers
test:
	@.ci/install build run test
	@.ci/test

unit-tests: $(unit_tests) $(fuzz_tests)

test-unit: $(unit_tests)
	@printf '%s\n' $(unit_tests) | xargs -P $$(nproc) -I{} bash -c \
	  'said=$$($(without_aslr) {} 2>&1) && status=0 || status=1; printf "%s\n%s\n" "{}" "$$said"; exit $$status'

# They have one thread, in which the thread sanitizer, as slow as it is, has little to find.
test-fuzz: $(fuzz_tests)
	@for test in $(fuzz_tests); do \
	  echo "$$test"; $(if $(findstring thread,$(SANITIZE)),FUZZ_RUNS=10000) $(without_aslr) $$test; done

# Tests in Python mostly wait: two a core run at a time.
TEST_JOBS ?= $(shell expr 2 '*' "$$(nproc)")

test-agent:
	PYTHONPATH=capture_agent $(PYTHON) -m pytest -q -p no:cacheprovider tests/agent -n $(TEST_JOBS)

# Kit is a fake, which has tests of its own.
test-isaac:
	PYTHONPATH=capture_agent:tests/fakekit $(PYTHON) -m pytest -q -p no:cacheprovider tests/fakekit -n $(TEST_JOBS)
	PYTHONPATH=capture_agent $(PYTHON) -m pytest -q -p no:cacheprovider tests/isaac -n $(TEST_JOBS)

# After the others those that want the machine for themselves.
integration_tests = HEADCAM_SERVER="$(without_aslr) $(BUILD)/headcam" $(PYTHON) -m pytest -q -p no:cacheprovider \
  tests/integration
each_build = $(if $(SANITIZE), and not once)$(if $(findstring thread,$(SANITIZE)), and not no_tsan)
nothing_selected := [ $$? = 5 ]

test-integration: $(BUILD)/headcam
	$(integration_tests) -m "not alone$(each_build)" -n $(TEST_JOBS) $(PYTEST_ARGS) || $(nothing_selected)
	$(integration_tests) -m "alone$(each_build)" $(PYTEST_ARGS) || $(nothing_selected)

test-browser: $(BUILD)/headcam
	HEADCAM_SERVER=$(BUILD)/headcam tests/browser/run

# Where no engine works, the files are read only, and it says so.
test-containers: $(BUILD)/headcam
	HEADCAM_SERVER=$(BUILD)/headcam $(PYTHON) -m pytest -q -p no:cacheprovider tests/containers $(PYTEST_ARGS)

# ---- lint ----

.PHONY: lint format compile-flags
lint:
	@.ci/install build run test lint
	@.ci/lint

# For checkers that compile.
compile-flags:
	@echo $(wordlist 2,99,$(compile)) '-DHEADCAM_WEB_HASH=""'

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

# ---- bench ----

include bench/bench.mk

# ---- install ----

agent := $(PREFIX)/share/headcam

units := $(PREFIX)/lib/systemd/system

.PHONY: install install-systemd uninstall
install: $(BUILD)/headcam $(BUILD)/headcam.1 install-systemd
	install -D -m 755 $(BUILD)/headcam $(DESTDIR)$(PREFIX)/bin/headcam
	install -D -m 644 $(BUILD)/headcam.1 $(DESTDIR)$(PREFIX)/share/man/man1/headcam.1
	install -D -m 644 include/headcam/wire.h $(DESTDIR)$(PREFIX)/include/headcam/wire.h
	cd capture_agent && find headcam examples exts -name '*.py' -o -name '*.toml' | \
	  xargs -I{} install -D -m 644 '{}' '$(DESTDIR)$(agent)/{}'
	cp -P capture_agent/exts/headcam.capture/headcam $(DESTDIR)$(agent)/exts/headcam.capture/
	printf '#!/bin/sh\nPYTHONPATH=%s exec $(PYTHON) -m headcam "$$@"\n' \
	  '$(agent)$${PYTHONPATH:+:$$PYTHONPATH}' >$(BUILD)/headcam-agent
	install -m 755 $(BUILD)/headcam-agent $(DESTDIR)$(PREFIX)/bin/headcam-agent

# Only files: nothing is enabled or started. systemd looks below /usr/local and /usr.
install-systemd:
	mkdir -p $(BUILD)
	sed 's|/usr/local/|$(PREFIX)/|' docs/systemd/headcam.service >$(BUILD)/headcam.service
	install -D -m 644 $(BUILD)/headcam.service $(DESTDIR)$(units)/headcam.service
	install -D -m 644 docs/systemd/headcam.socket $(DESTDIR)$(units)/headcam.socket
	install -D -m 644 docs/systemd/headcam.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/headcam.conf

uninstall:
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,bin/headcam bin/headcam-agent include/headcam/wire.h \
	  share/man/man1/headcam.1 lib/sysusers.d/headcam.conf)
	rm -f $(addprefix $(DESTDIR)$(units)/,headcam.service headcam.socket)
	rm -rf $(DESTDIR)$(agent)

.PHONY: clean
clean:
	rm -rf build

.PHONY: help
help:
	@sed -n '2,9s/^# \{0,1\}//p' Makefile

-include $(objects:.o=.d) $(unit_tests:=.d) $(fuzz_tests:=.d) $(BUILD)/tests/unit/support.d
.SECONDARY:

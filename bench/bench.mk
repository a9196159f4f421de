# SPDX-License-Identifier: MIT
# bench.mk: the benchmark's programs and `make bench`. Included by the top-level Makefile, which
# gives CC, PYTHON, BUILD (where the server is), and $(say) and $(Q) for quiet recipes.
#
# BENCH_OPTIONS goes to bench.py: make bench BENCH_OPTIONS='--only floors,peers --markdown'

BENCH_BUILD := build/bench
# Not the project's flags: a floor must not change with a sanitizer or a debug build.
BENCH_CFLAGS := -std=c11 -O2 -Wall -Wextra -Werror -Ibench -Iinclude
BENCH_PROGRAMS := $(addprefix $(BENCH_BUILD)/,floors viewers camera producer fakev4l2.so)

.PHONY: bench bench-programs
bench:
	@.ci/install build run bench
	@$(MAKE) --no-print-directory -s $(BUILD)/headcam bench-programs >&2
	@cd tests/browser && npm ci >&2 || true
	@$(PYTHON) bench/bench.py --build $(BENCH_BUILD) --headcam $(BUILD)/headcam $(BENCH_OPTIONS)

bench-programs: $(BENCH_PROGRAMS)

$(BENCH_BUILD)/floors: BENCH_LIBS := -ljpeg
$(BENCH_BUILD)/producer: BENCH_LIBS := -lzmq

bench_headers := bench/common.h bench/camera.h include/headcam/wire.h
$(BENCH_BUILD)/%: bench/%.c bench/common.c $(bench_headers)
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^) $(BENCH_LIBS)

$(BENCH_BUILD)/%.so: bench/%.c bench/common.c $(bench_headers)
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -fPIC -fvisibility=hidden -shared -o $@ $(filter %.c,$^)

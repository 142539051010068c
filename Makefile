# Builds the two programs, their tests and everything that `make help` lists.
#
#   make                     build/localstack-entrypoint and build/localstack-extensions
#   make SANITIZE=1          the same under ASan and UBSan, in build/asan (links dynamically)
#   make CROSS=aarch64-linux-gnu   the same for another machine, in build/aarch64-linux-gnu; its unit tests run under QEMU

VERSION := 0.1.0
PREFIX ?= /usr/local
CROSS ?=
SANITIZE ?=

ifneq ($(CROSS),)
CC := $(CROSS)-gcc
AR := $(CROSS)-ar
BUILD ?= build/$(CROSS)
# No -L: the libraries of another machine lie beside ours, and the loader where its programs look for it.
QEMU ?= qemu-$(firstword $(subst -, ,$(CROSS)))
RUN := TEST_EMULATED=1 $(QEMU)
else
RUN :=
BUILD ?= $(if $(SANITIZE),build/asan,build)
endif

WARNINGS := -Wall -Wextra -Wshadow -Wpointer-arith -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wformat=2 -Wvla -Wundef -Wnull-dereference \
	-Wimplicit-fallthrough -Wcast-qual -Wduplicated-cond -Wlogical-op -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(WARNINGS) $(CFLAGS) -fstack-protector-strong $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2) \
	-fno-common -Ilib -Itest/unit -DPROGRAM_VERSION='"$(VERSION)"' \
	$(if $(SANITIZE),-fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
, := ,
LDFLAGS ?=
ALL_LDFLAGS = $(LDFLAGS) $(if $(SANITIZE),-fsanitize=address$(,)undefined,-Wl$(,)-z$(,)relro$(,)-z$(,)now)

# libbsd-overlay puts strlcpy, closefrom, setproctitle and friends behind the usual headers.
BOOT_LIBS := -lbsd -lmd -lyaml
EXT_LIBS := -lcrypto -lzip -ldeflate -lz -ljansson -lgumbo -lpthread

LIB_SRC := $(sort $(wildcard lib/*/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
LIB := $(BUILD)/liball.a
BOOT_MAIN := entrypoint/localstack-entrypoint.c
EXT_MAIN := $(sort $(filter-out $(BOOT_MAIN),$(wildcard entrypoint/*.c)))
PROGRAMS := $(BUILD)/localstack-entrypoint $(BUILD)/localstack-extensions

.PHONY: all
all: $(PROGRAMS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Texts that the assembler puts in, which the compiler's list of dependencies does not have.
$(BUILD)/obj/lib/venv/scripts.o: $(shell find lib/venv/scripts -type f)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

# Static, because PID 1 has a boot to make in less than the time that the dynamic linker takes;
# linking it against these three libraries alone also proves that nothing above boot leaks into it.
$(BUILD)/localstack-entrypoint: $(BOOT_MAIN:%.c=$(BUILD)/obj/%.o) $(LIB)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(if $(SANITIZE),,-static) -o $@ $^ $(BOOT_LIBS)

$(BUILD)/localstack-extensions: $(EXT_MAIN:%.c=$(BUILD)/obj/%.o) $(LIB)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(EXT_LIBS) $(BOOT_LIBS)

# ---- unit tests: every test/unit/test_*.c is a cmocka program of its own
UNIT_SRC := $(sort $(wildcard test/unit/test_*.c))
UNIT := $(UNIT_SRC:test/unit/%.c=$(BUILD)/unit/%)

$(BUILD)/unit/%: $(BUILD)/obj/test/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(EXT_LIBS) $(BOOT_LIBS)
.SECONDARY: $(UNIT_SRC:%.c=$(BUILD)/obj/%.o)

# A run of each: `make unit -jN` lets N of them run at once.
UNIT_RUNS := $(UNIT:$(BUILD)/unit/%=run-%)
.PHONY: unit unit-runs $(UNIT_RUNS)
$(UNIT_RUNS): run-%: $(BUILD)/unit/%
	@echo "== $<"; TEST_DATA=test/data $(RUN) $< || { touch $<.failed; exit 1; }
unit-runs: $(UNIT_RUNS)

# Goes on after a failure, and says at the end what failed. $(1): make, with its options
run_unit = rm -f $(UNIT:=.failed); $(1) -k -O unit-runs || { echo "failed:" $$(ls $(BUILD)/unit/*.failed | sed "s/[.]failed//"); exit 1; }

ifeq ($(CROSS),)
unit: $(UNIT)
	@$(call run_unit,$(MAKE) --no-print-directory -s)
else
unit:
	@$(if $(filter aarch64-linux-gnu,$(CROSS)),scripts/setup arm64)
	@$(SUBMAKE) all $(UNIT)
	@began=$$(date +%s); $(call run_unit,$(SUBMAKE)); \
	echo "ran the unit tests of $(CROSS) under $(QEMU) in $$(($$(date +%s) - began)) s"
endif

# ---- test/tools/NAME.c: small programs that the end-to-end tests drive
TOOLS_SRC := $(sort $(wildcard test/tools/*.c))
TOOLS := $(TOOLS_SRC:test/tools/%.c=$(BUILD)/tools/%)

$(BUILD)/tools/%: $(BUILD)/obj/test/tools/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(EXT_LIBS) $(BOOT_LIBS) $(TOOL_LIBS)
$(BUILD)/tools/volume: TOOL_LIBS := -lfuse3 -lutf8proc
.SECONDARY: $(TOOLS_SRC:%.c=$(BUILD)/obj/%.o)

.PHONY: tools
tools: $(TOOLS)

# ---- fuzz targets: test/fuzz/fuzz_*.c with the whole library, compiled by clang
FUZZ := build/fuzz
FUZZ_SRC := $(sort $(wildcard test/fuzz/fuzz_*.c))
FUZZERS := $(FUZZ_SRC:test/fuzz/%.c=$(FUZZ)/%)
FUZZ_SECONDS ?= 60
FUZZ_CFLAGS := -std=gnu17 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -fno-common -Ilib \
	-DPROGRAM_VERSION='"$(VERSION)"' -fsanitize=address,undefined -fno-sanitize-recover=all

$(FUZZ)/obj/%.o: %.c
	@mkdir -p $(@D)
	clang $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(FUZZ)/liball.a: $(LIB_SRC:%.c=$(FUZZ)/obj/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

$(FUZZ)/fuzz_%: $(FUZZ)/obj/test/fuzz/fuzz_%.o $(FUZZ)/liball.a
	clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(EXT_LIBS) $(BOOT_LIBS)
.SECONDARY: $(FUZZ_SRC:%.c=$(FUZZ)/obj/%.o)

.PHONY: fuzz fuzz-replay
fuzz: $(FUZZERS)
	scripts/fuzz run $(FUZZ) $(FUZZ_SECONDS)

fuzz-replay: $(FUZZERS)
	@scripts/fuzz replay $(FUZZ)

# ---- what users and developers call
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
SUBMAKE = $(MAKE) --no-print-directory -s -j$(JOBS)

.PHONY: setup demo test e2e container-test image test-faults lint format bench bench-boot install clean help
setup:
	scripts/setup build

demo:
	@scripts/setup build demo
	@$(SUBMAKE) all
	@scripts/demo

# Each stage says what it is; scripts/e2e makes the venv that the tests run in.
test:
	@scripts/setup build test
	@echo "== build"; $(SUBMAKE) all $(UNIT) $(TOOLS)
	@echo "== build with ASan and UBSan"; $(SUBMAKE) SANITIZE=1 all unit-programs
	@echo "== build the fuzz targets"; $(SUBMAKE) $(FUZZERS)
	@scripts/test

.PHONY: unit-programs
unit-programs: $(UNIT) $(TOOLS)

e2e: all tools
	@scripts/e2e $(BUILD) $(PYTEST)

container-test:
	@scripts/container-test $(PYTEST)

# IMAGE= its name, LOCALSTACK_IMAGE= what it is made of, CONTAINER_TOOL=docker, podman or buildah.
image:
	@scripts/image

test-faults: all tools
	@FAULTS=all scripts/e2e $(BUILD) -k 'test_faults or test_power_cut'

lint:
	@scripts/setup build lint
	@scripts/lint

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

bench:
	@scripts/setup build bench
	@$(SUBMAKE) all $(BUILD)/tools/solve
	@scripts/bench

bench-boot:
	@scripts/setup build bench
	@$(SUBMAKE) all
	@scripts/bench boot

MAN1 := $(wildcard man/*.1)
MAN5 := $(wildcard man/*.5)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	ln -sfn localstack-entrypoint $(DESTDIR)$(PREFIX)/bin/docker-entrypoint.sh
	install -m 644 $(MAN1) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(MAN5) $(DESTDIR)$(PREFIX)/share/man/man5

clean:
	rm -rf build

help:
	@echo 'make                build the two programs into build/'
	@echo 'make demo           boot LocalStack with real extensions in build/demo; Ctrl-C stops it'
	@echo 'make demo ONCE=1    the same, and stop as soon as LocalStack answers its health endpoint'
	@echo 'make demo DEV=1     boot with an extension that is edited meanwhile, and stop when LocalStack runs the edit'
	@echo 'make test           all tests: unit and end-to-end, each also under ASan and UBSan'
	@echo 'make unit           build and run the unit tests alone (SANITIZE=1: under ASan and UBSan)'
	@echo 'make unit CROSS=aarch64-linux-gnu'
	@echo '                    build the programs for arm64, and run their unit tests under QEMU'
	@echo 'make e2e            run the end-to-end tests alone (PYTEST="-k NAME": some of them)'
	@echo 'make container-test whole containers: images, start, restart, stop (PYTEST="-k NAME": some of them); needs root'
	@echo 'make image          build the image localstack-with-extensions (LOCALSTACK_IMAGE=localstack/localstack) and say what it adds'
	@echo 'make test-faults    a sync killed, failing, or without power, at every call that changes the file system: hours'
	@echo 'make fuzz           run every fuzz target for FUZZ_SECONDS=60'
	@echo 'make lint           clang-format, clang-tidy, shellcheck, mandoc: no findings'
	@echo 'make format         apply clang-format'
	@echo 'make bench          time the programs against pip and uv'
	@echo 'make bench-boot     time container start to `Ready.`, with byte code of the extensions and without'
	@echo 'make install        into DESTDIR= PREFIX=/usr/local'
	@echo 'make setup          install the Debian packages that building needs'
	@echo 'make clean          remove build/'

-include $(shell find $(BUILD)/obj $(FUZZ)/obj -name '*.d' 2>/dev/null)

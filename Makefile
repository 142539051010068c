# Builds the two programs, their tests and everything that `make help` lists.
#
#   make                     build/localstack-entrypoint and build/localstack-extensions
#   make SANITIZE=1          the same under ASan and UBSan, in build/asan (links dynamically)
#   make CROSS=aarch64-linux-gnu   cross-compile, in build/aarch64-linux-gnu

VERSION := 0.1.0
PREFIX ?= /usr/local
CROSS ?=
SANITIZE ?=

ifneq ($(CROSS),)
CC := $(CROSS)-gcc
AR := $(CROSS)-ar
PKG_CONFIG ?= $(CROSS)-pkg-config
BUILD ?= build/$(CROSS)
else
PKG_CONFIG ?= pkg-config
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
EXT_LIBS := -lcurl -lcrypto -lzip -ldeflate -ljansson -lgumbo -lpthread

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

.PHONY: unit
unit: $(UNIT)
	@failed=; for t in $(UNIT); do echo "== $$t"; TEST_DATA=test/data $$t || failed="$$failed $$t"; done; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

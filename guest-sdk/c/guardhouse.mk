# Builds a plugin in C. A Makefile that includes this file sets NAME, the plugin's name, and SDK, this file's folder.

ZIG ?= .venv/bin/python -m ziglang

# The compiler for plugins, and the one for unit tests.
WASM_CC ?= $(ZIG) cc -target wasm32-wasi
TEST_CC ?= $(ZIG) cc -g -fsanitize=undefined

# Uninitialized variables are zero. Otherwise a compiler may choose any value for them, even GH_ALLOW.
FLAGS   := -std=c23 -UNDEBUG -Wall -Wextra -ftrivial-auto-var-init=zero -I$(SDK)
# Undefined behavior traps: a signed overflow, a division by zero, a dereferenced NULL, an index out of bounds.
TRAPS   := -fsanitize=undefined -fsanitize-trap=undefined
SOURCES := $(filter-out %_test.c,$(wildcard *.c))
TESTS   := $(patsubst %.c,build/%,$(wildcard *_test.c))
INPUTS  := Makefile $(wildcard *.c *.h *.json) $(wildcard $(SDK)/*)

.PHONY: core test clean

core: build/core.wasm

# The stack lies below all data, so that an overflow traps and does not overwrite them. `zig cc` always does this, and
# rejects the option.
STACK   := -Wl,-z,stack-size=262144 $(if $(findstring zig,$(WASM_CC)),,-Wl,--stack-first)

# A module without `main`, with a stack of 256 KiB. guardhouse.c is linked first: it replaces parts of the C library.
# The option -g keeps the names of functions for backtraces; `guardhouse build` removes the debug information.
build/core.wasm: $(INPUTS)
	@mkdir -p build
	$(WASM_CC) -mexec-model=reactor -Os -g $(FLAGS) $(TRAPS) $(SDK)/guardhouse.c $(SOURCES) $(STACK) -o $@

# Each *_test.c is a program that includes the files that it tests.
test: $(TESTS)
	@for test in $(TESTS); do ./$$test || exit 1; done

build/%_test: %_test.c $(INPUTS)
	@mkdir -p build
	$(TEST_CC) $(FLAGS) $< $(SDK)/guardhouse.c $(SDK)/guardhouse_testing.c -lm -o $@

clean:
	rm -rf build

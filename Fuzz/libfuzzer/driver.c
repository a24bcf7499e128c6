/* SPDX-License-Identifier: MIT */
/*
 * Joins libFuzzer (as a library: LLVMFuzzerRunDriver) and the .NET process that loads this: libFuzzer is guided by the
 * counters of SharpFuzz's instrumentation.
 */
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define LOCATIONS 65536

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *data, size_t size));

/* libFuzzer looks at this section on Linux, whatever language wrote to it. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t counters[LOCATIONS];

static int (*run_target)(const uint8_t *data, size_t size);

static int test_one(const uint8_t *data, size_t size)
{
	/* libFuzzer then keeps the input. */
	if (run_target(data, size))
		abort();
	return 0;
}

/* Where the instrumentation counts. */
uint8_t *epftest_counters(void)
{
	return counters;
}

/* Fuzzes a target, which returns non-zero for a finding, as libFuzzer's options say. Ends the process. */
int epftest_fuzz(int argc, char **argv, int (*target)(const uint8_t *data, size_t size))
{
	run_target = target;
	/* libFuzzer leaves handlers alone that there are, and .NET has one for this. */
	signal(SIGABRT, SIG_DFL);
	return LLVMFuzzerRunDriver(&argc, &argv, test_one);
}

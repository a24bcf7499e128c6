// SPDX-License-Identifier: MIT
/*
 * bar-read ROUNDS FILE...: prints in each round, for each FILE (a device's resourceN in sysfs), the mean time of a
 * 4-byte read of that BAR in nanoseconds. It checks what it reads, and overwrites the BAR's first bytes for that.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define WORDS 16

/* A measurement has to be long beside the clock's steps. */
#define ENOUGH_NS 50000000

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static volatile uint32_t *map(const char *name)
{
	volatile uint32_t *bar;
	int file;

	file = open(name, O_RDWR | O_SYNC);
	bar = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (bar == MAP_FAILED) {
		perror(name);
		exit(1);
	}
	for (int i = 0; i < WORDS; i++)
		bar[i] = 0x10001 << i;
	return bar;
}

/* The time that all reads take, a multiple of WORDS */
static int64_t read_all(volatile const uint32_t *bar, long count)
{
	uint32_t sum = 0, expected = 0;
	int64_t start;

	for (int i = 0; i < WORDS; i++)
		expected += 0x10001 << i;
	expected *= count / WORDS;

	start = now();
	for (long i = 0; i < count; i++)
		sum += bar[i % WORDS];
	start = now() - start;
	if (sum != expected) {
		fprintf(stderr, "bar-read: read 0x%x in all, not 0x%x\n", sum, expected);
		exit(1);
	}
	return start;
}

/* How many reads take long enough; that many have also made everything warm. */
static long enough(volatile const uint32_t *bar)
{
	long count = WORDS;

	while (read_all(bar, count) < ENOUGH_NS)
		count *= 2;
	return count;
}

int main(int argc, char **argv)
{
	enum { MOST = 4 };
	volatile const uint32_t *bars[MOST];
	long rounds, counts[MOST];
	int files = argc - 2;

	rounds = argc > 1 ? strtol(argv[1], NULL, 0) : 0;
	if (rounds < 1 || files < 1 || files > MOST) {
		fprintf(stderr, "usage: bar-read ROUNDS FILE...\n");
		return 64;
	}
	for (int i = 0; i < files; i++) {
		bars[i] = map(argv[2 + i]);
		counts[i] = enough(bars[i]);
	}
	while (rounds--) {
		printf("bar-read:");
		for (int i = 0; i < files; i++)
			printf(" %.2f", (double)read_all(bars[i], counts[i]) / counts[i]);
		printf("\n");
	}
	return 0;
}

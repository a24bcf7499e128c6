// SPDX-License-Identifier: MIT
/* bar-read FILE COUNT: nanoseconds that a 4-byte read of a BAR takes, as a mean; FILE is a device's resourceN in sysfs. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

int main(int argc, char **argv)
{
	volatile const uint32_t *bar;
	long count;
	int64_t start;
	int file;

	if (argc != 3) {
		fprintf(stderr, "usage: bar-read FILE COUNT\n");
		return 64;
	}
	file = open(argv[1], O_RDWR);
	bar = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
	count = strtol(argv[2], NULL, 0);
	if (bar == MAP_FAILED || count < 1) {
		perror(argv[1]);
		return 1;
	}
	start = now();
	for (long i = 0; i < count; i++)
		(void)bar[i % 16];
	printf("bar-read: %lld ns\n", (long long)(now() - start) / count);
	return 0;
}

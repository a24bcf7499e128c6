// SPDX-License-Identifier: MIT
/*
 * The measuring side of scripts/bench.sh: the same loops for our processes and for the reference's, so that a ratio
 * does not depend on the measuring code. Each returns nanoseconds, or a negative errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Limit for every wait */
#define LIMIT_MS 10000

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static int send_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);

		if (sent < 0)
			return -errno;
		data += sent;
		size -= sent;
	}
	return 0;
}

static int receive_all(int fd, char *data, size_t size)
{
	while (size > 0) {
		ssize_t got = recv(fd, data, size, 0);

		if (got <= 0)
			return got < 0 ? -errno : -ENOTCONN;
		data += got;
		size -= got;
	}
	return 0;
}

/* Binds the calling thread to a core. */
int64_t bench_pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : -errno;
}

/* A request, its reply, and the next request. */
int64_t bench_round_trips(int fd, const char *request, size_t request_size, char *reply, size_t reply_size, long count)
{
	int64_t start = now();

	while (count-- > 0) {
		int error = send_all(fd, request, request_size);

		if (!error)
			error = receive_all(fd, reply, reply_size);
		if (error)
			return error;
	}
	return now() - start;
}

/* The same for a given time; *count is the number of requests. */
int64_t bench_round_trips_for(int fd, const char *request, size_t request_size, char *reply, size_t reply_size,
			      int64_t nanoseconds, int64_t *count)
{
	int64_t start = now(), end = start + nanoseconds;

	for (*count = 0; now() < end; ++*count) {
		int64_t error = bench_round_trips(fd, request, request_size, reply, reply_size, 1);

		if (error < 0)
			return error;
	}
	return now() - start;
}

/* Messages without a reply, and a last one whose reply says that all have been handled. */
int64_t bench_one_way(int fd, const char *message, size_t message_size, long count, const char *last, size_t last_size,
		      char *reply, size_t reply_size)
{
	int64_t start = now();
	int error = 0;

	while (!error && count-- > 0)
		error = send_all(fd, message, message_size);
	if (!error)
		error = send_all(fd, last, last_size);
	if (!error)
		error = receive_all(fd, reply, reply_size);
	return error ? error : now() - start;
}

struct waiter {
	int event;
	int core;
	_Atomic long seen;
	_Atomic int64_t time;
	_Atomic int error;
	long count;
};

static int wait_for_signal(int event)
{
	struct pollfd poll_event = { .fd = event, .events = POLLIN };
	uint64_t value;

	if (poll(&poll_event, 1, LIMIT_MS) != 1)
		return -ETIMEDOUT;
	return read(event, &value, sizeof(value)) == sizeof(value) ? 0 : -errno;
}

static void *wait_for_signals(void *argument)
{
	struct waiter *waiter = argument;

	bench_pin(waiter->core);
	for (long i = 1; i <= waiter->count; i++) {
		int error = wait_for_signal(waiter->event);

		waiter->time = now();
		waiter->error = error;
		waiter->seen = i;
		if (error)
			break;
	}
	return NULL;
}

/*
 * A request that makes the other side signal an eventfd, for which a thread on another core waits. Returns the sum of
 * the times until that thread has read it; the request's reply is received, too.
 */
int64_t bench_signals(int fd, const char *request, size_t request_size, char *reply, size_t reply_size, int event,
		      int core, long count)
{
	struct waiter waiter = { .event = event, .core = core, .count = count };
	int64_t sum = 0;
	int error;
	pthread_t thread;

	error = -pthread_create(&thread, NULL, wait_for_signals, &waiter);
	if (error)
		return error;
	for (long i = 1; !error && i <= count; i++) {
		int64_t start = now();

		error = send_all(fd, request, request_size);
		if (!error)
			error = receive_all(fd, reply, reply_size);
		while (waiter.seen < i && !waiter.error)
			sched_yield();
		if (!error)
			error = waiter.error;
		sum += waiter.time - start;
	}
	pthread_join(thread, NULL);
	return error ? error : sum;
}

/* Time from a request until an eventfd is signalled once */
int64_t bench_until_signal(int fd, const char *request, size_t request_size, char *reply, size_t reply_size, int event)
{
	int64_t start = now(), end;
	int error = send_all(fd, request, request_size);

	if (!error)
		error = wait_for_signal(event);
	end = now();
	if (!error)
		error = receive_all(fd, reply, reply_size);
	return error ? error : end - start;
}

/* memcpy of consecutive pieces between two mappings, from the start again at their end */
int64_t bench_copies(char *to, const char *from, size_t size, size_t span, long count)
{
	int64_t start = now();
	size_t at = 0;

	while (count-- > 0) {
		memcpy(to + at, from + at, size);
		/* Keep the compiler from dropping copies that are never read. */
		__asm__ volatile("" : : "r"(to) : "memory");
		at += size;
		if (at + size > span)
			at = 0;
	}
	return now() - start;
}

/* Maps a whole file, shared, with all pages present. */
void *bench_map(int fd, size_t size)
{
	void *mapping = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

	return mapping == MAP_FAILED ? NULL : mapping;
}

/* For each address, a binary search for the last entry that is not above it, and a read of that entry */
int64_t bench_searches(const uint64_t *table, size_t entries, const uint64_t *wanted, size_t count, uint64_t *sum)
{
	int64_t start = now();

	for (size_t i = 0; i < count; i++) {
		size_t low = 0, high = entries;

		while (low < high) {
			size_t middle = (low + high) / 2;

			if (table[middle] <= wanted[i])
				low = middle + 1;
			else
				high = middle;
		}
		*sum += wanted[i] - table[low - 1];
	}
	return now() - start;
}

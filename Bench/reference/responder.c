// SPDX-License-Identifier: MIT
/*
 * The minimal server of each kind with which EpcDevice and EpfBridge are compared. It serves one client after the other
 * at a Unix stream socket, until it is killed.
 *
 *   responder answer SOCKET REQUEST REPLY [POLL-US]
 *       for each REQUEST bytes received sends REPLY bytes; with POLL-US it polls that long before it waits
 *   responder relay SOCKET REQUEST REPLY NEXT NEXT-REQUEST NEXT-REPLY
 *       for each REQUEST bytes sends NEXT-REQUEST bytes to the server at NEXT, awaits its NEXT-REPLY bytes, if that is
 *       not 0, and sends REPLY bytes
 *   responder signal SOCKET REQUEST REPLY
 *       takes an eventfd from its first client; then for each REQUEST bytes it signals that eventfd, and sends REPLY
 *       bytes, if that is not 0
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static char buffer[64 << 10];

static void check(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "responder: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	errno = ENAMETOOLONG;
	check(strlen(path) < sizeof(address.sun_path), path);
	strcpy(address.sun_path, path);
	return address;
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static ssize_t receive(int fd, int64_t poll_ns)
{
	if (poll_ns > 0) {
		int64_t end = now() + poll_ns;

		do {
			ssize_t got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

			if (got >= 0 || errno != EAGAIN)
				return got;
		} while (now() < end);
	}
	return recv(fd, buffer, sizeof(buffer), 0);
}

static void receive_all(int fd, size_t size)
{
	while (size > 0) {
		ssize_t got = recv(fd, buffer, size < sizeof(buffer) ? size : sizeof(buffer), 0);

		check(got > 0, "the next server hung up");
		size -= got;
	}
}

static int receive_descriptor(int listener)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control;
	struct iovec vector = { .iov_base = buffer, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	int client = accept(listener, NULL, NULL);
	int descriptor;

	check(client >= 0 && recvmsg(client, &message, 0) == 1 && CMSG_FIRSTHDR(&message), "receive an eventfd");
	memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(descriptor));
	close(client);
	return descriptor;
}

int main(int argc, char **argv)
{
	static const uint64_t one = 1;
	int is_relay, is_signal, listener, next = -1, event = -1;
	size_t request, reply, next_request = 0, next_reply = 0;
	struct sockaddr_un address;
	int64_t poll_ns;

	errno = EINVAL;
	check(argc >= 5, "give a kind, a socket and two sizes");
	is_relay = strcmp(argv[1], "relay") == 0;
	is_signal = strcmp(argv[1], "signal") == 0;
	check(!is_relay || argc == 8, "a relay needs the next server and two more sizes");
	request = strtoul(argv[3], NULL, 0);
	reply = strtoul(argv[4], NULL, 0);
	check(request > 0 && reply <= sizeof(buffer), "sizes");
	poll_ns = !is_relay && !is_signal && argc > 5 ? strtol(argv[5], NULL, 0) * 1000 : 0;

	if (is_relay) {
		next_request = strtoul(argv[6], NULL, 0);
		next_reply = strtoul(argv[7], NULL, 0);
		check(next_request <= sizeof(buffer), "sizes");
		address = address_of(argv[5]);
		next = socket(AF_UNIX, SOCK_STREAM, 0);
		check(next >= 0 && connect(next, (struct sockaddr *)&address, sizeof(address)) == 0, argv[5]);
	}

	address = address_of(argv[2]);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	check(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	      listen(listener, 8) == 0, argv[2]);
	if (is_signal)
		event = receive_descriptor(listener);

	for (;;) {
		int client = accept(listener, NULL, NULL);
		size_t come = 0;
		ssize_t got;

		check(client >= 0, "accept");
		while ((got = receive(client, poll_ns)) > 0) {
			for (come += got; come >= request; come -= request) {
				if (is_relay) {
					check(send(next, buffer, next_request, MSG_NOSIGNAL) == (ssize_t)next_request,
					      "send to the next server");
					receive_all(next, next_reply);
				}
				if (is_signal)
					check(write(event, &one, sizeof(one)) == sizeof(one), "signal");
				if (reply > 0)
					check(send(client, buffer, reply, MSG_NOSIGNAL) == (ssize_t)reply, "reply");
			}
		}
		close(client);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traffic for the lab: echo servers, and clients that say by their exit code whether it works. In C
 * and static, since scenarios start it very often, and an emulated machine takes long to start an
 * interpreter.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char usage_text[] =
	"usage: traffic serve [--ready FILE] [--address A] [--tcp PORT]… [--udp PORT]… [--raw "
	"PROTO]…\n"
	"       traffic CLIENT HOST [PORT] [OPTION]…\n"
	"       traffic burst [--interval S] [--count N] PROTO,HOST[,PORT[,SOURCE-PORT]]…\n"
	"\n"
	"serve  answers TCP, UDP and raw IP until it is killed; --ready FILE appears once it does\n"
	"burst  a packet or a connection attempt for each argument, N times; nobody needs to "
	"answer\n"
	"Clients:\n"
	"tcp, udp, icmp, raw  exit 0 as soon as an answer has come, 1 at the deadline\n"
	"short  many short TCP connections   dns  many UDP queries from changing ports\n"
	"flood, scan  UDP to one port, to every port; prints how many packets were sent\n"
	"refused  exit 0 if TCP is refused at once\n"
	"Options: --deadline, --interval, --pause (seconds), --size (bytes), --count, --sport,\n"
	"         --once (refused is final), --rate (flood prints packets a second instead)\n";

#define MAX_SOCKETS 16
#define MAX_PACKET  65536

struct options {
	const char *command;
	const char *host, *ready, *address;
	uint16_t port, sport;
	double deadline, interval, pause;
	size_t size;
	long count;
	bool once, rate;
	uint16_t tcp[MAX_SOCKETS], udp[MAX_SOCKETS], raw[MAX_SOCKETS];
	int n_tcp, n_udp, n_raw;
};

static struct options opt = {.deadline = 3, .interval = 0.1, .size = 64, .count = -1};
static double end; /* of time, as now() */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_seconds(double seconds)
{
	struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

__attribute__((noreturn)) static void usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

__attribute__((noreturn)) static void failed(const char *why)
{
	fprintf(stderr, "traffic %s %s %u: %s\n", opt.command, opt.host ? opt.host : "-", opt.port,
		why);
	exit(1);
}

static int must(int result)
{
	if (result < 0)
		failed(strerror(errno));
	return result;
}

/* Milliseconds to the deadline, at least one; ends the program when it is over. */
static int remaining(void)
{
	double left = end - now();

	if (left <= 0)
		failed("no answer before the deadline");
	return (int)(left * 1000) + 1;
}

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t len;
	int family;
};

static struct endpoint endpoint_of(const char *host, uint16_t port)
{
	struct endpoint e = {};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&e.addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e.addr;

	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		e.family = v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		e.len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		e.family = v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		e.len = sizeof(*v6);
	} else {
		fprintf(stderr, "traffic: \"%s\" is no address\n", host);
		exit(2);
	}
	return e;
}

static const struct sockaddr *sa(const struct endpoint *e)
{
	return (const struct sockaddr *)&e->addr;
}

static int socket_for(const struct endpoint *e, int type, int proto)
{
	return must(socket(e->family, type | SOCK_CLOEXEC, proto));
}

static void bind_port(int fd, int family, uint16_t port)
{
	struct endpoint any = endpoint_of(family == AF_INET6 ? "::" : "0.0.0.0", port);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	must(bind(fd, sa(&any), any.len));
}

/* ---- servers: a thread each, for the program's life */

static void run_thread(void *(*run)(void *arg), int fd)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, (void *)(intptr_t)fd))
		close(fd);
	else
		pthread_detach(thread);
}

static bool send_all(int fd, const uint8_t *data, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		data += sent;
		n -= (size_t)sent;
	}
	return true;
}

static void *echo_stream(void *arg)
{
	int fd = (int)(intptr_t)arg;
	uint8_t buf[MAX_PACKET];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0 && send_all(fd, buf, (size_t)n))
		;
	close(fd);
	return NULL;
}

static void *serve_tcp(void *arg)
{
	int fd = (int)(intptr_t)arg;

	for (;;) {
		int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (conn >= 0)
			run_thread(echo_stream, conn);
	}
	return NULL;
}

/* An ICMP error, or a firewall's EPERM, for an earlier answer ends nothing. */
static void *serve_udp(void *arg)
{
	int fd = (int)(intptr_t)arg;
	uint8_t buf[MAX_PACKET];

	for (;;) {
		struct endpoint peer = {.len = sizeof(peer.addr)};
		ssize_t n =
			recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&peer.addr, &peer.len);

		if (n >= 0)
			sendto(fd, buf, (size_t)n, 0, sa(&peer), peer.len);
	}
	return NULL;
}

/* What looks like ESP: SPI, sequence number, payload. */
static const uint8_t spi_query[4] = "wdq1", spi_answer[4] = "wdq2";

static size_t ip_header(const uint8_t *packet)
{
	return (size_t)(packet[0] & 15) * 4;
}

static void *serve_raw(void *arg)
{
	int fd = (int)(intptr_t)arg;
	uint8_t buf[MAX_PACKET];

	for (;;) {
		struct endpoint peer = {.len = sizeof(peer.addr)};
		ssize_t n =
			recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&peer.addr, &peer.len);
		size_t at = n > 0 ? ip_header(buf) : 0;

		if (n < 0 || (size_t)n < at + sizeof(spi_query) ||
		    memcmp(buf + at, spi_query, sizeof(spi_query)) != 0)
			continue;
		memcpy(buf + at, spi_answer, sizeof(spi_answer));
		sendto(fd, buf + at, (size_t)n - at, 0, sa(&peer), peer.len);
	}
	return NULL;
}

static int bound(const char *address, uint16_t port, int type, bool v6only)
{
	struct endpoint e = endpoint_of(address, port);
	int fd = socket_for(&e, type, 0), on = 1, only = v6only;

	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (e.family == AF_INET6)
		must(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)));
	must(bind(fd, sa(&e), e.len));
	return fd;
}

static void start_tcp(uint16_t port)
{
	int fd = bound(opt.address ? opt.address : "::", port, SOCK_STREAM, false);

	must(listen(fd, 128));
	run_thread(serve_tcp, fd);
}

/* One socket for each family, as dual-stack sockets hide the peer's family from readers. */
static void start_udp(uint16_t port)
{
	if (opt.address) {
		run_thread(serve_udp, bound(opt.address, port, SOCK_DGRAM, true));
		return;
	}
	run_thread(serve_udp, bound("0.0.0.0", port, SOCK_DGRAM, true));
	run_thread(serve_udp, bound("::", port, SOCK_DGRAM, true));
}

static void serve(void)
{
	for (int i = 0; i < opt.n_tcp; i++)
		start_tcp(opt.tcp[i]);
	for (int i = 0; i < opt.n_udp; i++)
		start_udp(opt.udp[i]);
	for (int i = 0; i < opt.n_raw; i++)
		run_thread(serve_raw, must(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, opt.raw[i])));
	if (opt.ready)
		close(must(open(opt.ready, O_CREAT | O_WRONLY | O_CLOEXEC, 0644)));
	for (;;)
		pause();
}

/* ---- clients; each returns when it was answered, and otherwise ends the program */

static uint8_t *random_bytes(size_t n)
{
	uint8_t *data = malloc(n ? n : 1);

	for (size_t i = 0; data && i < n;) {
		ssize_t got = getrandom(data + i, n - i, 0);

		if (got > 0)
			i += (size_t)got;
	}
	if (!data)
		failed("out of memory");
	return data;
}

/* 0, or an errno. */
static int finish_connect(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int err = 0;

	while (poll(&p, 1, remaining()) < 1)
		;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
	return err;
}

/* One try lasts until the deadline, so that the kernel retransmits the SYN. 0, or an errno. */
static int connect_nonblocking(int fd, const struct endpoint *to)
{
	if (!connect(fd, sa(to), to->len))
		return 0;
	return errno == EINPROGRESS ? finish_connect(fd) : errno;
}

/* Sends and receives at once, as much may be under way. 0, or an errno. */
static int exchange(int fd, const uint8_t *data, size_t size)
{
	static uint8_t buf[MAX_PACKET];
	size_t sent = 0, got = 0;

	while (got < size) {
		struct pollfd p = {.fd = fd,
				   .events = (short)(POLLIN | (sent < size ? POLLOUT : 0))};
		ssize_t n;

		if (poll(&p, 1, remaining()) < 1)
			continue;
		if (sent < size && (p.revents & POLLOUT)) {
			n = send(fd, data + sent, size - sent, MSG_NOSIGNAL);
			if (n < 0 && errno != EAGAIN)
				return errno;
			sent += n > 0 ? (size_t)n : 0;
		}
		if (!(p.revents & (POLLIN | POLLERR | POLLHUP)))
			continue;
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno != EAGAIN)
			return errno;
		if (!n)
			return ECONNABORTED;
		if (n > 0 &&
		    memcmp(buf, data + got, (size_t)n < size - got ? (size_t)n : size - got) != 0)
			return EBADMSG;
		got += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static bool may_try_again(int err)
{
	/* a neighbour that was asked for in vain when all was broken */
	return err == ECONNREFUSED || err == ECONNRESET || err == ECONNABORTED || err == EPIPE ||
	       err == EHOSTUNREACH;
}

static void tcp(void)
{
	struct endpoint to = endpoint_of(opt.host, opt.port);
	uint8_t *payload = random_bytes(opt.size);

	for (;;) {
		int fd = socket_for(&to, SOCK_STREAM | SOCK_NONBLOCK, 0), err;

		if (opt.sport)
			bind_port(fd, to.family, opt.sport);
		err = connect_nonblocking(fd, &to);
		if (!err)
			err = exchange(fd, payload, opt.size);
		close(fd);
		if (!err)
			break;
		if (opt.once || !may_try_again(err))
			failed(strerror(err));
		remaining();
		wait_seconds(0.05);
	}
	free(payload);
}

struct answer {
	const uint8_t *data;
	size_t n;
	bool (*is)(const struct answer *a, const uint8_t *data, size_t n);
};

static bool is_echo(const struct answer *a, const uint8_t *data, size_t n)
{
	return n == a->n && !memcmp(data, a->data, n);
}

/* Is the answer among what comes within the time? ICMP errors for earlier packets are none. */
static bool answered(int fd, double seconds, const struct answer *a)
{
	static uint8_t buf[MAX_PACKET];
	double until = now() + seconds;
	double left;

	while ((left = (until < end ? until : end) - now()) > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, (int)(left * 1000) + 1) < 1)
			continue;
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n >= 0 && a->is(a, buf, (size_t)n))
			return true;
	}
	return false;
}

/* to NULL: the socket is connected. EPERM of an OUTPUT rule is as good as no answer. */
static void until_answered(int fd, const struct endpoint *to, const uint8_t *packet, size_t n,
			   const struct answer *a)
{
	for (;;) {
		if (to)
			sendto(fd, packet, n, 0, sa(to), to->len);
		else
			send(fd, packet, n, 0);
		if (answered(fd, opt.interval, a))
			return;
		remaining();
	}
}

/* Connected: an answer from another address than the one that was asked is not an answer. */
static int connected_udp(const struct endpoint *to)
{
	int fd = socket_for(to, SOCK_DGRAM, 0);

	if (opt.sport)
		bind_port(fd, to->family, opt.sport);
	must(connect(fd, sa(to), to->len));
	return fd;
}

static void udp(void)
{
	struct endpoint to = endpoint_of(opt.host, opt.port);
	uint8_t *payload = random_bytes(opt.size);
	struct answer a = {payload, opt.size, is_echo};

	until_answered(connected_udp(&to), NULL, payload, opt.size, &a);
	free(payload);
}

static uint16_t checksum(const uint8_t *data, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

struct ping {
	uint8_t type, code, sum[2], id[2], sequence[2], text[16];
};

/* The kernel fills in the checksum of ICMPv6 only. */
static struct ping make_ping(bool six)
{
	struct ping p;
	uint16_t sum;

	memset(&p, 0, sizeof(p));
	p.type = six ? ICMP6_ECHO_REQUEST : ICMP_ECHO;
	p.id[0] = (uint8_t)(getpid() >> 8);
	p.id[1] = (uint8_t)getpid();
	p.sequence[1] = 1;
	memcpy(p.text, "whydrop-lab-ping", sizeof(p.text));
	sum = six ? 0 : checksum((const uint8_t *)&p, sizeof(p));
	p.sum[0] = (uint8_t)(sum >> 8);
	p.sum[1] = (uint8_t)sum;
	return p;
}

static bool is_pong(const struct answer *a, const uint8_t *data, size_t n)
{
	const struct ping *sent = (const struct ping *)a->data;
	size_t at = sent->type == ICMP_ECHO && n ? ip_header(data) : 0;

	return n >= at + sizeof(*sent) &&
	       data[at] == (sent->type == ICMP_ECHO ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
	       !memcmp(data + at + 4, sent->id, sizeof(*sent) - 4);
}

static void icmp(void)
{
	struct endpoint to = endpoint_of(opt.host, 0);
	bool six = to.family == AF_INET6;
	int fd = socket_for(&to, SOCK_RAW, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	struct ping p = make_ping(six);
	struct answer a = {(const uint8_t *)&p, sizeof(p), is_pong};

	until_answered(fd, &to, a.data, a.n, &a);
}

static bool is_raw_answer(const struct answer *a, const uint8_t *data, size_t n)
{
	size_t at = n ? ip_header(data) : 0;

	return n == at + a->n && !memcmp(data + at, spi_answer, sizeof(spi_answer)) &&
	       !memcmp(data + at + 4, a->data + 4, a->n - 4);
}

static void raw(void)
{
	struct endpoint to = endpoint_of(opt.host, 0);
	int fd = socket_for(&to, SOCK_RAW, opt.port);
	uint8_t *packet = random_bytes(72);
	struct answer a = {packet, 72, is_raw_answer};

	memcpy(packet, spi_query, sizeof(spi_query));
	memset(packet + 4, 0, 3);
	packet[7] = 1; /* the sequence number */
	until_answered(fd, &to, packet, a.n, &a);
	free(packet);
}

static void short_connections(void)
{
	struct endpoint to = endpoint_of(opt.host, opt.port);

	for (long i = 0; i < opt.count; i++) {
		int fd = socket_for(&to, SOCK_STREAM | SOCK_NONBLOCK, 0);
		int err = connect_nonblocking(fd, &to);

		if (!err)
			err = exchange(fd, (const uint8_t *)"hello", 5);
		if (err)
			failed(strerror(err));
		close(fd);
	}
}

static void dns(void)
{
	static const char tail[] = "\1\0\0\1\0\0\0\0\0\0\7whydrop\4test\0\0\1\0\1";
	struct endpoint to = endpoint_of(opt.host, opt.port);
	uint8_t query[2 + sizeof(tail) - 1];
	struct answer a = {query, sizeof(query), is_echo};

	memcpy(query + 2, tail, sizeof(tail) - 1);
	for (long i = 0; i < opt.count; i++) {
		int fd = connected_udp(&to);

		if (getrandom(query, 2, 0) != 2)
			failed("no random bytes");
		until_answered(fd, NULL, query, sizeof(query), &a);
		close(fd);
	}
}

/* One source port: one group, unless told otherwise. */
static void flood(void)
{
	struct endpoint to = endpoint_of(opt.host, opt.port);
	int fd = socket_for(&to, SOCK_DGRAM, 0);
	long sent = 0, tried = 0;
	double began = now();

	while ((!opt.count || sent < opt.count) && now() < end) {
		if (sendto(fd, "flood", 5, 0, sa(&to), to.len) == 5)
			sent++;
		if (++tried % 64 == 0 && opt.pause > 0)
			wait_seconds(opt.pause);
	}
	if (opt.rate)
		printf("%.0f\n", (double)sent / (now() - began));
	else
		printf("%ld\n", sent);
}

/* To every port but those that answer in the lab. */
static void scan(void)
{
	struct endpoint to = endpoint_of(opt.host, 0);
	int fd = socket_for(&to, SOCK_DGRAM, 0);
	long sent = 0;

	for (unsigned int port = 1; port < 65536; port++) {
		struct endpoint e = endpoint_of(opt.host, (uint16_t)port);

		if (port == 53 || port == 8080)
			continue;
		if (sendto(fd, "scan", 4, 0, sa(&e), e.len) == 4)
			sent++;
		if (port % 64 == 0)
			remaining();
	}
	printf("%ld\n", sent);
}

static void refused(void)
{
	struct endpoint to = endpoint_of(opt.host, opt.port);

	if (connect_nonblocking(socket_for(&to, SOCK_STREAM | SOCK_NONBLOCK, 0), &to) !=
	    ECONNREFUSED)
		failed("not refused");
}

/* ---- burst */

/* PROTO,HOST[,PORT[,SOURCE-PORT]]: one packet of it. The socket of a TCP attempt stays open until
 * the end, so that it is not taken back. */
static void attempt(const char *item)
{
	char text[128], *save, *proto, *host, *port, *sport;
	struct endpoint to;
	struct ping p;
	int fd;

	snprintf(text, sizeof(text), "%s", item);
	proto = strtok_r(text, ",", &save);
	host = strtok_r(NULL, ",", &save);
	port = strtok_r(NULL, ",", &save);
	sport = strtok_r(NULL, ",", &save);
	if (!proto || !host)
		usage();
	to = endpoint_of(host, port ? (uint16_t)atoi(port) : 0);
	if (!strcmp(proto, "icmp")) {
		p = make_ping(to.family == AF_INET6);
		fd = socket_for(&to, SOCK_RAW,
				to.family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		sendto(fd, &p, sizeof(p), 0, sa(&to), to.len);
		close(fd);
		return;
	}
	fd = socket_for(&to, (strcmp(proto, "tcp") ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
	bind_port(fd, to.family, sport ? (uint16_t)atoi(sport) : 0);
	if (!strcmp(proto, "tcp")) {
		(void)!connect(fd, sa(&to), to.len);
		return;
	}
	sendto(fd, "burst", 5, 0, sa(&to), to.len);
	close(fd);
}

static void burst(char **items, int n)
{
	if (!n)
		usage();
	for (long i = 0; i < opt.count; i++) {
		if (i)
			wait_seconds(opt.interval);
		for (int j = 0; j < n; j++)
			attempt(items[j]);
	}
}

/* ---- command line */

static const struct client {
	const char *name;
	void (*run)(void);
	long count; /* the default */
} clients[] = {{"tcp", tcp, 1},	  {"udp", udp, 1},	   {"icmp", icmp, 1},
	       {"raw", raw, 1},	  {"dns", dns, 1},	   {"flood", flood, 0},
	       {"scan", scan, 1}, {"refused", refused, 1}, {"short", short_connections, 1}};

static double seconds_of(const char *s)
{
	char *rest;
	double d = strtod(s, &rest);

	if (rest == s || *rest || d < 0)
		usage();
	return d;
}

static long number_of(const char *s, long most)
{
	char *rest;
	long n = strtol(s, &rest, 10);

	if (rest == s || *rest || n < 0 || n > most)
		usage();
	return n;
}

static void add(uint16_t *list, int *n, const char *s)
{
	if (*n == MAX_SOCKETS)
		usage();
	list[(*n)++] = (uint16_t)number_of(s, 65535);
}

static void take_option(int o)
{
	switch (o) {
	case 'r':
		opt.ready = optarg;
		break;
	case 'a':
		opt.address = optarg;
		break;
	case 't':
		add(opt.tcp, &opt.n_tcp, optarg);
		break;
	case 'u':
		add(opt.udp, &opt.n_udp, optarg);
		break;
	case 'w':
		add(opt.raw, &opt.n_raw, optarg);
		break;
	case 'd':
		opt.deadline = seconds_of(optarg);
		break;
	case 'i':
		opt.interval = seconds_of(optarg);
		break;
	case 'p':
		opt.pause = seconds_of(optarg);
		break;
	case 's':
		opt.size = (size_t)number_of(optarg, 1L << 30);
		break;
	case 'c':
		opt.count = number_of(optarg, 1L << 40);
		break;
	case 'S':
		opt.sport = (uint16_t)number_of(optarg, 65535);
		break;
	case 'o':
		opt.once = true;
		break;
	case 'R':
		opt.rate = true;
		break;
	default:
		usage();
	}
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"ready", 1, NULL, 'r'},    {"address", 1, NULL, 'a'},
		{"tcp", 1, NULL, 't'},	    {"udp", 1, NULL, 'u'},
		{"raw", 1, NULL, 'w'},	    {"deadline", 1, NULL, 'd'},
		{"interval", 1, NULL, 'i'}, {"pause", 1, NULL, 'p'},
		{"size", 1, NULL, 's'},	    {"count", 1, NULL, 'c'},
		{"sport", 1, NULL, 'S'},    {"once", 0, NULL, 'o'},
		{"rate", 0, NULL, 'R'},	    {}};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0)
		take_option(o);
	if (optind == argc)
		usage();
	opt.command = argv[optind++];
}

static void run_client(int argc, char **argv)
{
	const struct client *c = clients;

	while (c < clients + sizeof(clients) / sizeof(*clients) &&
	       strcmp(c->name, opt.command) != 0)
		c++;
	if (c == clients + sizeof(clients) / sizeof(*clients) || argc < 1 || argc > 2)
		usage();
	opt.host = argv[0];
	opt.port = argc > 1 ? (uint16_t)number_of(argv[1], 65535) : 0;
	if (opt.count < 0)
		opt.count = c->count;
	end = now() + opt.deadline;
	c->run();
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	parse(argc, argv);
	if (!opt.command) {
		usage();
	} else if (!strcmp(opt.command, "serve")) {
		if (optind != argc)
			usage();
		serve();
	} else if (!strcmp(opt.command, "burst")) {
		opt.count = opt.count < 0 ? 3 : opt.count;
		burst(argv + optind, argc - optind);
	} else {
		run_client(argc - optind, argv + optind);
	}
	return 0;
}

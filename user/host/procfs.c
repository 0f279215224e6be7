// SPDX-License-Identifier: GPL-2.0-only
/* What /proc tells. /proc/sys/net and /proc/thread-self/net are those of the netns we are in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util.h"
#include "parse.h"
#include "real.h"

int read_sysctl(const char *name, char *buf, size_t size)
{
	char path[256];
	ssize_t n;
	int fd;

	if (strstr(name, ".."))
		return -EINVAL;
	if ((size_t)snprintf(path, sizeof(path), "/proc/sys/%s", name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

#define TCP_LISTEN 0x0a /* include/net/tcp_states.h */

/* The sockets of a file. Of TCP only those that listen: they come first (tcp_get_idx(),
 * net/ipv4/tcp_ipv4.c), and there may be very many others. */
static int read_socket_file(const char *path, bool tcp, struct vec *out)
{
	FILE *f = fopen(path, "re");
	char line[512];
	int err = 0;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		struct local_socket s;
		unsigned int state = 0;
		int e = parse_socket_line(line, &s, &state);

		if (!e && tcp && state != TCP_LISTEN)
			break;
		if (!e)
			vec_add(out, &s);
		else if (e < 0)
			err = e;
	}
	fclose(f);
	return err;
}

int read_sockets(bool tcp, struct vec *out)
{
	int err;

	out->size = sizeof(struct local_socket);
	err = read_socket_file(tcp ? "/proc/thread-self/net/tcp" : "/proc/thread-self/net/udp", tcp,
			       out);
	if (!err) {
		err = read_socket_file(tcp ? "/proc/thread-self/net/tcp6"
					   : "/proc/thread-self/net/udp6",
				       tcp, out);
		if (err == -ENOENT) /* IPv6 is not built in */
			err = 0;
	}
	return err;
}

/* Adds the counter `name` of a table of counters, which has it in the parser's way, to *n. */
static int add_counter(const char *path, const char *name,
		       int (*parse)(FILE *f, const char *name, uint64_t *n), uint64_t *n)
{
	FILE *f = fopen(path, "re");
	uint64_t value = 0;
	int err;

	if (!f)
		return -errno;
	err = parse(f, name, &value);
	fclose(f);
	*n += value;
	return err;
}

int read_icmp_errors(uint64_t *n)
{
	uint64_t sum = 0;
	int err =
		add_counter("/proc/thread-self/net/snmp", "Icmp:InDestUnreachs", parse_snmp, &sum);

	if (!err) {
		err = add_counter("/proc/thread-self/net/snmp6", "Icmp6InDestUnreachs", parse_snmp6,
				  &sum);
		if (err == -ENOENT) /* IPv6 is not built in */
			err = 0;
	}
	if (!err)
		*n = sum;
	return err;
}

/* Netlink subsystems that are modules would be loaded by asking. Their functions' names stand in
 * kallsyms when they are there, also where addresses are hidden. */
void read_kallsyms_names(struct real_host *h)
{
	FILE *f;
	char line[512];

	if (h->kallsyms_read)
		return;
	h->kallsyms_read = true;
	f = fopen("/proc/kallsyms", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, " ctnetlink_dump_table"))
			h->has_ctnetlink = true;
		else if (strstr(line, " xfrm_user_rcv_msg"))
			h->has_xfrm_user = true;
		else if (strstr(line, " nft_do_chain"))
			h->has_nft = true;
		else if (strstr(line, " nft_match_select_ops"))
			h->has_nft_compat = true;
		else if (strstr(line, " ebt_do_table"))
			h->has_ebtables = true;
	}
	if (f)
		fclose(f);
}

// SPDX-License-Identifier: GPL-2.0-only
/* What /proc tells. /proc/sys/net and /proc/thread-self/net are those of the netns we are in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kallsyms.h"
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

/* Servers stand behind their service. */
void read_ipvs_file(FILE *f, struct vec *out)
{
	struct ipvs_service s, *last = NULL;
	char line[256];

	out->size = sizeof(s);
	while (fgets(line, sizeof(line), f)) {
		if (line[0] != ' ')
			last = parse_ipvs_service(line, &s) ? NULL : vec_add(out, &s);
		else if (last)
			last->servers += parse_ipvs_server(line);
	}
}

int read_ipvs(struct vec *out)
{
	FILE *f = fopen("/proc/thread-self/net/ip_vs", "re");

	if (!f)
		return -errno;
	read_ipvs_file(f, out);
	fclose(f);
	return 0;
}

/* Compilers add suffixes. */
static bool begins(const struct kallsyms_line *l, const char *name)
{
	return !strncmp(l->name, name, strlen(name));
}

void take_kallsyms_name(void *host, const struct kallsyms_line *l)
{
	struct real_host *h = host;

	if (!l) {
		h->kallsyms_read = true;
		/* what was there may be gone with its module */
		h->has_ctnetlink = h->has_xfrm_user = h->has_ebtables = h->has_nft_compat = false;
		return;
	}
	h->has_ctnetlink |= begins(l, "ctnetlink_dump_table");
	h->has_xfrm_user |= begins(l, "xfrm_user_rcv_msg");
	h->has_nft_compat |= begins(l, "nft_match_select_ops");
	h->has_ebtables |= begins(l, "ebt_do_table");
}

/* Netlink subsystems that are modules would be loaded by asking. Their functions' names stand in
 * kallsyms when they are there, also where addresses are hidden. */
void read_kallsyms_names(struct real_host *h, const char *path)
{
	if (h->kallsyms_read)
		return;
	take_kallsyms_name(h, NULL);
	kallsyms_read(path, take_kallsyms_name, h);
}

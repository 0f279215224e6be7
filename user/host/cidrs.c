// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which Pod and Service CIDRs does this node belong to? There is no API server to ask: the CNI's
 * own bridge, its routes over tunnels, its configuration files, and the command lines of kubelet
 * and kube-proxy tell. Files and command lines are untrusted input.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../util.h"
#include "real.h"

#define MAX_FILE (1 << 20)
#define MAX_ROOT 64
/* of a netns: each node of a large cluster has a route to each of the others */
#define MAX_CIDRS      8192
#define MAX_FILE_CIDRS 64
#define MAX_CNI_NAMES  256
#define MAX_CNI_FILES  16

/* Is it one? Then *out has it, as long as there is room. */
static bool add(struct vec *out, const char *text, enum cidr_role role, uint32_t netns,
		const char *source)
{
	struct known_cidr c = {.role = role, .netns = netns};
	const struct known_cidr *old = out->data;

	if (cidr_parse(text, &c.net) || !c.net.bits)
		return false;
	for (size_t i = 0; i < out->n; i++) {
		if (old[i].net.bits == c.net.bits && addr_eq(&old[i].net.addr, &c.net.addr) &&
		    old[i].role == role)
			return true;
	}
	snprintf(c.source, sizeof(c.source), "%s", source);
	if (out->n < MAX_CIDRS)
		vec_add(out, &c);
	return true;
}

static void add_list(struct vec *out, const char *list, enum cidr_role role, uint32_t netns,
		     const char *source)
{
	char copy[512], *save, *item;

	snprintf(copy, sizeof(copy), "%s", list);
	for (item = strtok_r(copy, ", \n\"", &save); item; item = strtok_r(NULL, ", \n\"", &save))
		add(out, item, role, netns, source);
}

/* The network of an address: host bits cleared. */
static const char *network_of(const struct cidr *c, char *buf)
{
	struct cidr net = *c;

	for (unsigned int bit = c->bits; bit < 128; bit++)
		net.addr.b[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
	return cidr_str(&net, buf);
}

/* A bridge with pods on it, or a veth whose other end has this node as its way out. */
static bool serves_pods(struct host *h, uint32_t netns, const struct link *l)
{
	if (!strcmp(l->kind, "bridge"))
		return host_is_pod_bridge(h, netns, l);
	return !strcmp(l->kind, "veth") && l->peer_is_away && l->peer_netns &&
	       host_node_of(h, l->peer_netns) == netns;
}

static void from_addresses(struct host *h, uint32_t netns, struct vec *out)
{
	const struct if_addr *a;
	size_t n;

	if (h->ops->addrs(h, netns, &a, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct link *l = host_link(h, netns, a[i].ifindex);
		unsigned int whole = a[i].net.addr.family == AF_INET6 ? 128 : 32;
		char net[CIDR_STRLEN], source[64];

		if (!l || a[i].net.bits == whole || addr_is_linklocal(&a[i].net.addr) ||
		    !serves_pods(h, netns, l))
			continue;
		snprintf(source, sizeof(source), "%s %s", l->kind, l->name);
		add(out, network_of(&a[i].net, net), CIDR_POD, netns, source);
	}
}

static unsigned int common_bits(const struct addr *a, const struct addr *b)
{
	unsigned int n = 0;

	while (n < 128 && !((a->b[n / 8] ^ b->b[n / 8]) & (0x80 >> (n % 8))))
		n++;
	return n;
}

#define CLUSTER_BITS 12 /* a cluster has room for some thousand nodes, not for many more */

/* Is a route over a tunnel that of another node's Pod CIDR, and not a VPN's? Nodes' Pod CIDRs have
 * one size and stand close together, so compare with this node's own. */
static bool is_like_own(const struct cidr *net, const struct known_cidr *own, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (own[i].role == CIDR_POD && own[i].net.addr.family == net->addr.family &&
		    own[i].net.bits == net->bits &&
		    common_bits(&own[i].net.addr, &net->addr) + CLUSTER_BITS >= net->bits)
			return true;
	}
	return false;
}

/* After from_addresses(), which finds this node's own. */
static void from_tunnel_routes(struct host *h, uint32_t netns, struct vec *out)
{
	static const char *const kinds[] = {"vxlan", "geneve", "ipip", "wireguard"};
	size_t n, n_own = out->n;
	const struct route *r;

	if (h->ops->routes(h, netns, &r, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct link *l = r[i].oif ? host_link(h, netns, r[i].oif) : NULL;
		char net[CIDR_STRLEN], source[64];

		if (!l || r[i].type != RTN_UNICAST || !is_like_own(&r[i].dst, out->data, n_own))
			continue;
		snprintf(source, sizeof(source), "route over %s", l->name);
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			if (!strcmp(l->kind, kinds[k]))
				add(out, cidr_str(&r[i].dst, net), CIDR_POD, netns, source);
		}
	}
}

/* A path below the node's root, where symbolic links must not lead out of it: a container's files
 * are its own to make. The file is not opened for reading before it is known to be a regular one,
 * since opening a device can have effects. Returns an fd, or -errno. */
static int open_below(const char *root, const char *path, int type)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, ready = -EINVAL;
	char self[40];
	struct stat st;

	if (dir < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	close(dir);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && (st.st_mode & S_IFMT) == (mode_t)type) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		ready = open(self, O_RDONLY | O_CLOEXEC);
		if (ready < 0)
			ready = -errno;
	}
	close(fd);
	return ready;
}

/* A whole file, or NULL: too large, no regular file, not readable. Terminated. */
static char *read_file(const char *root, const char *path)
{
	int fd = open_below(root, path, S_IFREG);
	struct stat st;
	char *text = NULL;
	ssize_t n;

	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st) && st.st_size <= MAX_FILE) {
		text = xcalloc((size_t)st.st_size + 1, 1);
		n = read(fd, text, (size_t)st.st_size);
		text[n > 0 ? n : 0] = '\0';
	}
	close(fd);
	return text;
}

void cidrs_from_flannel(char *text, uint32_t netns, struct vec *out)
{
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strncmp(line, "FLANNEL_NETWORK=", 16))
			add_list(out, line + 16, CIDR_POD, netns, "/run/flannel/subnet.env");
		else if (!strncmp(line, "FLANNEL_IPV6_NETWORK=", 21))
			add_list(out, line + 21, CIDR_POD, netns, "/run/flannel/subnet.env");
	}
}

static void from_flannel(const char *root, uint32_t netns, struct vec *out)
{
	char *text = read_file(root, "run/flannel/subnet.env");

	if (text)
		cidrs_from_flannel(text, netns, out);
	free(text);
}

/* What a file of CNI's tells. */
struct cni_file {
	uint32_t netns;
	const char *source;
	struct vec *out;
	size_t n; /* CIDRs that it has, known or new */
};

/* Every "subnet" anywhere below an "ipam" object: plugins nest them differently. */
static void walk_json(const json_t *j, bool in_ipam, int depth, struct cni_file *f)
{
	const json_t *value;
	const char *key;
	size_t i;

	if (depth > 16)
		return;
	json_array_foreach((json_t *)j, i, value) walk_json(value, in_ipam, depth + 1, f);
	json_object_foreach((json_t *)j, key, value)
	{
		if (in_ipam && f->n < MAX_FILE_CIDRS && !strcmp(key, "subnet") &&
		    json_is_string(value))
			f->n += add(f->out, json_string_value(value), CIDR_POD, f->netns,
				    f->source);
		walk_json(value, in_ipam || !strcmp(key, "ipam"), depth + 1, f);
	}
}

bool cidrs_from_cni(const char *text, uint32_t netns, const char *source, struct vec *out)
{
	struct cni_file f = {netns, source, out, 0};
	json_t *j = json_loads(text, 0, NULL);

	if (j)
		walk_json(j, false, 0, &f);
	json_decref(j);
	return f.n;
}

/* As libcni does: what another CNI has put out of use is called x.conflist.cilium_bak and the like.
 */
static bool is_cni_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".conf") || !strcmp(dot, ".conflist") || !strcmp(dot, ".json"));
}

static bool from_cni_file(const char *root, const char *name, uint32_t netns, struct vec *out)
{
	char path[300], source[160], *text;
	bool found;

	snprintf(path, sizeof(path), "etc/cni/net.d/%s", name);
	text = read_file(root, path);
	snprintf(source, sizeof(source), "/etc/cni/net.d/%.100s", name);
	found = text && cidrs_from_cni(text, netns, source, out);
	free(text);
	return found;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Container runtimes take the first by name, and others are podman's, say, or left over; but the
 * first may have no CIDR, and only pass on to another one (multus). */
void cidrs_from_cni_files(const char *root, uint32_t netns, struct vec *out)
{
	int fd = open_below(root, "etc/cni/net.d", S_IFDIR);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char *names[MAX_CNI_NAMES];
	struct dirent *e;
	bool found = false;
	size_t n = 0;

	while (d && n < MAX_CNI_NAMES && (e = readdir(d))) {
		if (is_cni_name(e->d_name))
			names[n++] = xstrdup(e->d_name);
	}
	if (d)
		closedir(d);
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		found = found || (i < MAX_CNI_FILES && from_cni_file(root, names[i], netns, out));
		free(names[i]);
	}
}

static const struct {
	const char *option;
	enum cidr_role role;
} cluster_options[] = {
	{"--cluster-cidr", CIDR_POD},
	{"--pod-cidr", CIDR_POD},
	{"--service-cluster-ip-range", CIDR_SERVICE},
	{"--service-cidr", CIDR_SERVICE},
};

/* The value of an option at p, "--option=value" or "--option" and the next word; or NULL. */
static const char *option_value(const char *p, const char *end, const char *option)
{
	size_t n = strlen(option);

	if (strncmp(p, option, n))
		return NULL;
	if (p[n] == '=')
		return p + n + 1;
	return !p[n] && p + n + 1 < end ? p + n + 1 : NULL;
}

void cidrs_from_arguments(const char *args, size_t len, uint32_t netns, struct vec *out)
{
	const char *program = strrchr(args, '/');
	char source[64];

	program = program ? program + 1 : args;
	if (strncmp(program, "kube", 4) && strncmp(program, "k3s", 3) &&
	    strncmp(program, "rke2", 4))
		return;
	snprintf(source, sizeof(source), "command line of %.32s", program);
	for (const char *p = args; p < args + len; p += strlen(p) + 1) {
		for (size_t i = 0; i < ARRAY_SIZE(cluster_options); i++) {
			const char *v = option_value(p, args + len, cluster_options[i].option);

			if (v)
				add_list(out, v, cluster_options[i].role, netns, source);
		}
	}
}

/* kubelet, kube-proxy and their like, where they run in the node's own netns. */
static void from_processes(uint32_t netns, struct vec *out)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[64], args[8192];
		uint32_t inode;
		struct stat st;
		ssize_t n;
		int fd, pid = atoi(e->d_name);

		if (pid <= 0)
			continue;
		/* anybody can call himself kubelet; root is believed */
		snprintf(path, sizeof(path), "/proc/%d", pid);
		if (stat(path, &st) || st.st_uid)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, args, sizeof(args) - 1);
		close(fd);
		if (n <= 0)
			continue;
		args[n] = '\0';
		/* the last word may be cut: half a CIDR is another CIDR */
		if (n == sizeof(args) - 1) {
			while (n > 0 && args[n - 1])
				args[--n] = '\0';
		}
		if (n > 0 && !host_netns_of_pid(pid, &inode) && inode == netns)
			cidrs_from_arguments(args, (size_t)n, netns, out);
	}
	if (d)
		closedir(d);
}

/* The same directory, also where one of them cannot be looked at. */
static bool maybe_same(const struct stat *dir, const char *path)
{
	struct stat other;

	return stat(path, &other) || (dir->st_dev == other.st_dev && dir->st_ino == other.st_ino);
}

/*
 * The root directory of the node: pid 1's for the machine itself, for a node in a container (kind)
 * that of the process that holds its netns. A netns with the machine's root, or with our own, is a
 * lab, or what a service of the machine has for itself: the machine's files say nothing about it.
 */
static bool find_root(struct real_host *h, uint32_t netns, char *root)
{
	const struct netns_entry *e = netns_table_find(&h->table, netns);
	struct stat theirs;
	uint32_t inode;

	if (netns == h->table.host) {
		snprintf(root, MAX_ROOT, "/proc/1/root");
		return true;
	}
	/* pids are used again */
	if (!e || !e->pid || host_netns_of_pid(e->pid, &inode) || inode != netns)
		return false;
	snprintf(root, MAX_ROOT, "/proc/%d/root", e->pid);
	return !stat(root, &theirs) && !maybe_same(&theirs, "/proc/self/root") &&
	       !maybe_same(&theirs, "/proc/1/root");
}

int read_cidrs(struct real_host *h, uint32_t netns, struct vec *out)
{
	char root[MAX_ROOT];

	out->size = sizeof(struct known_cidr);
	for (size_t i = 0; i < h->n_given; i++)
		vec_add(out, &h->given[i]);
	from_addresses(&h->base, netns, out);
	from_tunnel_routes(&h->base, netns, out);
	if (find_root(h, netns, root)) {
		from_flannel(root, netns, out);
		cidrs_from_cni_files(root, netns, out);
	}
	from_processes(netns, out);
	return 0;
}

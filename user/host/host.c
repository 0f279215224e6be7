// SPDX-License-Identifier: GPL-2.0-only
/* The real host: enter, read, come back; what was read is kept for a second, since many groups ask
 * about the same netns. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../kallsyms.h"
#include "../util.h"
#include "parse.h"
#include "real.h"

#define KEEP_NS 1000000000ULL

static struct real_host *real(struct host *h)
{
	return (struct real_host *)h;
}

static bool same_of(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && (!a->family || addr_eq(a, b));
}

static const struct cached *find_cached(struct real_host *h, uint32_t netns, enum cache_kind kind,
					const struct addr *of)
{
	for (size_t i = 0; i < h->n_cache; i++) {
		const struct cached *c = &h->cache[i];

		if (c->netns != netns || c->kind != kind || !same_of(&c->of, of))
			continue;
		if (c->read_ns < h->oldest_ns && kind != CACHE_CIDRS)
			h->oldest_ns = c->read_ns;
		return c;
	}
	return NULL;
}

static const struct cached *keep(struct real_host *h, struct cached c, const struct vec *v)
{
	c.data = v->data;
	c.n = v->n;
	h->cache = xreallocarray(h->cache, h->n_cache + 1, sizeof(*h->cache));
	h->cache[h->n_cache] = c;
	return &h->cache[h->n_cache++];
}

static int read_kind(struct real_host *h, enum cache_kind kind, const struct addr *of,
		     struct vec *v)
{
	switch (kind) {
	case CACHE_LINKS:
		return read_links(&h->table, v);
	case CACHE_ADDRS:
		return read_addrs(v);
	case CACHE_ROUTES:
		return read_routes(v);
	case CACHE_NEIGHS:
		return read_neighs(v);
	case CACHE_VLANS:
		return read_vlans(v);
	case CACHE_UDP:
	case CACHE_TCP:
		return read_sockets(kind == CACHE_TCP, v);
	case CACHE_IPVS:
		return read_ipvs(v);
	case CACHE_CONNTRACK:
		return read_conntrack(of->family ? of : NULL, h->has_ctnetlink, v);
	default:
		return -EINVAL;
	}
}

static const struct addr all; /* of family 0 */

static const struct cached *get(struct real_host *h, uint32_t netns, enum cache_kind kind,
				const struct addr *of)
{
	const struct cached *found = find_cached(h, netns, kind, of);
	struct cached c = {
		.netns = netns, .kind = kind, .of = *of, .read_ns = now_ns(CLOCK_MONOTONIC)};
	struct vec v = {};

	if (found)
		return found;
	c.err = netns_enter(&h->table, netns);
	if (!c.err) {
		c.err = read_kind(h, kind, of, &v);
		netns_leave(&h->table);
	}
	return keep(h, c, &v);
}

/* One reader of an array: the ops differ in the element's type only. */
#define ARRAY_OP(name, type, kind)                                                                 \
	static int name(struct host *h, uint32_t netns, const type **out, size_t *n)               \
	{                                                                                          \
		const struct cached *c = get(real(h), netns, kind, &all);                          \
                                                                                                   \
		if (c->err)                                                                        \
			return c->err;                                                             \
		*out = c->data;                                                                    \
		*n = c->n;                                                                         \
		return 0;                                                                          \
	}

ARRAY_OP(op_links, struct link, CACHE_LINKS)
ARRAY_OP(op_addrs, struct if_addr, CACHE_ADDRS)
ARRAY_OP(op_routes, struct route, CACHE_ROUTES)
ARRAY_OP(op_neighs, struct neigh, CACHE_NEIGHS)
ARRAY_OP(op_vlans, struct port_vlans, CACHE_VLANS)
ARRAY_OP(op_udp_sockets, struct local_socket, CACHE_UDP)
ARRAY_OP(op_tcp_listeners, struct local_socket, CACHE_TCP)

static int op_sysctl(struct host *h, uint32_t netns, const char *name, char *buf, size_t size)
{
	int err = netns_enter(&real(h)->table, netns);

	if (err)
		return err;
	err = read_sysctl(name, buf, size);
	netns_leave(&real(h)->table);
	return err;
}

static int op_icmp_errors(struct host *h, uint32_t netns, uint64_t *n)
{
	int err = netns_enter(&real(h)->table, netns);

	if (err)
		return err;
	err = read_icmp_errors(n);
	netns_leave(&real(h)->table);
	return err;
}

static int op_route_get(struct host *h, uint32_t netns, const struct route_query *q,
			struct route_answer *out)
{
	int err = netns_enter(&real(h)->table, netns);

	if (err)
		return err;
	err = read_route_get(q, out);
	netns_leave(&real(h)->table);
	return err;
}

static int op_conntrack(struct host *h, uint32_t netns, const struct addr *a,
			const struct ct_entry **out, size_t *n)
{
	const struct cached *c;

	read_kallsyms_names(real(h), KALLSYMS);
	c = get(real(h), netns, CACHE_CONNTRACK, a ? a : &all);
	*out = c->data;
	*n = c->n;
	return c->err;
}

static int op_conntrack_get(struct host *h, uint32_t netns, const struct flow *tuple, uint16_t zone,
			    struct ct_entry *out)
{
	struct real_host *r = real(h);
	int err;

	read_kallsyms_names(r, KALLSYMS);
	err = netns_enter(&r->table, netns);
	if (err)
		return err;
	err = read_conntrack_entry(tuple, zone, r->has_ctnetlink, out);
	netns_leave(&r->table);
	return err;
}

static int op_cidrs(struct host *h, uint32_t netns, const struct known_cidr **out, size_t *n)
{
	const struct cached *c = find_cached(real(h), netns, CACHE_CIDRS, &all);
	struct vec v = {};

	if (!c) {
		read_cidrs(real(h), netns, &v);
		/* from when it had been read: that may take longer than it is kept */
		c = keep(real(h),
			 (struct cached){.netns = netns,
					 .kind = CACHE_CIDRS,
					 .read_ns = now_ns(CLOCK_MONOTONIC)},
			 &v);
	}
	*out = c->data;
	*n = c->n;
	return 0;
}

static const char *op_netns_name(struct host *h, uint32_t netns)
{
	const struct netns_entry *e = netns_table_find(&real(h)->table, netns);

	return e ? netns_entry_name(&real(h)->table, e) : NULL;
}

static const struct netns_name *op_netns_next_name(struct host *h, uint32_t netns,
						   const struct netns_name *last)
{
	const struct netns_table *t = &real(h)->table;
	bool found = !last;

	for (size_t i = 0; i < t->n_names; i++) {
		const struct netns_name *n = t->names[i];

		if (found && n->inode == netns && !host_netns_is_holder(n->name))
			return n;
		found |= n == last;
	}
	return NULL;
}

static const struct pod *op_pod(struct host *h, uint32_t netns)
{
	const struct netns_entry *e = netns_table_find(&real(h)->table, netns);

	return e ? e->pod : NULL;
}

/* Only tables that iptables-legacy has made are in the list. */
static bool has_legacy_table(bool six, const char *table)
{
	FILE *f = fopen(six ? "/proc/thread-self/net/ip6_tables_names"
			    : "/proc/thread-self/net/ip_tables_names",
			"re");
	char name[64];
	bool has = false;

	while (f && !has && fgets(name, sizeof(name), f)) {
		name[strcspn(name, "\n")] = '\0';
		has = !strcmp(name, table);
	}
	if (f)
		fclose(f);
	return has;
}

static const char *op_iptables(struct host *h, uint32_t netns, bool six, const char *table)
{
	struct real_host *r = real(h);
	bool legacy;

	if (netns_enter(&r->table, netns))
		return six ? "ip6tables" : "iptables";
	legacy = has_legacy_table(six, table);
	netns_leave(&r->table);
	if (legacy)
		return six ? "ip6tables-legacy" : "iptables-legacy";
	if (host_has_nft(h))
		return six ? "ip6tables-nft" : "iptables-nft";
	return six ? "ip6tables" : "iptables";
}

static int op_rules_have(struct host *h, uint32_t netns, bool six, const struct rules_like *like)
{
	bool has_nft = host_has_nft(h);
	int err = netns_enter(&real(h)->table, netns);

	if (err)
		return err;
	err = read_rules_have(six, has_legacy_table(six, "nat"), has_nft, like);
	netns_leave(&real(h)->table);
	return err;
}

/* instance's seq_show(), net/netfilter/nfnetlink_queue.c. Without its module there is no file, and
 * nobody can listen. */
static int op_nfqueue(struct host *h, uint32_t netns, unsigned int queue, uint64_t *dropped)
{
	int err = netns_enter(&real(h)->table, netns);
	unsigned int number;
	uint64_t full;
	FILE *f;

	if (err)
		return err;
	f = fopen("/proc/thread-self/net/netfilter/nfnetlink_queue", "re");
	netns_leave(&real(h)->table);
	err = !f && errno != ENOENT ? -errno : -ENOENT;
	while (f && err &&
	       fscanf(f, "%u %*u %*u %*u %*u %" SCNu64 " %*[^\n]", &number, &full) == 2) {
		if (number != queue)
			continue;
		*dropped = full;
		err = 0;
	}
	if (f)
		fclose(f);
	return err;
}

static int op_ipvs_servers(struct host *h, uint32_t netns, const struct flow *to, unsigned int *n)
{
	const struct cached *c = get(real(h), netns, CACHE_IPVS, &all);

	return c->err ? c->err : ipvs_servers_of(c->data, c->n, to, n);
}

static int op_has_xfrm(struct host *h, uint32_t netns)
{
	struct real_host *r = real(h);
	int err;

	read_kallsyms_names(r, KALLSYMS);
	if (!r->has_xfrm_user)
		return -ENODATA;
	err = netns_enter(&r->table, netns);
	if (err)
		return err;
	err = read_has_xfrm();
	netns_leave(&r->table);
	return err;
}

static const struct host_ops real_ops = {
	.sysctl = op_sysctl,
	.links = op_links,
	.addrs = op_addrs,
	.routes = op_routes,
	.route_get = op_route_get,
	.neighs = op_neighs,
	.vlans = op_vlans,
	.conntrack = op_conntrack,
	.conntrack_get = op_conntrack_get,
	.udp_sockets = op_udp_sockets,
	.tcp_listeners = op_tcp_listeners,
	.icmp_errors = op_icmp_errors,
	.cidrs = op_cidrs,
	.netns_name = op_netns_name,
	.netns_next_name = op_netns_next_name,
	.pod = op_pod,
	.nfqueue = op_nfqueue,
	.ipvs_servers = op_ipvs_servers,
	.rules_have = op_rules_have,
	.iptables = op_iptables,
	.has_xfrm = op_has_xfrm,
};

static void take_given(struct real_host *h, const struct cidr *list, size_t n, enum cidr_role role,
		       const char *option)
{
	for (size_t i = 0; i < n; i++) {
		struct known_cidr c = {.net = list[i], .role = role};

		snprintf(c.source, sizeof(c.source), "%s", option);
		h->given = xreallocarray(h->given, h->n_given + 1, sizeof(c));
		h->given[h->n_given++] = c;
	}
}

int host_open(const struct host_options *opt, struct host **out)
{
	struct real_host *h = xcalloc(1, sizeof(*h));
	int err = netns_table_open(&h->table);

	if (err) {
		free(h);
		return err;
	}
	netns_table_watch(&h->table);
	h->base.ops = &real_ops;
	h->oldest_ns = UINT64_MAX;
	h->has_nft = opt->has_nft;
	take_given(h, opt->pod_cidrs, opt->n_pod_cidrs, CIDR_POD, "--pod-cidr");
	take_given(h, opt->service_cidrs, opt->n_service_cidrs, CIDR_SERVICE, "--service-cidr");
	*out = &h->base;
	return 0;
}

void host_refresh(struct host *h, uint64_t since_ns)
{
	struct real_host *r = real(h);
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	size_t kept = 0;

	for (size_t i = 0; i < r->n_cache; i++) {
		const struct cached *c = &r->cache[i];
		/* what a node is configured to use takes longer to read than to be used */
		bool late = c->read_ns >= since_ns || c->kind == CACHE_CIDRS;

		/* a netns that was not found yet may be there by now */
		if (c->err != -ESRCH && now - c->read_ns < KEEP_NS && late)
			r->cache[kept++] = *c;
		else
			free(c->data);
	}
	r->n_cache = kept;
	r->oldest_ns = UINT64_MAX;
}

uint64_t host_oldest(const struct host *h)
{
	return ((const struct real_host *)h)->oldest_ns;
}

size_t host_watch(struct host *h, struct pollfd *fds)
{
	const struct netns_table *t = &real(h)->table;
	size_t n = 0;

	for (size_t i = 0; i < HOST_WATCHED; i++) {
		if (t->watched[i] >= 0)
			fds[n++] = (struct pollfd){.fd = t->watched[i], .events = POLLPRI};
	}
	return n;
}

int host_learn_names(struct host *h, bool changed, uint64_t asked_ns)
{
	return netns_table_learn(&real(h)->table, changed, asked_ns);
}

void host_learn_last_names(struct host *h)
{
	netns_table_look(&real(h)->table);
}

size_t host_netns_all(struct host *h, uint32_t **out)
{
	struct netns_table *t = &real(h)->table;
	uint32_t *inodes;

	netns_table_scan(t);
	inodes = xcalloc(t->n, sizeof(*inodes));
	for (size_t i = 0; i < t->n; i++)
		inodes[i] = t->entries[i].inode;
	*out = inodes;
	return t->n;
}

int host_enter(struct host *h, uint32_t netns)
{
	return netns_enter(&real(h)->table, netns);
}

int host_visit(struct host *h, uint32_t netns, void (*what)(void *arg), void *arg)
{
	int err = netns_enter(&real(h)->table, netns);

	if (err)
		return err;
	what(arg);
	netns_leave(&real(h)->table);
	return 0;
}

bool host_has_nft(struct host *h)
{
	return real(h)->has_nft || module_is_live("/sys/module/nf_tables/initstate");
}

bool host_has_nft_compat(struct host *h)
{
	read_kallsyms_names(real(h), KALLSYMS);
	return real(h)->has_nft_compat;
}

bool host_has_ebtables(struct host *h)
{
	read_kallsyms_names(real(h), KALLSYMS);
	return real(h)->has_ebtables;
}

void host_take_symbol(void *arg, const struct kallsyms_line *l)
{
	take_kallsyms_name(real(arg), l);
}

void host_forget_modules(struct host *h)
{
	real(h)->kallsyms_read = false;
}

void host_close(struct host *h)
{
	struct real_host *r = real(h);

	for (size_t i = 0; i < r->n_cache; i++)
		free(r->cache[i].data);
	free(r->cache);
	free(r->given);
	netns_table_close(&r->table);
	free(r);
}

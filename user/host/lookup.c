// SPDX-License-Identifier: GPL-2.0-only
/* Lookups over what any host, real or made up by a test, tells. */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "host.h"

const struct link *host_link(struct host *h, uint32_t netns, uint32_t ifindex)
{
	const struct link *l;
	size_t n;

	if (!ifindex || !netns || h->ops->links(h, netns, &l, &n))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (l[i].ifindex == ifindex)
			return &l[i];
	}
	return NULL;
}

uint32_t host_addr_owner(struct host *h, uint32_t netns, const struct addr *a)
{
	const struct if_addr *list;
	size_t n;

	if (!a->family || h->ops->addrs(h, netns, &list, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (addr_eq(&list[i].net.addr, a))
			return list[i].ifindex;
	}
	return 0;
}

bool host_conf_is_on(struct host *h, uint32_t netns, const char *family, const struct link *dev,
		     const char *key)
{
	char name[96], value[16];

	snprintf(name, sizeof(name), "net/%s/conf/%s/%s", family, dev->name, key);
	return !h->ops->sysctl(h, netns, name, value, sizeof(value)) && strcmp(value, "0") != 0;
}

int host_rules_have_any(struct host *h, uint32_t netns, bool six, const struct rules_like *likes,
			size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		int has = h->ops->rules_have(h, netns, six, &likes[i]);

		if (has > 0)
			return has;
		err = err ? err : has;
	}
	return err;
}

const struct link *host_fdb_port(struct host *h, uint32_t netns, uint32_t bridge,
				 const uint8_t *mac)
{
	const struct neigh *e;
	size_t n;

	if (h->ops->neighs(h, netns, &e, &n))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		/* NUD_PERMANENT is BR_FDB_LOCAL (net/bridge/br_fdb.c): the node's own address, not
		 * somebody's behind the port. A bridge takes its own from one of its ports. */
		if (e[i].fdb && e[i].master == bridge && e[i].ifindex != bridge && e[i].has_mac &&
		    !(e[i].state & NUD_PERMANENT) && !memcmp(e[i].mac, mac, sizeof(e[i].mac)))
			return host_link(h, netns, e[i].ifindex);
	}
	return NULL;
}

/* The port for whose other end is(…) holds. */
typedef bool peer_is_fn(struct host *h, const struct link *port, const void *what);

static const struct link *find_port(struct host *h, uint32_t netns, uint32_t bridge, peer_is_fn *is,
				    const void *what)
{
	const struct link *l;
	size_t n;

	if (h->ops->links(h, netns, &l, &n))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (l[i].master == bridge && l[i].peer_is_away && l[i].peer_netns &&
		    !strcmp(l[i].kind, "veth") && is(h, &l[i], what))
			return &l[i];
	}
	return NULL;
}

static bool peer_has_addr(struct host *h, const struct link *port, const void *a)
{
	return host_addr_owner(h, port->peer_netns, a) == port->peer;
}

static bool peer_has_mac(struct host *h, const struct link *port, const void *mac)
{
	const struct link *peer = host_link(h, port->peer_netns, port->peer);

	return peer && !memcmp(peer->mac, mac, sizeof(peer->mac));
}

const struct link *host_port_of_addr(struct host *h, uint32_t netns, uint32_t bridge,
				     const struct addr *a)
{
	return find_port(h, netns, bridge, peer_has_addr, a);
}

const struct link *host_port_of_mac(struct host *h, uint32_t netns, uint32_t bridge,
				    const uint8_t *mac)
{
	return find_port(h, netns, bridge, peer_has_mac, mac);
}

bool vlans_have(const struct port_vlans *v, uint16_t vid)
{
	return v->members[vid / 8 % sizeof(v->members)] & (1 << vid % 8);
}

void vlans_add(struct port_vlans *v, uint16_t vid)
{
	v->members[vid / 8 % sizeof(v->members)] |= (uint8_t)(1 << vid % 8);
}

const char *host_port_state(unsigned int state)
{
	static const char *const names[] = {"disabled", "listening", "learning", "forwarding",
					    "blocking"};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

const char *host_netns_label(struct host *h, uint32_t netns)
{
	const struct pod *pod = h->ops->pod(h, netns);

	return pod ? pod->label : h->ops->netns_name(h, netns);
}

bool host_netns_is_holder(const char *name)
{
	return !strncmp(name, "pid ", 4) || name[0] == '/';
}

const char *host_kept_name(struct host *h, uint32_t netns, const char *kept, bool *gone)
{
	const char *now = h && netns ? h->ops->netns_name(h, netns) : NULL;

	*gone = false;
	if (!kept || host_netns_is_holder(kept))
		return now;
	*gone = now && strcmp(now, kept);
	return kept;
}

bool host_netns_replaced(struct host *h, uint32_t netns, const char *kept)
{
	bool other;

	host_kept_name(h, netns, kept, &other);
	return other;
}

bool host_is_pod_bridge(struct host *h, uint32_t netns, const struct link *br)
{
	const struct link *l;
	size_t n;

	if (strcmp(br->kind, "bridge") || h->ops->links(h, netns, &l, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (l[i].master == br->ifindex && !strcmp(l[i].kind, "veth") && l[i].peer_is_away)
			return true;
	}
	return false;
}

bool host_listens(struct host *h, uint32_t netns, uint8_t proto, uint16_t port,
		  const struct addr *at)
{
	const struct local_socket *s;
	size_t n;

	if (proto == IPPROTO_TCP ? h->ops->tcp_listeners(h, netns, &s, &n)
				 : h->ops->udp_sockets(h, netns, &s, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		/* :: takes IPv4, too, mostly */
		if (s[i].port == port &&
		    (!at || addr_is_unspecified(&s[i].local) || addr_eq(&s[i].local, at)))
			return true;
	}
	return false;
}

bool host_is_tunnel(const struct link *l)
{
	return !strcmp(l->kind, "vxlan") || !strcmp(l->kind, "geneve");
}

bool host_others_translate(struct host *h, uint32_t node)
{
	static const char *const names[] = {"cilium_", "bpfin.cali", "ovn-k8s-", "antrea-gw"};
	const struct link *l;
	size_t n;

	if (h->ops->links(h, node, &l, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			if (!strncmp(l[i].name, names[k], strlen(names[k])))
				return true;
		}
	}
	return false;
}

int host_tracks(struct host *h, uint32_t netns)
{
	char value[32];
	int err =
		h->ops->sysctl(h, netns, "net/netfilter/nf_conntrack_count", value, sizeof(value));

	if (err)
		return err == -ENOENT ? 0 : err;
	return strtoul(value, NULL, 10) > 0;
}

uint32_t host_node_of(struct host *h, uint32_t pod_netns)
{
	const struct route *r;
	size_t n;

	if (h->ops->routes(h, pod_netns, &r, &n))
		return 0;
	for (size_t i = 0; i < n; i++) {
		const struct link *l;

		if (r[i].dst.bits || r[i].type != RTN_UNICAST)
			continue;
		l = host_link(h, pod_netns, r[i].oif);
		if (l && !strcmp(l->kind, "veth") && l->peer_is_away && l->peer_netns)
			return l->peer_netns;
	}
	return 0;
}

bool host_is_pod_veth(struct host *h, uint32_t netns, const struct link *l)
{
	return !strcmp(l->kind, "veth") && l->peer_is_away && l->peer_netns &&
	       host_node_of(h, l->peer_netns) == netns;
}

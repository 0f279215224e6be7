/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Read-only evidence from the node: what the state of a network namespace is.
 *
 * Faults see only struct host, so that the catalogue is tested without root
 * (tests/unit/fake_host.c). The real one (host_open) reads by netlink and /proc inside the netns,
 * never by a shell, changes nothing, and never loads a module or instantiates a firewall table.
 *
 * Every reader returns 0 or -errno and leaves its outputs untouched on failure:
 *   -ENOENT  the thing does not exist (sysctl absent, module not loaded)
 *   -ESRCH   the netns is gone, or no way into it is known
 *   -ENODATA it could not be read without changing the node
 *   -EBADMSG the kernel's answer was cut short or malformed
 * Arrays that are returned belong to the host and stay valid until host_refresh() or host_close().
 */
#ifndef WHYDROP_HOST_H
#define WHYDROP_HOST_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow.h"

#define IFNAME_LEN 16

/* enum br_state, include/uapi/linux/if_bridge.h */
struct link {
	uint32_t ifindex;
	char name[IFNAME_LEN];
	char kind[16];	 /* IFLA_INFO_KIND: "veth", "bridge", "vxlan"…; "" for a plain device */
	uint16_t arphrd; /* ARPHRD_*, include/uapi/linux/if_arp.h */
	uint8_t mac[6];
	uint32_t mtu;
	uint32_t flags;	     /* IFF_* */
	uint32_t master;     /* ifindex of the bridge or bond; 0: none */
	uint32_t peer;	     /* IFLA_LINK: a veth's other end, a vxlan's underlay device; 0: none */
	bool peer_is_away;   /* peer is in another netns */
	uint32_t peer_netns; /* inode of that netns; 0: unknown */
	struct {	     /* kind vxlan or geneve */
		uint32_t vni;
		uint16_t port; /* host order */
		bool learning, external;
		struct addr local, remote; /* family 0: unset */
	} vxlan;
	struct { /* kind bridge */
		bool known;
		bool nf_call_iptables, nf_call_ip6tables;
		bool vlan_filtering;
		bool stp;	       /* the kernel's or a daemon's */
		uint16_t default_pvid; /* 0: new ports get no VLAN */
	} bridge;
	struct { /* when master is a bridge */
		bool known;
		uint8_t state;
		bool hairpin, isolated;
		bool flood; /* takes frames whose destination is unknown */
	} port;
};

struct if_addr {
	uint32_t ifindex;
	struct cidr net; /* the address itself with its prefix length */
	uint8_t scope;	 /* RT_SCOPE_* */
};

struct route {
	struct cidr dst;
	struct addr gateway; /* family 0: on link */
	struct addr prefsrc;
	uint32_t oif;	  /* 0: none (blackhole, multipath) */
	uint32_t table;	  /* RT_TABLE_* */
	uint8_t type;	  /* RTN_* */
	uint8_t protocol; /* RTPROT_* */
	uint32_t metric;
};

struct route_query {
	struct addr dst, src; /* src.family 0: none */
	uint32_t iif;	      /* 0: as the node itself would send it */
	uint32_t mark;
};

struct route_answer {
	uint8_t type; /* RTN_* */
	uint32_t oif;
	struct addr gateway; /* family 0: on link */
	struct addr prefsrc;
	struct cidr matched; /* the FIB entry (RTM_F_FIB_MATCH); addr.family 0 where not told */
};

/* An ARP/ND entry (dst is an address) or an FDB entry (mac, and dst is the VTEP if any). */
struct neigh {
	bool fdb;
	uint32_t ifindex;
	uint32_t master; /* fdb of a bridge port: the bridge */
	struct addr dst; /* family 0: none */
	uint8_t mac[6];
	bool has_mac;
	uint16_t state; /* NUD_* */
};

/* What a bridge port, or the bridge itself, has of its bridge's VLANs. */
struct port_vlans {
	uint32_t ifindex;
	uint16_t pvid;	      /* the VLAN of untagged frames; 0: none, they are not let in */
	uint8_t members[512]; /* a bit for each VLAN ID */
};

struct ct_entry {
	uint8_t proto;
	struct flow orig, reply; /* l3, proto, src, dst, ports */
	uint32_t status;	 /* IPS_*, include/uapi/linux/netfilter/nf_conntrack_common.h */
	uint32_t timeout;	 /* seconds left */
	uint8_t tcp_state;	 /* enum tcp_conntrack; 0: none */
};

struct local_socket {
	struct addr local;
	uint16_t port;
};

enum cidr_role {
	CIDR_POD,
	CIDR_SERVICE,
};

struct known_cidr {
	struct cidr net;
	enum cidr_role role;
	uint32_t netns;	  /* the node it holds for; 0: every node (given by the user) */
	char source[160]; /* where it was found: "bridge cni0", "/run/flannel/subnet.env",
			     "--pod-cidr" */
};

struct kallsyms_line;

struct host {
	const struct host_ops *ops;
};

/* A Kubernetes pod. */
struct pod {
	char label[320]; /* "namespace/name" */
	size_t namespace_len;
	char uid[40];
};

/* Which rules: those with all of this. */
struct rules_like {
	const char *table; /* nft's table of that name; NULL: any, of iptables-legacy, too */
	const char *chain; /* how their chain's name begins; NULL: any */
	const void *bytes; /* somewhere in the rule; n 0: whatever */
	size_t n;
};

/* A name that the netns of an inode number had. The number of one that is gone is given to the
 * next. */
struct netns_name {
	uint32_t inode;
	const char *name;
	/* CLOCK_MONOTONIC: from and to when it was seen; to_ns 0: it is there still */
	uint64_t from_ns, to_ns;
};

struct host_ops {
	/* name as in sysctl(8) with slashes, below /proc/sys: "net/ipv4/ip_forward". buf is
	 * terminated and has no trailing newline. */
	int (*sysctl)(struct host *h, uint32_t netns, const char *name, char *buf, size_t size);
	int (*links)(struct host *h, uint32_t netns, const struct link **out, size_t *n);
	int (*addrs)(struct host *h, uint32_t netns, const struct if_addr **out, size_t *n);
	int (*routes)(struct host *h, uint32_t netns, const struct route **out, size_t *n);
	/* -ENETUNREACH, -EHOSTUNREACH, -EINVAL… are the FIB's own answers. */
	int (*route_get)(struct host *h, uint32_t netns, const struct route_query *q,
			 struct route_answer *out);
	/* ARP, ND and FDB entries together. */
	int (*neighs)(struct host *h, uint32_t netns, const struct neigh **out, size_t *n);
	/* The ports of all bridges that are a member of any VLAN. */
	int (*vlans)(struct host *h, uint32_t netns, const struct port_vlans **out, size_t *n);
	/* Every conntrack entry that has `a` in one of its tuples; a NULL: every one of TCP or UDP
	 * that was answered. A dump either way, of what may be a million. */
	int (*conntrack)(struct host *h, uint32_t netns, const struct addr *a,
			 const struct ct_entry **out, size_t *n);
	/* The one entry of the zone (0: the default one) that has the flow as its original or its
	 * reply tuple; -ENOENT: none. Costs a lookup, not a dump. */
	int (*conntrack_get)(struct host *h, uint32_t netns, const struct flow *tuple,
			     uint16_t zone, struct ct_entry *out);
	int (*udp_sockets)(struct host *h, uint32_t netns, const struct local_socket **out,
			   size_t *n);
	int (*tcp_listeners)(struct host *h, uint32_t netns, const struct local_socket **out,
			     size_t *n);
	/* How many ICMP errors that say "unreachable", IPv4 and IPv6, ever reached that netns. */
	int (*icmp_errors)(struct host *h, uint32_t netns, uint64_t *n);
	/* Pod and Service CIDRs known for that node. */
	int (*cidrs)(struct host *h, uint32_t netns, const struct known_cidr **out, size_t *n);
	/* A name a person knows: "host", "pod-a", "pid 4242 (nginx)"; NULL: none. */
	const char *(*netns_name)(struct host *h, uint32_t netns);
	/* Every name of its own that an inode number ever had, one after the other: the first if
	 * last is NULL, then the one after that; NULL: that was the last. */
	const struct netns_name *(*netns_next_name)(struct host *h, uint32_t netns,
						    const struct netns_name *last);
	/* The pod that it is of; NULL: none is known. It stays until host_close(). */
	const struct pod *(*pod)(struct host *h, uint32_t netns);
	/* Does a program listen on that NFQUEUE? 0, and how many packets found no room in it so
	 * far; -ENOENT: none does. */
	int (*nfqueue)(struct host *h, uint32_t netns, unsigned int queue, uint64_t *dropped);
	/* How many real servers of any weight has the IPVS service that the flow is to? -ENOENT: it
	 * is to none. Services by mark are not looked at. */
	int (*ipvs_servers)(struct host *h, uint32_t netns, const struct flow *to, unsigned int *n);
	/* Are such rules there: in iptables-legacy's nat table, or anywhere in nft's? 1, 0 or
	 * -errno. Takes a fraction of a second where there are very many. */
	int (*rules_have)(struct host *h, uint32_t netns, bool six, const struct rules_like *like);
	/* The iptables that is in use there for that table, of IPv6 or IPv4: "iptables-nft",
	 * "iptables-legacy"; "iptables" where it cannot be told. Static. */
	const char *(*iptables)(struct host *h, uint32_t netns, bool six, const char *table);
	/* Is an IPsec state (xfrm) configured there? 1, 0 or -errno. */
	int (*has_xfrm)(struct host *h, uint32_t netns);
};

/* "namespace/name" of its pod, or its name; NULL: none. */
const char *host_netns_label(struct host *h, uint32_t netns);
/* Lookups over the arrays above; NULL or false where there is none or it could not be read. */
const struct link *host_link(struct host *h, uint32_t netns, uint32_t ifindex);
/* The interface that owns the address, or 0. */
uint32_t host_addr_owner(struct host *h, uint32_t netns, const struct addr *a);
/* Is that setting of one interface there and not 0? family: "ipv4", "ipv6"; key: "forwarding". */
bool host_conf_is_on(struct host *h, uint32_t netns, const char *family, const struct link *dev,
		     const char *key);
/* Are rules there that are like one of these, as by rules_have()? 1, 0, or why none that is was
 * found though not all could be looked for. */
int host_rules_have_any(struct host *h, uint32_t netns, bool six, const struct rules_like *likes,
			size_t n);
/* VXLAN or Geneve. */
bool host_is_tunnel(const struct link *l);
/* Does something else translate addresses there, before, behind or below netfilter: eBPF, Open
 * vSwitch? By the devices that it makes. */
bool host_others_translate(struct host *h, uint32_t node);
/* The bridge port behind which mac lives, in whatever VLAN, or NULL. */
const struct link *host_fdb_port(struct host *h, uint32_t netns, uint32_t bridge,
				 const uint8_t *mac);
/* The port whose other end, in another netns, has that address or that MAC; NULL: none is known. */
const struct link *host_port_of_addr(struct host *h, uint32_t netns, uint32_t bridge,
				     const struct addr *a);
const struct link *host_port_of_mac(struct host *h, uint32_t netns, uint32_t bridge,
				    const uint8_t *mac);
bool vlans_have(const struct port_vlans *v, uint16_t vid);
void vlans_add(struct port_vlans *v, uint16_t vid);
/* enum BR_STATE_* as bridge(8) writes it. */
const char *host_port_state(unsigned int state);
/* Does something listen on that UDP or TCP port (IPPROTO_*) of the address? NULL: of any. */
bool host_listens(struct host *h, uint32_t netns, uint8_t proto, uint16_t port,
		  const struct addr *at);
/* Does the name only say who holds the netns, "pid 4242 (nginx)" or a path? */
bool host_netns_is_holder(const char *name);
/* The name of a netns whose name was `kept` (or NULL) a while ago: a name of its own stays, since
 * the inode number of a netns that is gone is given away again; what holds it now, else; or NULL.
 * *gone: another one has its inode number now. */
const char *host_kept_name(struct host *h, uint32_t netns, const char *kept, bool *gone);
/* Has another netns the inode number of the one that had that name, which the kernel gives again at
 * once? Or it has lost its name, and somebody still holds it. */
bool host_netns_replaced(struct host *h, uint32_t netns, const char *kept);
/* Is it a bridge with veth ports whose other ends are in other namespaces? (a CNI's bridge) */
bool host_is_pod_bridge(struct host *h, uint32_t netns, const struct link *br);
/* Is it a veth whose other end is a pod of this node? */
bool host_is_pod_veth(struct host *h, uint32_t netns, const struct link *l);
/* 1: conntrack has entries there; 0: none, as where no rule needs it; or -errno. */
int host_tracks(struct host *h, uint32_t netns);
/* The netns that the pod's default route leads to, over its veth: its node. 0: none. */
uint32_t host_node_of(struct host *h, uint32_t pod_netns);

struct host_options {
	const struct cidr *pod_cidrs, *service_cidrs;
	size_t n_pod_cidrs, n_service_cidrs;
	bool has_nft; /* nf_tables is built into this kernel */
};

/*
 * The real host. Enters namespaces with setns() on the calling thread and always comes back to its
 * own; call from one thread.
 */
int host_open(const struct host_options *opt, struct host **out);
/* Forget what was read more than a second ago, or before that time (CLOCK_MONOTONIC; 0: a second
 * will do). Call it between two groups. */
void host_refresh(struct host *h, uint64_t since_ns);
/* When the oldest of what was asked for since then was read; UINT64_MAX: it was read when asked. */
uint64_t host_oldest(const struct host *h);
#define HOST_WATCHED 2
/* What poll() is to wait for, at most so many: names of namespaces may have come or gone. */
size_t host_watch(struct host *h, struct pollfd *fds);
/* Learn the names that there are, since a test's namespace is gone by the time its drops are told.
 * changed: something came or went, as of asked_ns (CLOCK_MONOTONIC). Reads for a tenth of the time
 * at most. Returns in how many milliseconds it is to be called again, or -1: when there is news. */
int host_learn_names(struct host *h, bool changed, uint64_t asked_ns);
/* Once more, at the end: what has changed since may be told from what was. */
void host_learn_last_names(struct host *h);
/* For a process of its own, which stays there: enter the netns. 0, -ESRCH, or what
 * setns(2) says. */
int host_enter(struct host *h, uint32_t netns);
/* Calls what() in the netns, and comes back. 0, or as host_enter(): it was not called. */
int host_visit(struct host *h, uint32_t netns, void (*what)(void *arg), void *arg);
/* Is nf_tables in the kernel at this moment, so that asking for its rules loads nothing? Costs a
 * file of a few bytes, or nothing. */
bool host_has_nft(struct host *h);
/* Is nft_compat, which tools of iptables-nft ask for and so would load? */
bool host_has_nft_compat(struct host *h);
/* Is ebtables-legacy's? */
bool host_has_ebtables(struct host *h);
/* Which modules are there is told by kallsyms, a large file. Whoever reads it all gives each line,
 * and NULL before the first one: then it is not read for that once more. arg: the host. */
void host_take_symbol(void *arg, const struct kallsyms_line *l);
/* What is not there yet may come with a module: do not remember that it was not. */
void host_forget_modules(struct host *h);
void host_close(struct host *h);
/* The inodes of all namespaces that a name, a mount or a process leads to. *out is the caller's. */
size_t host_netns_all(struct host *h, uint32_t **out);
/* Does the name, path or inode number stand for a netns? 0 and its inode, or -errno. */
int host_netns_resolve(const char *what, uint32_t *inode);
int host_netns_of_pid(int pid, uint32_t *inode);

#endif

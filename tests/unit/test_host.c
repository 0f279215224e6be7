// SPDX-License-Identifier: GPL-2.0-only
/* Lines of /proc, what tells the cluster's CIDRs, and the lookups over a made-up node. */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "test.h"

#include "fake_host.h"
#include "host/parse.h"
#include "host/real.h"
#include "util.h"

static const uint8_t mac1[6] = {2, 0, 0, 0, 0, 1}, mac2[6] = {2, 0, 0, 0, 0, 2};

static void conntrack_lines(void **state)
{
	static const char *const garbage[] = {
		"",
		"\n",
		"ipv4",
		"ipv4 2 tcp 6",
		"ipv4 2 tcp 6 117 SYN_SENT",
		"ipv4 2 tcp 6 117 SYN_SENT src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2",
		"ipv4 2 tcp 6 1 X src=zz dst=10.0.0.2 sport=1 dport=2 src=1.1.1.1 dst=1.1.1.2",
		"ipv4 2 tcp 999 1 X src=1.1.1.1 dst=1.1.1.2 src=1.1.1.1 dst=1.1.1.2",
		"\xff\xfe\033[2J",
	};
	struct addr backend = an_addr("10.244.1.3");
	struct ct_entry e, was;

	(void)state;
	assert_int_equal(
		parse_conntrack_line("ipv4     2 tcp      6 117 SYN_SENT src=10.244.1.2 "
				     "dst=10.96.0.10 sport=40000 dport=80 [UNREPLIED] "
				     "src=10.244.1.3 dst=10.244.1.2 sport=8080 dport=40000 "
				     "mark=0 zone=0 use=2\n",
				     &e),
		0);
	assert_int_equal(e.orig.l3, ETHERTYPE_IP);
	assert_int_equal(e.orig.dport, 80);
	assert_true(addr_eq(&e.reply.src, &backend));
	assert_int_equal(e.reply.sport, 8080);
	assert_int_equal(e.timeout, 117);
	assert_false(e.status & IPS_SEEN_REPLY);

	assert_int_equal(parse_conntrack_line("ipv6     10 icmpv6   58 29 src=fd00::1 dst=fd00::2 "
					      "type=128 code=0 id=7 src=fd00::2 dst=fd00::1 "
					      "type=129 code=0 id=7 mark=0 use=1\n",
					      &e),
			 0);
	assert_int_equal(e.orig.l3, ETHERTYPE_IPV6);
	assert_int_equal(e.proto, IPPROTO_ICMPV6);
	assert_false(e.orig.has_ports);
	assert_true(e.status & IPS_SEEN_REPLY);

	/* a flow in a flowtable has no timeout */
	assert_int_equal(
		parse_conntrack_line("ipv4     2 tcp      6 src=10.0.0.1 dst=10.0.0.2 sport=1 "
				     "dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 "
				     "[OFFLOAD] mark=0 use=2\n",
				     &e),
		0);
	assert_int_equal(e.timeout, 0);
	assert_true(e.status & IPS_SEEN_REPLY);

	was = e;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
		assert_int_equal(parse_conntrack_line(garbage[i], &e), -EBADMSG);
	assert_memory_equal(&e, &was, sizeof(e));
}

static int snmp(int (*parse)(FILE *, const char *, uint64_t *), const char *text, const char *name,
		uint64_t *n)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	int err = parse(f, name, n);

	fclose(f);
	return err;
}

static void snmp_counters(void **state)
{
	static const char whole[] =
		"Ip: Forwarding DefaultTTL\nIp: 1 64\n"
		"Icmp: InMsgs InErrors InDestUnreachs\nIcmp: 5 0 18446744073709551615\n"
		"IcmpMsg: InType3\nIcmpMsg: 4\n";
	uint64_t n = 7;

	(void)state;
	assert_int_equal(snmp(parse_snmp, whole, "Icmp:InDestUnreachs", &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(snmp(parse_snmp, whole, "Ip:Forwarding", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(snmp(parse_snmp, whole, "Icmp:Missing", &n), -EBADMSG);
	assert_int_equal(snmp(parse_snmp, "Icmp: A B\nIcmp: 1\n", "Icmp:B", &n), -EBADMSG);
	assert_int_equal(snmp(parse_snmp, "Icmp: A B\n", "Icmp:A", &n), -EBADMSG);
	assert_int_equal(
		snmp(parse_snmp6, "Icmp6InMsgs 3\nIcmp6InErrors   \t9\n", "Icmp6InErrors", &n), 0);
	assert_int_equal(n, 9);
	assert_int_equal(snmp(parse_snmp6, "Icmp6InErrors \n", "Icmp6InErrors", &n), -EBADMSG);
}

static void udp_lines(void **state)
{
	static const char whole[] = " 1234: 00000000:2118 00000000:0000 07 00000000:00000000 "
				    "00:00000000 00000000     0        0 0 2 0000000000000000 0\n";
	struct addr v4 = an_addr("127.0.0.1"), v6 = an_addr("::1");
	struct local_socket s = {.port = 42};
	unsigned int tcp_state;

	(void)state;
	assert_int_equal(parse_socket_line("   sl  local_address rem_address   st tx_queue\n", &s,
					   &tcp_state),
			 1);
	assert_int_equal(s.port, 42);
	assert_int_equal(parse_socket_line(whole, &s, &tcp_state), 0);
	assert_int_equal(s.port, 8472);

	assert_int_equal(parse_socket_line("  12: 0100007F:0035 00000000:0000 07 00000000:00000000 "
					   "00:00000000 00000000   101        0 12345 2 0 0\n",
					   &s, &tcp_state),
			 0);
	assert_true(addr_eq(&s.local, &v4));
	assert_int_equal(s.port, 53);

	assert_int_equal(
		parse_socket_line("  12: 00000000000000000000000001000000:12B5 "
				  "00000000000000000000000000000000:0000 07 00000000:00000000 "
				  "00:00000000 00000000     0        0 0 2 0000000000000000 0\n",
				  &s, &tcp_state),
		0);
	assert_true(addr_eq(&s.local, &v6));
	assert_int_equal(s.port, 4789);

	assert_true(parse_socket_line("  12: 0100:0035 0:0 07 0:0 0:0 0 0 0 0\n", &s, &tcp_state) !=
		    0);
	assert_true(parse_socket_line("  12: 00000000:10000 0:0 07 0:0 0:0 0 0 0 0\n", &s,
				      &tcp_state) != 0);
	for (size_t n = 0; n < sizeof(whole); n++) {
		char *cut = calloc(n + 1, 1);

		memcpy(cut, whole, n);
		parse_socket_line(cut, &s, &tcp_state);
		parse_conntrack_line(cut, &(struct ct_entry){});
		free(cut);
	}
}

static const struct known_cidr *only(const struct vec *v)
{
	assert_int_equal(v->n, 1);
	return v->data;
}

static void cni_json(void **state)
{
	static const char flat[] = "{\"type\":\"bridge\",\"ipam\":{\"subnet\":\"10.1.0.0/16\"}}";
	static const char nested[] =
		"{\"name\":\"k8s\",\"subnet\":\"9.9.0.0/16\",\"plugins\":[{\"type\":\"ptp\","
		"\"ipam\":{\"ranges\":[[{\"subnet\":\"10.2.0.0/16\"}],"
		"[{\"subnet\":\"fd00:2::/64\"},{\"subnet\":7},{\"subnet\":\"usePodCidr\"}]]}},"
		"{\"type\":\"portmap\"}]}";
	static const char *const garbage[] = {
		"",
		"{",
		"[]",
		"null",
		"7",
		"{\"ipam\":7}",
		"{\"ipam\":[[[[]]]]}",
		"{\"ipam\":{\"subnet\":\"\"}}",
		"{\"ipam\":{\"subnet\":\"10.0.0.0/99\"}}",
		"{\"ipam\":{\"subnet\":\"0.0.0.0/0\"}}",
		"{\"ipam\":{\"subnet\":\"\\u0000\"}}",
		"{\"ipam\":{\"subnet\":\"10.0.0.0/8\"}",
		"\xff\xfe{}",
	};
	struct vec v = {.size = sizeof(struct known_cidr)};
	struct cidr want = a_cidr("10.1.0.0/16");
	char deep[8192];

	(void)state;
	cidrs_from_cni(flat, 5, "here", &v);
	assert_true(addr_eq(&only(&v)->net.addr, &want.addr));
	assert_int_equal(only(&v)->net.bits, 16);
	assert_int_equal(only(&v)->netns, 5);
	assert_int_equal(only(&v)->role, CIDR_POD);
	assert_string_equal(only(&v)->source, "here");
	cidrs_from_cni(flat, 5, "and again", &v);
	assert_int_equal(v.n, 1);
	cidrs_from_cni(nested, 5, "x", &v);
	assert_int_equal(v.n, 3);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
		cidrs_from_cni(garbage[i], 5, "x", &v);
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	cidrs_from_cni(deep, 5, "x", &v);
	for (size_t n = 0; n < sizeof(nested); n++) {
		char *cut = calloc(n + 1, 1);

		memcpy(cut, nested, n);
		cidrs_from_cni(cut, 5, "x", &v);
		free(cut);
	}
	assert_int_equal(v.n, 3);
	free(v.data);
}

static void make(const char *root, const char *path, const char *text)
{
	char *name = xasprintf("%s/%s", root, path);
	FILE *f = text ? fopen(name, "w") : NULL;

	if (text) {
		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	} else {
		assert_int_equal(mkdir(name, 0700), 0);
	}
	free(name);
}

/* The first that has any is the cluster's. */
static void cni_files(void **state)
{
	char root[] = "/tmp/whydrop-test-XXXXXX", command[64];
	struct vec v = {.size = sizeof(struct known_cidr)};
	struct cidr want = a_cidr("10.1.0.0/16");

	(void)state;
	assert_non_null(mkdtemp(root));
	cidrs_from_cni_files(root, 5, &v); /* there are none */
	make(root, "etc", NULL);
	make(root, "etc/cni", NULL);
	make(root, "etc/cni/net.d", NULL);
	make(root, "etc/cni/net.d/87-podman-bridge.conflist",
	     "{\"ipam\":{\"subnet\":\"10.88.0.0/16\"}}");
	make(root, "etc/cni/net.d/00-multus.conf", "{\"type\":\"multus\"}");
	make(root, "etc/cni/net.d/05-old.conflist.bak", "{\"ipam\":{\"subnet\":\"10.5.0.0/16\"}}");
	make(root, "etc/cni/net.d/10-pods.conf", "{\"ipam\":{\"subnet\":\"10.1.0.0/16\"}}");
	for (int i = 0; i < 2; i++) { /* also where it is known already */
		cidrs_from_cni_files(root, 5, &v);
		assert_true(addr_eq(&only(&v)->net.addr, &want.addr));
		assert_string_equal(only(&v)->source, "/etc/cni/net.d/10-pods.conf");
	}
	snprintf(command, sizeof(command), "rm -r %s", root);
	assert_int_equal(system(command), 0);
	free(v.data);
}

/* However many there are in a file; and those of other files, and of routes, are known still. */
static void too_many_cidrs(void **state)
{
	struct vec v = {.size = sizeof(struct known_cidr)};
	char text[40000] = "{\"ipam\":[";
	size_t n = strlen(text);

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%s{\"subnet\":\"10.%u.%u.0/24\"}", i ? "," : "", i / 250,
				      i % 250);
	snprintf(text + n, sizeof(text) - n, "]}");
	assert_true(cidrs_from_cni(text, 5, "x", &v));
	assert_int_equal(v.n, 64);
	assert_true(cidrs_from_cni("{\"ipam\":{\"subnet\":\"10.99.0.0/16\"}}", 5, "x", &v));
	assert_int_equal(v.n, 65);
	free(v.data);
}

/* The kernel gives inode numbers again. */
static void netns_replaced(void **state)
{
	struct fake_host h;

	(void)state;
	fake_host_init(&h);
	fake_netns(&h, 7, "new");
	fake_netns(&h, 8, "pid 42 (sleep)");
	assert_false(host_netns_replaced(&h.base, 7, "new"));
	assert_true(host_netns_replaced(&h.base, 7, "old"));
	assert_false(
		host_netns_replaced(&h.base, 7, "pid 41 (nginx)")); /* may have had no name yet */
	assert_false(host_netns_replaced(&h.base, 7, NULL));
	assert_true(
		host_netns_replaced(&h.base, 8, "old")); /* or it has lost its name: who knows */
	assert_false(host_netns_replaced(&h.base, 9, "old")); /* it is gone, and that is all */
}

static void flannel_env(void **state)
{
	char text[] = "FLANNEL_NETWORK=10.244.0.0/16,10.245.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n"
		      "FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\nFLANNEL_IPV6_NETWORK=fd00:3::/48\n"
		      "\nFLANNEL_NETWORK\n=\nFLANNEL_NETWORK=\xff\033";
	struct vec v = {.size = sizeof(struct known_cidr)};

	(void)state;
	cidrs_from_flannel(text, 5, &v);
	assert_int_equal(v.n, 3);
	free(v.data);
}

static size_t count_arguments(const char *args, size_t len, struct vec *v)
{
	/* at the end of its allocation; terminated as the reader does */
	char *copy = calloc(len + 1, 1);

	memcpy(copy, args, len);
	v->n = 0;
	cidrs_from_arguments(copy, len, 5, v);
	free(copy);
	return v->n;
}

static void command_lines(void **state)
{
	static const char proxy[] = "/usr/local/bin/kube-proxy\0--v=2\0"
				    "--cluster-cidr=10.244.0.0/16,fd00:4::/48";
	static const char words[] = "/usr/bin/k3s\0server\0--cluster-cidr\0"
				    "10.42.0.0/16\0--service-cidr\0"
				    "10.43.0.0/16";
	static const char other[] = "/usr/bin/vi\0--cluster-cidr=10.244.0.0/16";
	static const char last[] = "kubelet\0--pod-cidr";
	struct vec v = {.size = sizeof(struct known_cidr)};
	const struct known_cidr *c;

	(void)state;
	assert_int_equal(count_arguments(proxy, sizeof(proxy), &v), 2);
	assert_int_equal(count_arguments(words, sizeof(words), &v), 2);
	c = v.data;
	assert_int_equal(c[0].role, CIDR_POD);
	assert_int_equal(c[1].role, CIDR_SERVICE);
	assert_string_equal(c[1].source, "command line of k3s");
	assert_int_equal(count_arguments(other, sizeof(other), &v), 0);
	assert_int_equal(count_arguments(last, sizeof(last), &v), 0);
	assert_int_equal(count_arguments("", 1, &v), 0);
	for (size_t n = 0; n <= sizeof(words); n++)
		count_arguments(words, n, &v);
	free(v.data);
}

#define NODE 100
#define POD  200

static const uint8_t mac3[6] = {2, 0, 0, 0, 0, 3};
static struct fake_host fake;
static struct fake_netns *node, *pod;

static struct link *add_veth(struct fake_netns *n, uint32_t ifindex, uint32_t master, uint32_t peer,
			     uint32_t away)
{
	struct link *l = fake_link(n, ifindex, "veth", "veth");

	l->master = master;
	l->peer = peer;
	l->peer_is_away = away;
	l->peer_netns = away;
	return l;
}

static void add_fdb(uint32_t ifindex, uint32_t master, const uint8_t *mac, uint16_t state)
{
	struct neigh *e = &node->neighs[node->n_neighs++];

	*e = (struct neigh){
		.fdb = true, .ifindex = ifindex, .master = master, .has_mac = true, .state = state};
	memcpy(e->mac, mac, sizeof(e->mac));
}

/* One node with one pod on cni0, and a bridge whose only port has both its ends here. */
static struct host *setup_node(void)
{
	fake_host_init(&fake);
	node = fake_netns(&fake, NODE, "host");
	pod = fake_netns(&fake, POD, "pod");
	fake_link(node, 2, "eth0", "");
	fake_link(node, 3, "cni0", "bridge");
	add_veth(node, 4, 3, 2, POD);
	fake_link(node, 5, "br-vm", "bridge");
	add_veth(node, 6, 5, 7, 0);
	fake_addr(node, 3, "10.244.1.1/24");
	add_fdb(4, 3, mac2, NUD_PERMANENT); /* the port's own address: the node itself */
	add_fdb(4, 3, mac1, NUD_REACHABLE);
	add_fdb(6, 5, mac3, NUD_NOARP);
	add_veth(pod, 2, 0, 4, NODE);
	fake_route(pod, "10.244.1.0/24", NULL, 2);
	fake_route(pod, "0.0.0.0/0", "10.244.1.1", 2);
	return &fake.base;
}

static void lookup_links(void **state)
{
	struct host *h = setup_node();

	(void)state;
	assert_ptr_equal(host_link(h, NODE, 3), &node->links[1]);
	assert_null(host_link(h, NODE, 99));
	assert_null(host_link(h, NODE, 0));
	assert_null(host_link(h, 0, 3));
	assert_null(host_link(h, 999, 3));
}

static void lookup_owner(void **state)
{
	struct addr mine = an_addr("10.244.1.1"), other = an_addr("10.244.1.2"), none = {};
	struct host *h = setup_node();

	(void)state;
	assert_int_equal(host_addr_owner(h, NODE, &mine), 3);
	assert_int_equal(host_addr_owner(h, NODE, &other), 0);
	assert_int_equal(host_addr_owner(h, NODE, &none), 0);
	assert_int_equal(host_addr_owner(h, 999, &mine), 0);
}

static void lookup_fdb(void **state)
{
	static const uint8_t mac4[6] = {2, 0, 0, 0, 0, 4};
	struct host *h = setup_node();

	(void)state;
	assert_int_equal(host_fdb_port(h, NODE, 3, mac1)->ifindex, 4);
	assert_int_equal(host_fdb_port(h, NODE, 5, mac3)->ifindex, 6);
	assert_null(host_fdb_port(h, NODE, 3, mac3)); /* behind the other bridge */
	assert_null(host_fdb_port(h, NODE, 3, mac4));
	assert_null(host_fdb_port(h, 999, 3, mac1));
}

/* A bridge takes a port's address for its own, so this is what a routed frame comes from. */
static void lookup_fdb_own_address(void **state)
{
	struct host *h = setup_node();

	(void)state;
	assert_null(host_fdb_port(h, NODE, 3, mac2));
}

static void lookup_pod_bridge(void **state)
{
	struct host *h = setup_node();

	(void)state;
	assert_true(host_is_pod_bridge(h, NODE, host_link(h, NODE, 3)));
	assert_false(host_is_pod_bridge(h, NODE, host_link(h, NODE, 5)));
	assert_false(host_is_pod_bridge(h, NODE, host_link(h, NODE, 2)));
}

static void lookup_node(void **state)
{
	struct host *h = setup_node();

	(void)state;
	assert_int_equal(host_node_of(h, POD), NODE);
	assert_int_equal(host_node_of(h, NODE), 0);
	assert_int_equal(host_node_of(h, 999), 0);
	pod->routes[1].type = RTN_UNREACHABLE;
	assert_int_equal(host_node_of(h, POD), 0);
}

/* cgroup v1 and v2, cgroupfs and systemd, a static pod; and what only looks like one. */
static void pod_cgroups(void **state)
{
	static const char uid[] = "0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55";
	static const char *const texts[] = {
		"0::/kubepods/burstable/pod0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55/4af1\n",
		"12:pids:/kubepods/pod0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55/4af1\n0::/\n",
		"0::/kubepods.slice/kubepods-besteffort.slice/"
		"kubepods-besteffort-pod0f2a6a0e_5d3c_4a9b_8f1e_2d7c9b1a4e55.slice/cri-1.scope\n",
		"0::/../../kubepods-pod0f2a6a0e_5d3c_4a9b_8f1e_2d7c9b1a4e55.slice",
	};
	static const char *const none[] = {
		"",
		"0::/\n",
		"0::/system.slice/podman.service\n",
		"0::/user/tripod0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55/\n",
		"0::/kubepods/pod0f2a6a0e-5d3c\n",
		"0::/kubepods/pod0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55ff/x\n",
		"0::/kubepods/pod0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55x/x\n",
	};
	char got[40];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_true(pod_uid_of_cgroup(texts[i], got));
		assert_string_equal(got, uid);
	}
	assert_true(pod_uid_of_cgroup("0::/kubepods/pod8b3fb6ad9c27ad3f1d1c4b0d6a3e3f10/x", got));
	assert_string_equal(got, "8b3fb6ad9c27ad3f1d1c4b0d6a3e3f10");
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(pod_uid_of_cgroup(none[i], got));
}

static void pod_log_folders(void **state)
{
	static const char uid[] = "0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55";
	static const char *const none[] = {
		"default_web-1_0f2a6a0e-5d3c-4a9b-8f1e-000000000000",
		"web-1_0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55",
		"_web-1_0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55",
		"default__0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55",
		"default_we\033[2Jb_0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55",
		"0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55",
	};
	struct pod pod;

	(void)state;
	assert_true(pod_of_log_folder("kube-system_web.1-x_0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55",
				      uid, &pod));
	assert_string_equal(pod.label, "kube-system/web.1-x");
	assert_int_equal(pod.namespace_len, 11);
	assert_string_equal(pod.uid, uid);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(pod_of_log_folder(none[i], uid, &pod));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conntrack_lines),
		cmocka_unit_test(snmp_counters),
		cmocka_unit_test(udp_lines),
		cmocka_unit_test(cni_json),
		cmocka_unit_test(netns_replaced),
		cmocka_unit_test(cni_files),
		cmocka_unit_test(too_many_cidrs),
		cmocka_unit_test(flannel_env),
		cmocka_unit_test(command_lines),
		cmocka_unit_test(lookup_links),
		cmocka_unit_test(lookup_owner),
		cmocka_unit_test(lookup_fdb),
		cmocka_unit_test(lookup_fdb_own_address),
		cmocka_unit_test(lookup_pod_bridge),
		cmocka_unit_test(lookup_node),
		cmocka_unit_test(pod_cgroups),
		cmocka_unit_test(pod_log_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

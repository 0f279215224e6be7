// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's answers: whole, cut at every length, and with lengths that lie. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "test.h"

#include "host/parse.h"
#include "host/real.h"

static struct nl_msg *message(int type, const void *header, size_t size)
{
	struct nl_msg *m = nlmsg_alloc_simple(type, 0);

	assert_int_equal(nlmsg_append(m, (void *)header, size, NLMSG_ALIGNTO), 0);
	return m;
}

static struct nl_msg *vxlan_message(void)
{
	struct ifinfomsg ifi = {.ifi_index = 7, .ifi_type = 1};
	struct nl_msg *m = message(RTM_NEWLINK, &ifi, sizeof(ifi));
	struct nlattr *info, *data;

	nla_put_string(m, IFLA_IFNAME, "flannel.1");
	nla_put_u32(m, IFLA_MTU, 1450);
	nla_put_u32(m, IFLA_LINK, 2);
	nla_put_u32(m, IFLA_LINK_NETNSID, 5);
	info = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, "vxlan");
	data = nla_nest_start(m, IFLA_INFO_DATA);
	nla_put_u32(m, IFLA_VXLAN_ID, 1);
	nla_put_u16(m, IFLA_VXLAN_PORT, htons(8472));
	nla_put_u32(m, IFLA_VXLAN_LOCAL, htonl(0xc0a84d01));
	nla_nest_end(m, data);
	nla_nest_end(m, info);
	return m;
}

static void test_link(void **state)
{
	struct nl_msg *m = vxlan_message();
	struct link l;
	int id;

	(void)state;
	assert_int_equal(parse_link(nlmsg_hdr(m), &l, &id), 0);
	assert_int_equal(l.ifindex, 7);
	assert_string_equal(l.name, "flannel.1");
	assert_string_equal(l.kind, "vxlan");
	assert_int_equal(l.vxlan.port, 8472);
	assert_int_equal(l.vxlan.vni, 1);
	assert_true(l.peer_is_away);
	assert_int_equal(id, 5);
	nlmsg_free(m);
}

static struct nl_msg *route_message(void)
{
	struct rtmsg rt = {.rtm_family = AF_INET,
			   .rtm_dst_len = 24,
			   .rtm_type = RTN_UNICAST,
			   .rtm_protocol = RTPROT_STATIC,
			   .rtm_table = RT_TABLE_MAIN};
	struct nl_msg *m = message(RTM_NEWROUTE, &rt, sizeof(rt));

	nla_put_u32(m, RTA_DST, htonl(0x0af40200));
	nla_put_u32(m, RTA_GATEWAY, htonl(0x0af40200));
	nla_put_u32(m, RTA_OIF, 7);
	return m;
}

static void test_route(void **state)
{
	struct nl_msg *m = route_message();
	char text[CIDR_STRLEN];
	struct route r;

	(void)state;
	assert_int_equal(parse_route(nlmsg_hdr(m), &r), 0);
	assert_string_equal(cidr_str(&r.dst, text), "10.244.2.0/24");
	assert_int_equal(r.oif, 7);
	assert_int_equal(r.table, RT_TABLE_MAIN);
	nlmsg_free(m);
}

static void put_tuple(struct nl_msg *m, int type, uint32_t src, uint32_t dst, uint16_t sport,
		      uint16_t dport)
{
	struct nlattr *t = nla_nest_start(m, type), *ip, *proto;

	ip = nla_nest_start(m, CTA_TUPLE_IP);
	nla_put_u32(m, CTA_IP_V4_SRC, htonl(src));
	nla_put_u32(m, CTA_IP_V4_DST, htonl(dst));
	nla_nest_end(m, ip);
	proto = nla_nest_start(m, CTA_TUPLE_PROTO);
	nla_put_u8(m, CTA_PROTO_NUM, IPPROTO_TCP);
	nla_put_u16(m, CTA_PROTO_SRC_PORT, htons(sport));
	nla_put_u16(m, CTA_PROTO_DST_PORT, htons(dport));
	nla_nest_end(m, proto);
	nla_nest_end(m, t);
}

static struct nl_msg *conntrack_message(void)
{
	struct nfgenmsg nf = {.nfgen_family = AF_INET};
	struct nl_msg *m = message(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, &nf, sizeof(nf));

	put_tuple(m, CTA_TUPLE_ORIG, 0x0af40102, 0x0a60000a, 40000, 80);
	put_tuple(m, CTA_TUPLE_REPLY, 0x0af40103, 0x0af40102, 8080, 40000);
	nla_put_u32(m, CTA_STATUS, htonl(IPS_CONFIRMED | IPS_DST_NAT));
	nla_put_u32(m, CTA_TIMEOUT, htonl(117));
	return m;
}

static void test_conntrack(void **state)
{
	struct nl_msg *m = conntrack_message();
	char text[FLOW_STRLEN];
	struct ct_entry e;

	(void)state;
	assert_int_equal(parse_conntrack(nlmsg_hdr(m), &e), 0);
	assert_string_equal(flow_str(&e.orig, text), "tcp 10.244.1.2:40000 > 10.96.0.10:80");
	assert_string_equal(flow_str(&e.reply, text), "tcp 10.244.1.3:8080 > 10.244.1.2:40000");
	assert_int_equal(e.status, IPS_CONFIRMED | IPS_DST_NAT);
	assert_int_equal(e.timeout, 117);
	nlmsg_free(m);
}

/* Give a message to every parser: whatever it is, none may read outside of it. */
static void parse_all(const struct nlmsghdr *h)
{
	struct link l;
	struct if_addr a;
	struct route r;
	struct neigh n;
	struct ct_entry e;
	int id;

	parse_link(h, &l, &id);
	parse_addr(h, &a);
	parse_route(h, &r);
	parse_neigh(h, &n);
	parse_nsid(h, &id);
	parse_conntrack(h, &e);
}

static void cut_everywhere(struct nl_msg *m)
{
	const struct nlmsghdr *h = nlmsg_hdr(m);

	for (uint32_t len = sizeof(*h); len <= h->nlmsg_len; len++) {
		struct nlmsghdr *cut = (struct nlmsghdr *)exact_copy(h, len);

		cut->nlmsg_len = len;
		parse_all(cut);
		free(cut);
	}
	nlmsg_free(m);
}

static void test_cut_answers(void **state)
{
	struct rtmsg rt = {.rtm_family = AF_INET};
	struct nlmsghdr *h = calloc(1, sizeof(*h));
	struct route r = {.oif = 42};

	(void)state;
	cut_everywhere(vxlan_message());
	cut_everywhere(route_message());
	cut_everywhere(conntrack_message());
	h->nlmsg_type = RTM_NEWROUTE;
	h->nlmsg_len = sizeof(*h) + sizeof(rt) - 1;
	assert_int_equal(parse_route(h, &r), -EBADMSG);
	assert_int_equal(r.oif, 42);
	free(h);
}

static void test_flipped_bytes(void **state)
{
	struct nl_msg *(*const make[])(void) = {vxlan_message, route_message, conntrack_message};

	(void)state;
	srandom(2);
	for (int i = 0; i < 30000; i++) {
		struct nl_msg *m = make[i % 3]();
		uint32_t len = nlmsg_hdr(m)->nlmsg_len;
		uint8_t *p = exact_copy(nlmsg_hdr(m), len);

		for (int j = 0; j < 3; j++)
			p[sizeof(struct nlmsghdr) +
			  (size_t)random() % (len - sizeof(struct nlmsghdr))] = (uint8_t)random();
		parse_all((struct nlmsghdr *)p);
		free(p);
		nlmsg_free(m);
	}
}

static void test_hostile_name(void **state)
{
	struct ifinfomsg ifi = {.ifi_index = 1};
	struct nl_msg *m = message(RTM_NEWLINK, &ifi, sizeof(ifi));
	struct link l;
	int id;

	(void)state;
	nla_put(m, IFLA_IFNAME, 20, "ABCDEFGHIJKLMNOPQRST"); /* longer than may be, no end */
	assert_int_equal(parse_link(nlmsg_hdr(m), &l, &id), 0);
	assert_string_equal(l.name, "ABCDEFGHIJKLMNO");
	nlmsg_free(m);
}

static void test_udp_lines(void **state)
{
	struct local_socket s;
	unsigned int tcp_state;
	char text[ADDR_STRLEN];

	(void)state;
	assert_int_equal(
		parse_socket_line("  sl  local_address rem_address   st tx_queue", &s, &tcp_state),
		1);
	assert_int_equal(
		parse_socket_line(" 1234: 00000000:2118 00000000:0000 07 00000000:00000000 "
				  "00:00000000 00000000     0        0 0 2 0000000000000000 0",
				  &s, &tcp_state),
		0);
	assert_int_equal(s.port, 8472);
	assert_int_equal(parse_socket_line(" 12: 0100007F:0035 00000000:0000 07 00000000:00000000 "
					   "00:00000000 00000000   101        0 31337 2 0 0",
					   &s, &tcp_state),
			 0);
	assert_string_equal(addr_str(&s.local, text), "127.0.0.1");
	assert_int_equal(
		parse_socket_line(" 1: 0100007F:FFFFF 0:0 07 0:0 0:0 0 0 0 1 2", &s, &tcp_state),
		-EBADMSG);
	assert_int_equal(parse_socket_line("", &s, &tcp_state), 1);
}

static void test_conntrack_lines(void **state)
{
	static const char line[] =
		"ipv4     2 tcp      6 117 SYN_SENT src=10.244.1.2 dst=10.96.0.10 sport=40000 "
		"dport=80 [UNREPLIED] src=10.244.1.3 dst=10.244.1.2 sport=8080 dport=40000 mark=0";
	char cut[sizeof(line)], text[FLOW_STRLEN];
	struct ct_entry e;

	(void)state;
	assert_int_equal(parse_conntrack_line(line, &e), 0);
	assert_string_equal(flow_str(&e.reply, text), "tcp 10.244.1.3:8080 > 10.244.1.2:40000");
	assert_false(e.status & IPS_SEEN_REPLY);
	for (size_t n = 0; n < sizeof(line); n++) {
		memcpy(cut, line, n);
		cut[n] = '\0';
		parse_conntrack_line(cut, &e);
	}
	assert_int_equal(parse_conntrack_line("ipv4 2 tcp 6 117", &e), -EBADMSG);
}

/* As ip_vs_info_seq_show() writes it, net/netfilter/ipvs/ip_vs_ctl.c. */
static const char ipvs[] = "IP Virtual Server version 1.2.1 (size=4096)\n"
			   "Prot LocalAddress:Port Scheduler Flags\n"
			   "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
			   "TCP  0A60000A:0050 rr \n"
			   "  -> 0AF40102:1F90      Masq    1      0          0         \n"
			   "  -> 0AF40103:1F90      Masq    0      3          0         \n"
			   "TCP  0A60000B:0050 rr persistent 10800 FFFFFFFF\n"
			   "UDP  0A60000A:0035 rr \n"
			   "  -> 0AF40103:0035      Masq    0      3          0         \n"
			   "TCP  [fd00:0096:0000:0000:0000:0000:0000:000a]:0050 rr \n"
			   "  -> [fd00:0244:0001:0000:0000:0000:0000:0002]:1F90      Masq    1     "
			   " 0          0         \n"
			   "TCP  0A60000C:0000 wlc persistent 300 FFFFFFFF\n"
			   "FWM  00000001 rr \n"
			   "  -> 0AF40102:0000      Route   1      0          0         \n";

/* The number of servers, or what went wrong. */
static int servers_of(const char *text, uint8_t proto, const char *dst, uint16_t port)
{
	struct flow to = {.proto = proto, .dport = port};
	unsigned int n = 99;
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	struct vec all = {};
	int err;

	assert_int_equal(addr_parse(dst, &to.dst), 0);
	read_ipvs_file(f, &all);
	fclose(f);
	err = ipvs_servers_of(all.data, all.n, &to, &n);
	free(all.data);
	assert_true(!err || n == 99);
	return err ? err : (int)n;
}

static void test_servers_of_an_ipvs_service(void **state)
{
	(void)state;
	assert_int_equal(servers_of(ipvs, IPPROTO_TCP, "10.96.0.10", 80), 1);
	assert_int_equal(servers_of(ipvs, IPPROTO_TCP, "10.96.0.11", 80), 0);
	assert_int_equal(servers_of(ipvs, IPPROTO_UDP, "10.96.0.10", 53), 0); /* of no weight */
	assert_int_equal(servers_of(ipvs, IPPROTO_TCP, "fd00:96::a", 80), 1);
	assert_int_equal(servers_of(ipvs, IPPROTO_TCP, "10.96.0.12", 4711), 0);
	assert_int_equal(servers_of(ipvs, IPPROTO_UDP, "10.96.0.10", 80), -ENOENT);
	assert_int_equal(servers_of(ipvs, IPPROTO_TCP, "10.96.0.10", 81), -ENOENT);
	assert_int_equal(servers_of(ipvs, IPPROTO_TCP, "10.244.1.2", 8080), -ENOENT);
	for (size_t n = 1; n < strlen(ipvs); n++) { /* whatever is cut */
		char *part = strndup(ipvs, n);

		(void)servers_of(part, IPPROTO_TCP, "10.96.0.10", 80);
		free(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers_of_an_ipvs_service),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_conntrack),
		cmocka_unit_test(test_cut_answers),
		cmocka_unit_test(test_flipped_bytes),
		cmocka_unit_test(test_hostile_name),
		cmocka_unit_test(test_udp_lines),
		cmocka_unit_test(test_conntrack_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

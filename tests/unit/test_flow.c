// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/in.h>

#include "test.h"

#include "flow.h"

static const uint8_t tcp4[] = {
	0x45, 0,    0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10,   244,  1,	 2,    10, 244, 2, 3,
	0x9c, 0x40, 0, 80, 0, 0, 0,    1, 0,  0, 0, 0, 0x50, 0x12, 0xff, 0xff, 0,  0,	0, 0,
};

static const uint8_t udp6_ext[] = {
	0x60, 0,    0, 0,    0, 24, 0 /* hop-by-hop */,
	64,   0xfd, 0, 0,    0, 0,  0,
	0,    0,    0, 0,    0, 0,  0,
	0,    0,    1, 0xfd, 0, 0,  0,
	0,    0,    0, 0,    0, 0,  0,
	0,    0,    0, 0,    2, 60, 0,
	1,    4,    0, 0,    0, 0, /* → destination options */
	17,   0,    1, 4,    0, 0,  0,
	0, /* → UDP */
	0x30, 0x39, 0, 53,   0, 8,  0,
	0,
};

static const uint8_t arp[] = {
	0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
};

/* UDP to 8472, VXLAN VNI 66, inner Ethernet, inner tcp4 */
static size_t make_vxlan(uint8_t *p)
{
	static const uint8_t outer[] = {
		0x45, 0,  0, 90,   0, 0,    0,	  0, 64, 17,   0, 0,	192, 168, 77, 1, 192,
		168,  77, 2, 0xc0, 0, 0x21, 0x18, 0, 70, 0,    0, 0x08, 0,   0,	  0,  0, 0,
		66,   0,  2, 0xff, 0, 0,    0,	  2, 2,	 0xff, 0, 0,	0,   1,	  8,  0,
	};

	memcpy(p, outer, sizeof(outer));
	memcpy(p + sizeof(outer), tcp4, sizeof(tcp4));
	return sizeof(outer) + sizeof(tcp4);
}

static void test_tcp(void **state)
{
	char text[FLOW_STRLEN];
	struct flow f;
	size_t l4;

	(void)state;
	assert_int_equal(flow_parse(ETHERTYPE_IP, tcp4, sizeof(tcp4), &f, &l4), 24);
	assert_int_equal(l4, 20);
	assert_string_equal(flow_str(&f, text), "tcp 10.244.1.2:40000 > 10.244.2.3:80 SYN,ACK");
}

static void test_ipv6_extension_headers(void **state)
{
	char text[FLOW_STRLEN];
	struct flow f;
	size_t l4;

	(void)state;
	assert_true(flow_parse(ETHERTYPE_IPV6, udp6_ext, sizeof(udp6_ext), &f, &l4) > 0);
	assert_int_equal(l4, 56);
	assert_string_equal(flow_str(&f, text), "udp [fd00::1]:12345 > [fd00::2]:53");
}

static void test_arp_and_vlan(void **state)
{
	uint8_t tagged[4 + sizeof(arp)] = {0, 5, 8, 6};
	char text[FLOW_STRLEN];
	struct flow f;
	size_t l4;

	(void)state;
	memcpy(tagged + 4, arp, sizeof(arp));
	assert_true(flow_parse(0x8100, tagged, sizeof(tagged), &f, &l4) > 0);
	assert_string_equal(flow_str(&f, text), "arp 10.0.0.1 > 10.0.0.2 request");
	assert_int_equal(flow_parse(ETHERTYPE_IP, arp, sizeof(arp), &f, &l4), -EINVAL);
}

static void test_fragment_has_no_ports(void **state)
{
	uint8_t p[sizeof(tcp4)];
	struct flow f;
	size_t l4;

	(void)state;
	memcpy(p, tcp4, sizeof(p));
	p[7] = 8;
	assert_true(flow_parse(ETHERTYPE_IP, p, sizeof(p), &f, &l4) > 0);
	assert_true(f.is_fragment);
	assert_false(f.has_ports);
}

static void test_vxlan_inner(void **state)
{
	char text[FLOW_STRLEN];
	struct tunnel t;
	struct flow f;
	uint8_t p[128];
	size_t l4, n = make_vxlan(p);

	(void)state;
	flow_parse(ETHERTYPE_IP, p, n, &f, &l4);
	flow_parse_inner(&f, p, n, l4, &t);
	assert_true(t.present);
	assert_string_equal(t.kind, "vxlan");
	assert_int_equal(t.vni, 66);
	assert_int_equal(t.inner_src_mac[5], 1);
	assert_string_equal(flow_str(&t.inner, text),
			    "tcp 10.244.1.2:40000 > 10.244.2.3:80 SYN,ACK");
	p[28] = 0; /* no VXLAN flags, and no Geneve either */
	flow_parse_inner(&f, p, n, l4, &t);
	assert_false(t.present);
}

static void test_icmp_quotes_its_cause(void **state)
{
	uint8_t p[28 + sizeof(tcp4)] = {0x45, 0,  0, 68, 0, 0,	0, 0, 64, 1, 0,
					0,    10, 0, 0,	 1, 10, 0, 0, 2,  3, 13};
	char text[FLOW_STRLEN];
	struct tunnel t;
	struct flow f;
	size_t l4;

	(void)state;
	memcpy(p + 28, tcp4, sizeof(tcp4));
	flow_parse(ETHERTYPE_IP, p, sizeof(p), &f, &l4);
	assert_string_equal(flow_str(&f, text),
			    "icmp 10.0.0.1 > 10.0.0.2 dest-unreachable/admin-prohibited");
	flow_parse_inner(&f, p, sizeof(p), l4, &t);
	assert_string_equal(t.kind, "icmp");
	assert_int_equal(t.inner.dport, 80);
}

#define V4(ihl, frag, proto) "4" ihl "000040 0000" frag "40" proto "0000 0a000001 0a000002"
#define V6(next)                                                                                   \
	"60000000 0020" next "40 fd000000000000000000000000000001 "                                \
	"fd000000000000000000000000000002"
#define PORTS "10e10050" /* 4321, 80 */
#define TCP   PORTS "00000000 00000000 5002ffff 00000000"
#define UDP   PORTS "00080000"
#define MACS  "02ff00000002 02ff00000001"

/* One of every kind; text NULL: refused. */
static const struct packet {
	uint16_t l3;
	const char *hex, *text, *inner;
} packets[] = {
	{0x0800, V4("5", "0000", "06") TCP, "tcp 10.0.0.1:4321 > 10.0.0.2:80 SYN", NULL},
	{0x0800, V4("6", "0000", "06") "01010101" TCP, "tcp 10.0.0.1:4321 > 10.0.0.2:80 SYN", NULL},
	{0x0800, V4("4", "0000", "06") TCP, NULL, NULL},
	{0x0800, V4("f", "0000", "06") TCP "00000000 00000000", NULL, NULL}, /* 60 bytes claimed */
	{0x0800, V4("5", "0000", "11") UDP, "udp 10.0.0.1:4321 > 10.0.0.2:80", NULL},
	{0x0800, V4("5", "2000", "11") UDP, "udp 10.0.0.1:4321 > 10.0.0.2:80", NULL},
	{0x0800, V4("5", "2001", "11") UDP, "udp 10.0.0.1 > 10.0.0.2 fragment", NULL},
	{0x0800, V4("5", "0000", "84") PORTS "00000000", "sctp 10.0.0.1:4321 > 10.0.0.2:80", NULL},
	{0x0800, V4("5", "0000", "32") "00000001", "esp 10.0.0.1 > 10.0.0.2", NULL},
	{0x0800, V4("5", "0000", "fd") "00000001", "ip-proto-253 10.0.0.1 > 10.0.0.2", NULL},
	{0x0800, V4("5", "0000", "01") "0800 0000", "icmp 10.0.0.1 > 10.0.0.2 echo-request", NULL},
	{0x0800, V4("5", "0000", "01") "2a07 0000", "icmp 10.0.0.1 > 10.0.0.2 type 42 code 7",
	 NULL},
	{0x0800, V4("5", "0000", "01") "0304 0000 000005dc" V4("5", "4000", "06") TCP,
	 "icmp 10.0.0.1 > 10.0.0.2 dest-unreachable/frag-needed",
	 "tcp 10.0.0.1:4321 > 10.0.0.2:80 SYN"},
	{0x86dd, V6("06") TCP, "tcp [fd00::1]:4321 > [fd00::2]:80 SYN", NULL},
	/* hop-by-hop, routing, destination options */
	{0x86dd, V6("00") "2b00010400000000 3c00010400000000 1100010400000000" UDP,
	 "udp [fd00::1]:4321 > [fd00::2]:80", NULL},
	{0x86dd, V6("33") "11040000 0000000000000000 000000000000000000000000" UDP, /* AH */
	 "udp [fd00::1]:4321 > [fd00::2]:80", NULL},
	{0x86dd, V6("2c") "1100000100000007" UDP, "udp [fd00::1]:4321 > [fd00::2]:80", NULL},
	{0x86dd, V6("2c") "1100000800000007" UDP, "udp fd00::1 > fd00::2 fragment", NULL},
	{0x86dd, V6("3a") "8700 0000", "icmp6 fd00::1 > fd00::2 neighbour-solicit", NULL},
	{0x86dd, V6("3a") "0200 0000 000005dc" V6("06") TCP,
	 "icmp6 fd00::1 > fd00::2 packet-too-big", "tcp [fd00::1]:4321 > [fd00::2]:80 SYN"},
	{0x86dd, V6("3c") "11ff010400000000" UDP, "udp fd00::1 > fd00::2", NULL}, /* past the end */
	{0x0806, "0001 0800 0604 0002 020000000001 0a000001 020000000002 0a000002",
	 "arp 10.0.0.1 > 10.0.0.2 reply", NULL},
	{0x8100, "0064 0800" V4("5", "0000", "11") UDP, "udp 10.0.0.1:4321 > 10.0.0.2:80", NULL},
	{0x88a8, "0064 8100 0005 0800" V4("5", "0000", "11") UDP, "udp 10.0.0.1:4321 > 10.0.0.2:80",
	 NULL},
	{0x88a8, "0064 8100 0005 8100 0006 0800" V4("5", "0000", "11") UDP, NULL, NULL},
	{0x88cc, "0000", NULL, NULL},
	{0x86dd,
	 V6("11") "c000 12b5 00800000 08000000 00004200" MACS "8100 0007 0800" /* VXLAN */
	 V4("5", "0000", "11") UDP,
	 "udp [fd00::1]:49152 > [fd00::2]:4789", "udp 10.0.0.1:4321 > 10.0.0.2:80"},
	{0x0800,
	 V4("5", "0000", "11") "c000 17c1 00800000 01006558 00004200 01020304" MACS "86dd" V6("06")
		 TCP, /* Geneve with an option */
	 "udp 10.0.0.1:49152 > 10.0.0.2:6081", "tcp [fd00::1]:4321 > [fd00::2]:80 SYN"},
};

static size_t unhex(const char *hex, uint8_t *out)
{
	char pair[3] = "";
	size_t n = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		pair[0] = hex[0];
		pair[1] = *++hex;
		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

/* Of which nft knows nothing but the header itself; a later fragment's is not looked into. */
static void test_authentication_header(void **state)
{
	static const struct {
		const char *hex;
		bool ah;
	} cases[] = {
		{V6("33") "11040000 0000000000000000 000000000000000000000000" UDP, true},
		{V6("2c") "3300000100000007 11010000 0000000000000000" UDP, true},
		{V6("2c") "3300000800000007 11010000 0000000000000000" UDP, false},
		{V6("11") UDP, false},
	};
	uint8_t p[256];
	struct flow f;
	size_t l4;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(flow_parse(0x86dd, p, unhex(cases[i].hex, p), &f, &l4) > 0);
		assert_int_equal(f.has_ah, cases[i].ah);
	}
}

/* A cut packet tells less than the whole, and nothing else. */
static void check_cut(const struct packet *p, const uint8_t *whole, size_t cut,
		      const struct flow *full)
{
	uint8_t *copy = exact_copy(whole, cut);
	struct tunnel t;
	struct flow f;
	size_t l4 = 0;
	int used = flow_parse(p->l3, copy, cut, &f, &l4);

	if (used >= 0) {
		assert_true((size_t)used <= cut);
		assert_true(addr_eq(&f.src, &full->src) && addr_eq(&f.dst, &full->dst));
		assert_true(!f.has_ports || (f.sport == full->sport && f.dport == full->dport));
		assert_true(!f.has_tcp_flags || f.tcp_flags == full->tcp_flags);
		flow_parse_inner(&f, copy, cut, l4, &t);
		assert_true(!t.present || p->inner);
	}
	free(copy);
}

static void test_every_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		const struct packet *p = &packets[i];
		char text[FLOW_STRLEN];
		struct flow f = {.l3 = 1};
		struct tunnel t;
		uint8_t b[256];
		size_t l4 = 42, n = unhex(p->hex, b);
		int used = flow_parse(p->l3, b, n, &f, &l4);

		if (!p->text) {
			assert_int_equal(used, -EINVAL);
			assert_true(f.l3 == 1 && l4 == 42); /* untouched */
			continue;
		}
		assert_true(used > 0 && (size_t)used <= n);
		assert_string_equal(flow_str(&f, text), p->text);
		flow_parse_inner(&f, b, n, l4, &t);
		assert_int_equal(t.present, p->inner != NULL);
		if (p->inner)
			assert_string_equal(flow_str(&t.inner, text), p->inner);
		if (p->inner && strcmp(t.kind, "icmp"))
			assert_int_equal(t.vni, 66);
		for (size_t cut = 0; cut < n; cut++)
			check_cut(p, b, cut, &f);
	}
}

/* Nine extension headers are more than it follows: no ports are guessed. */
static void test_extension_headers_are_bounded(void **state)
{
	uint8_t b[40 + 9 * 8 + 8] = {0x60};
	struct flow f;
	size_t l4;

	(void)state;
	b[6] = IPPROTO_DSTOPTS;
	for (size_t i = 0; i < 9; i++)
		b[40 + i * 8] = i < 8 ? IPPROTO_DSTOPTS : IPPROTO_UDP;
	assert_true(flow_parse(ETHERTYPE_IPV6, b, sizeof(b), &f, &l4) > 0);
	assert_int_equal(f.proto, IPPROTO_DSTOPTS);
	assert_false(f.has_ports);
}

static void parse_everything(uint16_t l3, const uint8_t *p, size_t n)
{
	uint8_t *copy = exact_copy(p, n);
	struct tunnel t;
	struct flow f;
	size_t l4;
	char text[FLOW_STRLEN];
	int used = flow_parse(l3, copy, n, &f, &l4);

	if (used >= 0) {
		assert_true((size_t)used <= n);
		flow_parse_inner(&f, copy, n, l4, &t);
		assert_true(strlen(flow_str(&f, text)) < FLOW_STRLEN);
	}
	free(copy);
}

static void test_every_cut(void **state)
{
	static const uint16_t l3s[] = {ETHERTYPE_IP, ETHERTYPE_IPV6, ETHERTYPE_ARP, 0x8100};
	uint8_t vxlan[128];
	size_t n = make_vxlan(vxlan);

	(void)state;
	for (size_t cut = 0; cut <= n; cut++)
		parse_everything(ETHERTYPE_IP, vxlan, cut);
	for (size_t cut = 0; cut <= sizeof(udp6_ext); cut++)
		parse_everything(ETHERTYPE_IPV6, udp6_ext, cut);
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		uint8_t p[96];
		size_t len = (size_t)random() % sizeof(p);

		for (size_t j = 0; j < len; j++)
			p[j] = (uint8_t)random();
		if (len && i % 2)
			p[0] = i % 4 == 1 ? 0x45 : 0x60;
		parse_everything(l3s[i % 4], p, len);
	}
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {"",		"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1",
					  "fd00::/129", "10.0.0/8",    "x",	    "10.0.0.0/8x",
					  "10.0.0.0/ 8"};
	struct cidr a, b;
	struct addr x;
	char text[CIDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cidr_parse(bad[i], &a), -EINVAL);
	assert_int_equal(cidr_parse("10.244.0.0/16", &a), 0);
	assert_int_equal(cidr_parse("10.244.2.128/25", &b), 0);
	assert_true(cidr_overlap(&a, &b) && cidr_overlap(&b, &a));
	assert_int_equal(addr_parse("10.244.2.127", &x), 0);
	assert_true(cidr_has(&a, &x));
	assert_false(cidr_has(&b, &x));
	assert_int_equal(cidr_parse("fd00:244::/32", &b), 0);
	assert_false(cidr_overlap(&a, &b));
	assert_string_equal(cidr_str(&b, text), "fd00:244::/32");
	assert_int_equal(addr_parse("255.255.255.255", &x), 0);
	assert_true(addr_is_multicast(&x));
	assert_int_equal(addr_parse("fe80::1", &x), 0);
	assert_true(addr_is_linklocal(&x));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_ipv6_extension_headers),
		cmocka_unit_test(test_arp_and_vlan),
		cmocka_unit_test(test_fragment_has_no_ports),
		cmocka_unit_test(test_authentication_header),
		cmocka_unit_test(test_vxlan_inner),
		cmocka_unit_test(test_icmp_quotes_its_cause),
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_extension_headers_are_bounded),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

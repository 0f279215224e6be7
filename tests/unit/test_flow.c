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

static void parse_everything(uint16_t l3, const uint8_t *p, size_t n)
{
	uint8_t *copy = exact_copy(p, n);
	struct tunnel t;
	struct flow f;
	size_t l4;
	char text[FLOW_STRLEN];
	int used = flow_parse(l3, copy, n, &f, &l4);

	if (used >= 0) {
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
		cmocka_unit_test(test_tcp),	     cmocka_unit_test(test_ipv6_extension_headers),
		cmocka_unit_test(test_arp_and_vlan), cmocka_unit_test(test_fragment_has_no_ports),
		cmocka_unit_test(test_vxlan_inner),  cmocka_unit_test(test_icmp_quotes_its_cause),
		cmocka_unit_test(test_every_cut),    cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Packets against what iptables-save, ebtables-save and arptables-save print. */
#include <net/ethernet.h>
#include <netinet/in.h>
#include <time.h>

#include "test.h"

#include "rules/xtables.h"
#include "util.h"

#define UNKNOWN "-m addrtype --dst-type LOCAL" /* nobody can tell */
#define MAC_SRC                                                                                    \
	{                                                                                          \
		0x0a, 0x58, 0x0a, 0xf4, 0x01, 0x02                                                 \
	}

static struct addr an_addr(const char *s)
{
	struct addr a;

	assert_int_equal(addr_parse(s, &a), 0);
	return a;
}

/* A SYN that is forwarded from eth0 to cni0; conntrack has an entry for it. */
static struct group syn(void)
{
	static const uint8_t mac[6] = MAC_SRC;
	struct group g = {.kind = SAMPLE_DROP,
			  .has_sample = true,
			  .hook = HOOK_FORWARD,
			  .hook_family = "ip",
			  .in = "eth0",
			  .out = "cni0",
			  .ct_state = CT_NEW,
			  .has_ct_status = true,
			  .mark = 0x8000};

	g.flow.l3 = ETHERTYPE_IP;
	g.flow.proto = IPPROTO_TCP;
	g.flow.src = an_addr("10.0.0.5");
	g.flow.dst = an_addr("10.244.1.2");
	g.flow.has_ports = true;
	g.flow.sport = 40000;
	g.flow.dport = 80;
	g.flow.has_tcp_flags = true;
	g.flow.tcp_flags = 0x02;
	g.has_src_mac = true;
	memcpy(g.src_mac, mac, 6);
	return g;
}

static struct group syn6(void)
{
	struct group g = syn();

	g.hook_family = "ip6";
	g.flow.l3 = ETHERTYPE_IPV6;
	g.flow.src = an_addr("2001:db8::5");
	g.flow.dst = an_addr("fd00:10:244::2");
	return g;
}

static struct group ping(uint8_t proto, uint8_t type, uint8_t code)
{
	struct group g = proto == IPPROTO_ICMPV6 ? syn6() : syn();

	g.flow.proto = proto;
	g.flow.has_ports = g.flow.has_tcp_flags = false;
	g.flow.has_icmp = true;
	g.flow.icmp_type = type;
	g.flow.icmp_code = code;
	return g;
}

static struct group fragment(void)
{
	struct group g = syn();

	g.flow.has_ports = g.flow.has_tcp_flags = false;
	g.flow.is_fragment = true;
	return g;
}

static struct group arp(void)
{
	struct group g = syn();

	g.flow = (struct flow){.l3 = ETHERTYPE_ARP, .icmp_code = 1};
	g.flow.src = an_addr("10.0.0.5");
	g.flow.dst = an_addr("10.0.0.6");
	g.hook_family = "arp";
	return g;
}

static struct group frame(void)
{
	struct group g = syn();

	g.hook_family = "bridge";
	snprintf(g.in, sizeof(g.in), "vetha");
	snprintf(g.out, sizeof(g.out), "vethb");
	snprintf(g.bridge, sizeof(g.bridge), "cni0");
	memset(g.dst_mac, 0xff, 6);
	return g;
}

/* The IP hook's caller. */
static void called_by(struct group *g, const char *name)
{
	static struct symbol stack[2] = {{.name = "nf_hook_slow"}};

	stack[1].name = name;
	g->hook_family = "ip";
	g->stack = stack;
	g->n_stack = 2;
}

static enum rule_backend backend = RULE_IPTABLES_NFT;

static struct replay replay_of(const char *text, const char *family, const char *table,
			       const struct group *g)
{
	struct xt_ruleset *r = xt_parse(text, backend, family);
	struct replay out = {};

	xt_replay(r, table, g, &out);
	xt_free(r);
	return out;
}

/* "FORWARD 1 sure, FORWARD policy maybe, cut" */
static char *story_of(const struct replay *p)
{
	char *story = xstrdup("");

	for (size_t i = 0; i < p->n; i++) {
		const struct rule_hit *h = &p->hits[i];
		char *before = story, place[16];

		snprintf(place, sizeof(place), "%u", h->rule.number);
		story = xasprintf("%s%s%s %s%s", before, i ? ", " : "", h->rule.chain,
				  h->rule.policy ? "policy" : place, h->sure ? " sure" : "");
		free(before);
	}
	if (p->cut) {
		char *before = story;

		story = xasprintf("%s%scut", before, p->n ? ", " : "");
		free(before);
	}
	return story;
}

static void assert_story_in(const char *file_line, const char *text, const char *family,
			    const char *table, const struct group *g, const char *want)
{
	struct replay p = replay_of(text, family, table, g);
	char *story = story_of(&p);

	if (strcmp(story, want))
		fail_msg("%s: '%s', not '%s', of:\n%s", file_line, story, want, text);
	free(story);
	replay_free(&p);
}

#define STR_(x)			      #x
#define STR(x)			      STR_(x)
#define assert_story(text, ...)	      assert_story_in("line " STR(__LINE__), text, __VA_ARGS__)
#define assert_filter(rules, g, want) assert_story(FILTER(rules), "ip", NULL, g, want)
#define FILTER(rules)		      "*filter\n:FORWARD ACCEPT [0:0]\n" rules "COMMIT\n"
#define FORWARD(rule)		      "[1:60] -A FORWARD " rule "\n"

/* What one rule asks of a packet. */
struct question {
	enum tri want;
	const char *options;
};

static void ask(const char *packet, const char *family, const char *format,
		const struct question *q, size_t n, const struct group *g)
{
	static const char *const want[] = {"", "FORWARD 1 sure", "FORWARD 1"};

	for (size_t i = 0; i < n; i++) {
		char *text = xasprintf(format, q[i].options);

		assert_story_in(packet, text, family, NULL, g, want[q[i].want]);
		free(text);
	}
}

#define ask_all(packet, family, format, ...)                                                       \
	do {                                                                                       \
		const struct group g_ = packet;                                                    \
		static const struct question q_[] = __VA_ARGS__;                                   \
                                                                                                   \
		ask(#packet, family, format, q_, ARRAY_SIZE(q_), &g_);                             \
	} while (0)
#define ONE_RULE "*filter\n:FORWARD ACCEPT [0:0]\n[1:60] -A FORWARD %s -j DROP\nCOMMIT\n"
#define ONE_EB	 "*filter\n:FORWARD ACCEPT\n-A FORWARD %s -j DROP\n"
#define ONE_ARP	 "*filter\n:FORWARD ACCEPT\n-A FORWARD -j DROP %s\n"
#define Q(...)                                                                                     \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static void test_addresses(void **state)
{
	struct group unknown = syn();

	(void)state;
	ask_all(syn(), "ip", ONE_RULE,
		Q({TRI_YES, "-s 10.0.0.0/8"}, {TRI_NO, "! -s 10.0.0.0/8"},
		  {TRI_NO, "-s 10.0.0.4/32"}, {TRI_YES, "-s 10.0.0.5"},
		  {TRI_YES, "-s 10.0.0.5/32 -d 10.244.0.0/16"},
		  {TRI_NO, "-s 10.0.0.5/32 -d 10.245.0.0/16"}, {TRI_YES, "-d 10.0.1.0/255.0.255.0"},
		  {TRI_NO, "-d 10.0.2.0/255.0.255.0"}, {TRI_YES, "! -d 10.0.2.0/255.0.255.0"},
		  {TRI_MAYBE, "-s 10.0.0.0/33"}, {TRI_MAYBE, "-s 10.0.0.0/255.x"},
		  {TRI_MAYBE, "! -s host"}, {TRI_NO, "-s fd00::/8"}, {TRI_YES, ""},
		  {TRI_YES, "-m iprange --src-range 10.0.0.1-10.0.0.9"},
		  {TRI_NO, "-m iprange --src-range 10.0.0.1-10.0.0.4"},
		  {TRI_NO, "-m iprange --src-range ::-ffff::"},
		  {TRI_NO, "-m iprange ! --src-range 10.0.0.5-10.0.0.5"},
		  {TRI_NO, "-m iprange --dst-range 10.244.1.3-10.244.1.9"},
		  {TRI_YES, "-m iprange ! --dst-range 10.244.1.3-10.244.1.9"},
		  {TRI_MAYBE, "-m iprange --dst-range 10.244.1.3-x"}));
	ask_all(syn6(), "ip6", ONE_RULE,
		Q({TRI_YES, "-s 2001:db8::/32"}, {TRI_NO, "! -s 2001:db8::5/128"},
		  {TRI_NO, "-d fd00::1/128"}, {TRI_YES, "-d fd00::2/ffff::ff"},
		  {TRI_NO, "-d fd00::1/ffff::ff"},
		  {TRI_YES, "-m iprange --src-range 2001:db8::-2001:db8::ff"}));
	unknown.flow = (struct flow){};
	ask_all(unknown, "ip", ONE_RULE,
		Q({TRI_MAYBE, "-s 10.0.0.0/8"}, {TRI_MAYBE, "! -d 10.0.0.0/255.0.255.0"},
		  {TRI_MAYBE, "-m iprange --src-range 10.0.0.1-10.0.0.9"}, {TRI_MAYBE, "-p tcp"},
		  {TRI_MAYBE, "-f"}, {TRI_YES, "-i eth0"}, {TRI_YES, "-p all"}));
}

static void test_interfaces(void **state)
{
	struct group g = syn();

	(void)state;
	ask_all(syn(), "ip", ONE_RULE,
		Q({TRI_YES, "-i eth0"}, {TRI_YES, "-i eth+"}, {TRI_NO, "-i eth"}, {TRI_YES, "-i +"},
		  {TRI_NO, "! -i eth+"}, {TRI_NO, "-o eth0"}, {TRI_YES, "! -o eth0"},
		  {TRI_YES, "-i eth0 -o cni0"}, {TRI_NO, "-i eth0 -o cni1"},
		  {TRI_MAYBE, "-m physdev --physdev-in eth0"},
		  {TRI_MAYBE, "-m physdev --physdev-is-bridged"}));
	g.in[0] = '\0';
	ask_all(g, "ip", ONE_RULE, Q({TRI_MAYBE, "-i eth0"}, {TRI_MAYBE, "! -i eth0"}));
	/* through br_netfilter: iptables sees the bridge */
	g = frame();
	called_by(&g, "br_nf_forward");
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-i cni0 -o cni0"}, {TRI_NO, "-i vetha"}, {TRI_YES, "! -o vethb"},
		  {TRI_YES, "-m physdev --physdev-in vetha --physdev-out veth+"},
		  {TRI_NO, "-m physdev ! --physdev-in vetha"},
		  {TRI_NO, "-m physdev --physdev-out vetha"},
		  {TRI_MAYBE, "-m physdev --physdev-is-bridged"}));
	g.vlan = 7;
	ask_all(g, "ip", ONE_RULE, Q({TRI_MAYBE, "-i cni0"}, {TRI_YES, "-o cni0"}));
	/* routed, though a bridge's port is known */
	g = frame();
	called_by(&g, "ip_forward");
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_NO, "-i cni0"}, {TRI_YES, "-i vetha"},
		  {TRI_MAYBE, "-m physdev --physdev-in vetha"}));
	/* one or the other, where the stack is not known */
	g.n_stack = 0;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_MAYBE, "-i cni0"}, {TRI_MAYBE, "-i vetha"}, {TRI_NO, "-i eth0"}));
}

/* A hook without an output device, one without an input device, and one of which only newer kernels
 * tell iptables the input device. */
static void test_interfaces_of_hooks(void **state)
{
	static const char text[] =
		"*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:X - [0:0]\n"
		"-A INPUT -j X\n-A OUTPUT -j X\n"
		"-A X -i eth0 -j DROP\n-A X -o cni0 -j DROP\nCOMMIT\n"
		"*mangle\n:POSTROUTING ACCEPT [0:0]\n:X - [0:0]\n"
		"-A POSTROUTING -j X\n"
		"-A X -i eth0 -j DROP\n-A X -o cni0 -j DROP\nCOMMIT\n";
	struct group g = syn();

	(void)state;
	g.hook = HOOK_INPUT;
	assert_story(text, "ip", NULL, &g, "X 1 sure");
	snprintf(g.in, sizeof(g.in), "eth1");
	assert_story(text, "ip", NULL, &g, "");
	g.hook = HOOK_OUTPUT;
	assert_story(text, "ip", NULL, &g, "X 2 sure");
	g.hook = HOOK_POSTROUTING;
	assert_story(text, "ip", NULL, &g, "X 1, X 2");
}

static void test_protocols(void **state)
{
	struct group g = syn6();

	(void)state;
	ask_all(syn(), "ip", ONE_RULE,
		Q({TRI_YES, "-p tcp"}, {TRI_YES, "-p 6"}, {TRI_NO, "-p udp"}, {TRI_NO, "! -p tcp"},
		  {TRI_NO, "-p 47"}, {TRI_YES, "! -p gre"}, {TRI_YES, "-p all"},
		  {TRI_MAYBE, "-p what"}, {TRI_MAYBE, "-p 256"}));
	/* the sample ended within the extension headers */
	g.flow.proto = IPPROTO_DSTOPTS;
	ask_all(g, "ip6", ONE_RULE, Q({TRI_MAYBE, "-p tcp"}, {TRI_MAYBE, "! -p ipv6-icmp"}));
	ask_all(fragment(), "ip", ONE_RULE, Q({TRI_YES, "-f"}, {TRI_NO, "! -f"}));
	ask_all(syn(), "ip", ONE_RULE, Q({TRI_NO, "-f"}, {TRI_YES, "! -f"}));
}

static void test_ports_of_fragments(void **state)
{
	(void)state;
	/* xt_tcpudp.c, xt_multiport.c: no fragment has ports, and none lacks them either */
	backend = RULE_IPTABLES_LEGACY;
	ask_all(fragment(), "ip", ONE_RULE,
		Q({TRI_NO, "-p tcp -m tcp --dport 80"}, {TRI_NO, "-p tcp -m tcp ! --dport 80"},
		  {TRI_NO, "-p tcp -m tcp"}, {TRI_YES, "-p tcp"},
		  {TRI_NO, "-p tcp -m multiport ! --dports 80"},
		  {TRI_NO, "-p tcp -m tcp ! --tcp-flags SYN SYN"}));
	backend = RULE_IPTABLES_NFT;
	ask_all(fragment(), "ip", ONE_RULE,
		Q({TRI_MAYBE, "-p tcp -m tcp --dport 80"},
		  {TRI_MAYBE, "-p tcp -m tcp ! --dport 80"}, {TRI_YES, "-p tcp"},
		  {TRI_NO, "-p udp -m udp --dport 80"}, {TRI_NO, "-p tcp -m multiport --dports 80"},
		  {TRI_MAYBE, "-p tcp -m tcp ! --tcp-flags SYN SYN"}));
}

/* ip6tables goes past it (ip6_packet_match(), net/ipv6/netfilter/ip6_tables.c), nft does not. */
static void test_authentication_header(void **state)
{
	struct group g = syn6();

	(void)state;
	g.flow.has_ah = true;
	ask_all(g, "ip6", ONE_RULE,
		Q({TRI_NO, "-p tcp -m tcp --dport 80"}, {TRI_YES, "! -p tcp"}, {TRI_YES, "-p ah"},
		  {TRI_MAYBE, "-p what"}, {TRI_YES, "-p all"}, {TRI_MAYBE, "-m tcp"}));
	backend = RULE_IPTABLES_LEGACY;
	ask_all(g, "ip6", ONE_RULE, Q({TRI_YES, "-p tcp -m tcp --dport 80"}, {TRI_NO, "-p ah"}));
	backend = RULE_IPTABLES_NFT;
}

static void test_ports(void **state)
{
	struct group g = syn();

	(void)state;
	ask_all(syn(), "ip", ONE_RULE,
		Q({TRI_YES, "-p tcp -m tcp --dport 80"}, {TRI_NO, "-p tcp -m tcp --dport 81"},
		  {TRI_YES, "-p tcp -m tcp --sport 1024:65535 --dport 0:80"},
		  {TRI_NO, "-p tcp -m tcp ! --sport 1024:65535"},
		  {TRI_YES, "-p tcp -m tcp ! --dport 81:90"},
		  {TRI_NO, "-p udp -m udp --sport 40000 --dport 80"},
		  {TRI_MAYBE, "-p tcp -m tcp --dport http"},
		  {TRI_MAYBE, "-p tcp -m tcp --dport 1:"},
		  {TRI_MAYBE, "-p tcp -m tcp --dport 65536"},
		  {TRI_YES, "-p tcp -m multiport --dports 53,79:81"},
		  {TRI_NO, "-p tcp -m multiport --dports 53,81:90"},
		  {TRI_NO, "-p tcp -m multiport ! --dports 53,80"},
		  {TRI_YES, "-p tcp -m multiport --sports 40000"},
		  {TRI_YES, "-p tcp -m multiport --ports 1,40000"},
		  {TRI_YES, "-p tcp -m multiport --ports 80"},
		  {TRI_NO, "-p tcp -m multiport --ports 81,39999"},
		  {TRI_MAYBE, "-p tcp -m multiport --dports 80,x"}));
	/* only the key is known, which has the service's port alone */
	g.flow.sport = 0;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-p tcp -m tcp --dport 80"}, {TRI_MAYBE, "-p tcp -m tcp --sport 1:2"},
		  {TRI_YES, "-p tcp -m multiport --ports 80"},
		  {TRI_MAYBE, "-p tcp -m multiport --ports 81"}));
	g.flow.has_ports = false;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_MAYBE, "-p tcp -m tcp --dport 80"},
		  {TRI_MAYBE, "-p tcp -m tcp ! --dport 80"}));
	g = syn();
	g.flow.proto = IPPROTO_SCTP;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-p sctp -m sctp --dport 80"},
		  {TRI_MAYBE, "-p sctp -m sctp --dport 80 --chunk-types any INIT"}));
}

static void test_tcp_flags(void **state)
{
	struct group g = syn();

	(void)state;
	ask_all(syn(), "ip", ONE_RULE,
		Q({TRI_YES, "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN"},
		  {TRI_NO, "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN"},
		  {TRI_NO, "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE"},
		  {TRI_YES, "-p tcp -m tcp --tcp-flags ALL SYN"}, {TRI_YES, "-p tcp -m tcp --syn"},
		  {TRI_NO, "-p tcp -m tcp ! --syn"}, {TRI_MAYBE, "-p tcp -m tcp --tcp-flags SYN X"},
		  {TRI_MAYBE, "-p tcp -m tcp --tcp-option 4"}));
	g.flow.tcp_flags = 0x12;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_NO, "-p tcp -m tcp --syn"}, {TRI_YES, "-p tcp -m tcp --tcp-flags SYN SYN"}));
	g.flow.has_tcp_flags = false;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_MAYBE, "-p tcp -m tcp --syn"},
		  {TRI_MAYBE, "-p tcp -m tcp ! --tcp-flags SYN SYN"}));
}

static void test_icmp(void **state)
{
	struct group g = ping(IPPROTO_ICMP, 8, 0);

	(void)state;
	ask_all(ping(IPPROTO_ICMP, 8, 0), "ip", ONE_RULE,
		Q({TRI_YES, "-p icmp -m icmp --icmp-type 8"},
		  {TRI_YES, "-p icmp -m icmp --icmp-type echo-request"},
		  {TRI_NO, "-p icmp -m icmp --icmp-type 0"},
		  {TRI_NO, "-p icmp -m icmp ! --icmp-type 8"},
		  {TRI_YES, "-p icmp -m icmp --icmp-type any"},
		  {TRI_MAYBE, "-p icmp -m icmp --icmp-type what"},
		  {TRI_MAYBE, "-p icmp -m icmp --icmp-type 8/x"}));
	ask_all(ping(IPPROTO_ICMP, 3, 4), "ip", ONE_RULE,
		Q({TRI_YES, "-p icmp -m icmp --icmp-type 3"},
		  {TRI_YES, "-p icmp -m icmp --icmp-type 3/4"},
		  {TRI_NO, "-p icmp -m icmp --icmp-type 3/3"},
		  {TRI_YES, "-p icmp -m icmp ! --icmp-type 3/3"},
		  {TRI_YES, "-p icmp -m icmp --icmp-type fragmentation-needed"},
		  {TRI_NO, "-p icmp -m icmp --icmp-type host-unreachable"}));
	ask_all(ping(IPPROTO_ICMPV6, 133, 0), "ip6", ONE_RULE,
		Q({TRI_YES, "-p ipv6-icmp -m icmp6 --icmpv6-type 133"},
		  {TRI_YES, "-p ipv6-icmp -m icmp6 --icmpv6-type router-solicitation"},
		  {TRI_NO, "-p ipv6-icmp -m icmp6 --icmpv6-type 1/4"},
		  {TRI_NO, "-p ipv6-icmp -m icmp6 --icmpv6-type echo-request"}));
	g.flow.has_icmp = false;
	ask_all(g, "ip", ONE_RULE, Q({TRI_MAYBE, "-p icmp -m icmp --icmp-type 8"}));
	g.flow.is_fragment = true;
	ask_all(g, "ip", ONE_RULE, Q({TRI_NO, "-p icmp -m icmp ! --icmp-type 8"}));
}

static void test_states(void **state)
{
	struct group g = syn();

	(void)state;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-m conntrack --ctstate NEW"},
		  {TRI_NO, "-m conntrack --ctstate RELATED,ESTABLISHED"},
		  {TRI_YES, "-m conntrack ! --ctstate RELATED,ESTABLISHED"},
		  {TRI_NO, "-m conntrack ! --ctstate NEW"},
		  {TRI_NO, "-m conntrack --ctstate INVALID"},
		  {TRI_NO, "-m conntrack --ctstate DNAT"},
		  {TRI_MAYBE, "-m conntrack --ctstate WHAT"}, {TRI_YES, "-m state --state NEW"},
		  {TRI_NO, "-m state --state INVALID"}, {TRI_MAYBE, "-m conntrack --ctexpire 5"}));
	g.ct_status = 0x20;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-m conntrack --ctstate DNAT"}, {TRI_NO, "-m conntrack --ctstate SNAT"},
		  {TRI_NO, "-m conntrack ! --ctstate INVALID,DNAT"}));
	g.ct_status = 0x10;
	ask_all(g, "ip", ONE_RULE, Q({TRI_YES, "-m conntrack --ctstate SNAT"}));
	g.has_ct_status = false;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_MAYBE, "-m conntrack --ctstate SNAT"},
		  {TRI_YES, "-m conntrack --ctstate SNAT,NEW"}));
	g.ct_state = CT_NONE;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-m conntrack --ctstate INVALID"},
		  {TRI_NO, "-m conntrack --ctstate NEW"}, {TRI_NO, "-m conntrack --ctstate DNAT"},
		  {TRI_NO, "-m state ! --state INVALID"}));
	g.ct_state = CT_UNTRACKED;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-m conntrack --ctstate UNTRACKED"},
		  {TRI_NO, "-m conntrack --ctstate INVALID"}));
	g.ct_state = CT_UNSEEN;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_MAYBE, "-m conntrack --ctstate NEW"},
		  {TRI_MAYBE, "-m state ! --state NEW"}));
}

static void test_original_tuple(void **state)
{
	struct group g = syn();

	(void)state;
	g.has_original = true;
	g.original = g.flow;
	g.original.dst = an_addr("10.96.0.10");
	g.original.dport = 443;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-m conntrack --ctorigdst 10.96.0.10/32 --ctorigdstport 443"},
		  {TRI_NO, "-m conntrack --ctorigdst 10.244.1.2"},
		  {TRI_YES, "-m conntrack ! --ctorigdst 10.244.1.2"},
		  {TRI_NO, "-m conntrack --ctorigdstport 80"},
		  {TRI_YES, "-m conntrack --ctorigsrc 10.0.0.0/8 --ctorigsrcport 40000"},
		  {TRI_NO, "-m conntrack --ctorigsrc 10.1.0.0/16"},
		  {TRI_YES, "-m conntrack --ctproto 6"}, {TRI_NO, "-m conntrack --ctproto 17"},
		  {TRI_YES, "-m conntrack --ctdir ORIGINAL"},
		  {TRI_NO, "-m conntrack --ctdir REPLY"},
		  {TRI_MAYBE, "-m conntrack --ctdir WHAT"}));
	/* without NAT the tuple is the packet's, or that of the other direction */
	g = syn();
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-m conntrack --ctorigdst 10.244.1.2 --ctorigdstport 80"},
		  {TRI_NO, "-m conntrack --ctorigsrc 10.244.1.2"}));
	g.ct_state = CT_ESTABLISHED;
	g.ct_reply = true;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-m conntrack --ctorigsrc 10.244.1.2 --ctorigsrcport 80"},
		  {TRI_NO, "-m conntrack --ctorigdst 10.244.1.2"},
		  {TRI_YES, "-m conntrack --ctdir REPLY"},
		  {TRI_NO, "-m conntrack ! --ctdir REPLY"}));
	g.ct_state = CT_RELATED;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_MAYBE, "-m conntrack --ctorigsrc 10.244.1.2"},
		  {TRI_MAYBE, "-m conntrack --ctproto 6"},
		  {TRI_YES, "-m conntrack --ctdir REPLY"}));
	g.ct_state = CT_NONE;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_MAYBE, "-m conntrack --ctorigdst 10.244.1.2"},
		  {TRI_MAYBE, "-m conntrack --ctdir REPLY"}));
}

static void test_mark_match(void **state)
{
	struct group g = syn();

	(void)state;
	ask_all(syn(), "ip", ONE_RULE,
		Q({TRI_YES, "-m mark --mark 0x8000/0x8000"},
		  {TRI_NO, "-m mark ! --mark 0x8000/0x8000"}, {TRI_YES, "-m mark --mark 0x8000"},
		  {TRI_NO, "-m mark --mark 0x0"}, {TRI_YES, "-m mark --mark 0x0/0x1"},
		  {TRI_NO, "-m mark --mark 0x1/0x1"}, {TRI_NO, "-m mark --mark 0x8001/0x8000"},
		  {TRI_MAYBE, "-m mark --mark x"}, {TRI_MAYBE, "-m mark --mark 0x8000/"},
		  {TRI_MAYBE, "-m connmark --mark 0x8000"}, {TRI_MAYBE, "-m connmark --mark 0x1"}));
	g.has_sample = false;
	ask_all(g, "ip", ONE_RULE, Q({TRI_MAYBE, "-m mark --mark 0x8000/0x8000"}));
}

/* What a rule did to the mark before another asks for it; the group has the mark of the end. */
static void test_mark_target(void **state)
{
	struct group g = syn();

	(void)state;
	/* nobody knows what it was before */
	assert_filter(FORWARD("-m mark --mark 0x8000/0x8000 -j DROP")
			      FORWARD("-p udp -j MARK --set-xmark 0x8000/0x8000"),
		      &g, "FORWARD 1");
	assert_filter(FORWARD("-m mark --mark 0x8000/0x8000 -j DROP")
			      FORWARD("-p udp -j MARK --set-xmark 0x1/0x1"),
		      &g, "FORWARD 1 sure");
	/* set for sure, to something else in between */
	assert_filter(FORWARD("-j MARK --set-xmark 0x20000/0xf0000")
			      FORWARD("-m mark --mark 0x20000/0xf0000 -j DROP"),
		      &g, "FORWARD 2 sure");
	assert_filter(FORWARD("-j MARK --set-xmark 0x0/0xf0000")
			      FORWARD("-m mark --mark 0x20000/0xf0000 -j DROP"),
		      &g, "");
	/* set perhaps */
	assert_filter(FORWARD("-j MARK --set-xmark 0x0/0x1")
			      FORWARD(UNKNOWN " -j MARK --set-xmark 0x1/0x1")
				      FORWARD("-m mark --mark 0x1/0x1 -j DROP"),
		      &g, "FORWARD 3");
	assert_filter(FORWARD("-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff")
			      FORWARD("-m mark --mark 0x8000 -j DROP"),
		      &g, "FORWARD 2");
	assert_filter(FORWARD("-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff")
			      FORWARD("-m mark --mark 0x8000 -j DROP"),
		      &g, "FORWARD 2 sure");
	/* a jump is no target that might set it */
	assert_filter(":X - [0:0]\n" FORWARD("-j X") FORWARD("-m mark --mark 0x8000 -j DROP"), &g,
		      "FORWARD 2 sure");
	/* an earlier table */
	assert_story("*mangle\n:FORWARD ACCEPT [0:0]\n" FORWARD("-m mark --mark 0x0 -j DROP")
			     FORWARD("-j MARK --set-xmark "
				     "0x8000/0x8000") "COMMIT\n" FILTER(FORWARD("-m mark --mark "
										"0x8000 -j DROP")),
		     "ip", "filter", &g, "FORWARD 1 sure");
}

static void test_mac(void **state)
{
	struct group g = syn();

	(void)state;
	ask_all(g, "ip", ONE_RULE,
		Q({TRI_YES, "-m mac --mac-source 0A:58:0A:F4:01:02"},
		  {TRI_NO, "-m mac --mac-source 0a:58:0a:f4:01:03"},
		  {TRI_NO, "-m mac ! --mac-source 0A:58:0A:F4:01:02"},
		  {TRI_MAYBE, "-m mac --mac-source 0a:58"}));
	g.has_src_mac = false;
	ask_all(g, "ip", ONE_RULE, Q({TRI_MAYBE, "-m mac --mac-source 0A:58:0A:F4:01:02"}));
}

/* Nobody here can tell: they never make a rule sure, and hide none. But what else the rule says
 * still counts. */
static void test_unknown(void **state)
{
	(void)state;
	ask_all(syn(), "ip", ONE_RULE,
		Q({TRI_MAYBE, UNKNOWN}, {TRI_NO, UNKNOWN " -p udp"},
		  {TRI_MAYBE, "-m set ! --match-set x src"}, {TRI_MAYBE, "-m limit --limit 5/min"},
		  {TRI_MAYBE, "-m hashlimit --hashlimit-above 3/sec --hashlimit-name a"},
		  {TRI_MAYBE, "-m recent --rcheck --name x --rsource"},
		  {TRI_MAYBE, "-m statistic --mode random --probability 0.5"},
		  {TRI_MAYBE, "-m string --string \"a \\\"q\\\" -j ACCEPT\" --algo bm"},
		  {TRI_MAYBE, "-m string --string \"-j\" --algo bm"},
		  {TRI_MAYBE, "-m u32 --u32 \"0x0>>0x16&0x3c@0x8&0xff=0x3\""},
		  {TRI_MAYBE, "-m owner --uid-owner 0"}, {TRI_MAYBE, "-m rpfilter --invert"},
		  {TRI_MAYBE, "-m rpfilter"}, {TRI_MAYBE, "-m pkttype --pkt-type broadcast"},
		  {TRI_MAYBE, "-m length --length 100:200"}, {TRI_MAYBE, "-m ttl --ttl-lt 3"},
		  {TRI_MAYBE, "-m bpf --bytecode \"4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0\""},
		  {TRI_MAYBE, "-m set [unsupported revision]"}, {TRI_MAYBE, "stray"},
		  {TRI_MAYBE, "-m rt"}, {TRI_MAYBE, "-m geoip --dport 81"}));
}

static void test_comments(void **state)
{
	static const struct {
		const char *text, *comment;
	} cases[] = {
		{"word", "word"},
		{"\"two words\"", "two words"},
		{"\"say \\\"hi\\\" \\\\ o $x `y` it\\'s\"", "say \"hi\" \\ o $x `y` it's"},
		{"\"\"", ""},
		{"\"!\"", "!"},
		{"\"-p udp -j ACCEPT\"", "-p udp -j ACCEPT"},
		/* iptables takes it, and prints it as it is */
		{"\"a\n-A FORWARD -j ACCEPT\nCOMMIT\n\x1b]0;\xff\"",
		 "a\n-A FORWARD -j ACCEPT\nCOMMIT\n\x1b]0;\xff"},
	};
	struct group g = syn();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *line = xasprintf("-A FORWARD -p tcp -m comment --comment %s -j DROP",
				       cases[i].text);
		char *text = xasprintf("*filter\n:FORWARD ACCEPT [0:0]\n[9:1] %s\nCOMMIT\n", line);
		struct replay p = replay_of(text, "ip", NULL, &g);

		assert_int_equal(p.n, 1);
		assert_true(p.hits[0].sure);
		assert_false(p.cut);
		assert_string_equal(p.hits[0].rule.comment, cases[i].comment);
		assert_string_equal(p.hits[0].rule.text, line);
		replay_free(&p);
		free(text);
		free(line);
	}
}

static void test_hit(void **state)
{
	static const char text[] =
		"# Generated by iptables-save v1.8.9\n*filter\n"
		":INPUT ACCEPT [0:0]\n:FORWARD DROP [5:300]\n:A - [0:0]\n"
		"[12:720] -A FORWARD -j A\n"
		"[1:2] -A A -p udp -j DROP\n"
		"[18446744073709551615:2] -A A " UNKNOWN
		" -j REJECT --reject-with icmp-port-unreachable\n"
		"-A A " UNKNOWN " -j NFQUEUE --queue-num 3\nCOMMIT\n# Completed\n";
	struct group g = syn();
	struct xt_ruleset *r = xt_parse(text, RULE_IPTABLES_LEGACY, "ip");
	struct replay p = {};
	const struct rule_hit *h;
	struct rule rule;

	(void)state;
	xt_replay(r, NULL, &g, &p);
	assert_int_equal(p.n, 3);
	assert_false(p.cut);
	h = &p.hits[0];
	assert_int_equal(h->rule.backend, RULE_IPTABLES_LEGACY);
	assert_int_equal(h->rule.verdict, RULE_REJECT);
	assert_string_equal(h->rule.family, "ip");
	assert_string_equal(h->rule.table, "filter");
	assert_string_equal(h->rule.chain, "A");
	assert_int_equal(h->rule.number, 2);
	assert_false(h->rule.policy);
	assert_string_equal(h->rule.text,
			    "-A A " UNKNOWN " -j REJECT --reject-with icmp-port-unreachable");
	assert_null(h->rule.comment);
	assert_true(h->has_packets);
	assert_true(h->packets == UINT64_MAX);
	h = &p.hits[1];
	assert_int_equal(h->rule.verdict, RULE_QUEUE);
	assert_false(h->has_packets);
	h = &p.hits[2];
	assert_true(h->rule.policy);
	assert_int_equal(h->rule.verdict, RULE_DROP);
	assert_int_equal(h->rule.number, 0);
	assert_string_equal(h->rule.text, "-P FORWARD DROP");
	assert_int_equal(h->packets, 5);
	replay_free(&p);

	assert_true(xt_rule(r, "filter", "A", 2, &rule));
	xt_free(r); /* the rule is its own */
	assert_int_equal(rule.verdict, RULE_REJECT);
	assert_string_equal(rule.text,
			    "-A A " UNKNOWN " -j REJECT --reject-with icmp-port-unreachable");
	rule_free(&rule);
}

static void test_rule_by_number(void **state)
{
	struct xt_ruleset *r = xt_parse(FILTER(FORWARD("-m comment --comment x -j ACCEPT")),
					RULE_IPTABLES_NFT, "ip");
	struct rule rule;

	(void)state;
	assert_true(xt_rule(r, "filter", "FORWARD", 1, &rule));
	assert_int_equal(rule.number, 1);
	assert_int_equal(rule.verdict, RULE_OTHER);
	assert_string_equal(rule.comment, "x");
	rule_free(&rule);
	assert_false(xt_rule(r, "filter", "FORWARD", 0, &rule));
	assert_false(xt_rule(r, "filter", "FORWARD", 2, &rule));
	assert_false(xt_rule(r, "filter", "INPUT", 1, &rule));
	assert_false(xt_rule(r, "nat", "FORWARD", 1, &rule));
	xt_free(r);
}

static void test_order(void **state)
{
	struct group g = syn();

	(void)state;
	assert_filter(FORWARD("-p udp -j DROP") FORWARD("-j DROP") FORWARD("-j DROP"), &g,
		      "FORWARD 2 sure");
	assert_filter(FORWARD("-j ACCEPT") FORWARD("-j DROP"), &g, "");
	assert_filter(FORWARD("-j RETURN") FORWARD("-j DROP"), &g, "");
	assert_filter(FORWARD("") FORWARD("-j LOG --log-prefix \"-j ACCEPT \"") FORWARD("-j DROP"),
		      &g, "FORWARD 3 sure");
	assert_filter(FORWARD("-j DNAT --to-destination 10.0.0.1") FORWARD("-j DROP"), &g, "");
	/* it may have ended before */
	assert_filter(FORWARD(UNKNOWN " -j DROP") FORWARD("-j DROP") FORWARD("-j DROP"), &g,
		      "FORWARD 1, FORWARD 2");
	assert_filter(FORWARD(UNKNOWN " -j ACCEPT") FORWARD("-j DROP"), &g, "FORWARD 2");
	assert_filter(FORWARD(UNKNOWN " -j LOG") FORWARD("-j DROP"), &g, "FORWARD 2 sure");
	/* an extension that nobody here knows, and one that drops without a socket */
	assert_filter(FORWARD("-j TARPIT") FORWARD("-j DROP"), &g, "FORWARD 1, FORWARD 2");
	assert_filter(FORWARD("-j TPROXY --on-port 3") FORWARD("-j DROP"), &g, "FORWARD 1");
}

#define TABLE(name, chain, rule)                                                                   \
	"*" name "\n:" chain " ACCEPT [0:0]\n-A " chain " " rule "\nCOMMIT\n"

#define QUEUES(options)                                                                            \
	TABLE("mangle", "FORWARD", "-j NFQUEUE --queue-num 3" options)                             \
	TABLE("filter", "FORWARD", "-j DROP")

#define SYNPROXY FORWARD("-p tcp -m tcp --dport 80 -j SYNPROXY --mss 1460") FORWARD("-j DROP")

/* A SYN or an ACK that died there was not consumed. */
static void test_synproxy(void **state)
{
	struct group g = syn();

	(void)state;
	assert_filter(SYNPROXY, &g, "FORWARD 1 sure");
	g.flow.tcp_flags = 0x10;
	assert_filter(SYNPROXY, &g, "FORWARD 1 sure");
	g.flow.tcp_flags = 0x11;
	assert_filter(SYNPROXY, &g, "FORWARD 1, FORWARD 2");
	g.flow.has_tcp_flags = false;
	assert_filter(SYNPROXY, &g, "FORWARD 1, FORWARD 2");
	g.flow.dport = 81;
	assert_filter(SYNPROXY, &g, "FORWARD 2 sure");
}

/* A program lets it go on to the next table, and so does the bypass flag where there is none. */
static void test_queue(void **state)
{
	struct symbol again[] = {{.name = "nf_queue"}, {.name = "nf_reinject"}};
	struct group g = syn();

	(void)state;
	g.loc.name = "nf_hook_slow";
	assert_story(QUEUES(""), "ip", NULL, &g, "FORWARD 1 sure");
	assert_story(QUEUES(" --queue-bypass"), "ip", NULL, &g, "FORWARD 1 sure");
	assert_filter(FORWARD("-j NFQUEUE") FORWARD("-j DROP"), &g, "");
	assert_filter(FORWARD(UNKNOWN " -j NFQUEUE") FORWARD("-j DROP"), &g, "FORWARD 2");
	g.loc.name = "nf_queue";
	assert_filter(FORWARD("-j NFQUEUE") FORWARD("-j DROP"), &g, "FORWARD 1 sure");
	assert_story(QUEUES(""), "ip", NULL, &g, "FORWARD 1 sure, FORWARD 1");
	assert_story(QUEUES(" --queue-bypass"), "ip", NULL, &g, "FORWARD 1, FORWARD 1");
	g.stack = again;
	g.n_stack = 2;
	assert_story(QUEUES(""), "ip", NULL, &g, "FORWARD 1, FORWARD 1");
	g.loc.name = NULL; /* addresses are hidden */
	assert_filter(FORWARD("-j NFQUEUE") FORWARD("-j DROP"), &g, "FORWARD 1");
	strcpy(g.reason, "NETFILTER_DROP"); /* which a queue does not give */
	assert_filter(FORWARD("-j NFQUEUE") FORWARD("-j DROP"), &g, "");
}

#define POLICY_DROP(rules)                                                                         \
	"*filter\n:FORWARD DROP [7:420]\n:A - [0:0]\n:B - [0:0]\n" rules "COMMIT\n"

static void test_chains(void **state)
{
	struct group g = syn();

	(void)state;
	assert_story(POLICY_DROP(""), "ip", NULL, &g, "FORWARD policy sure");
	assert_story(POLICY_DROP(FORWARD("-j ACCEPT")), "ip", NULL, &g, "");
	assert_story(POLICY_DROP(FORWARD("-j RETURN")), "ip", NULL, &g, "FORWARD policy sure");
	assert_story(POLICY_DROP(FORWARD("-j A") "-A A -p udp -j DROP\n"), "ip", NULL, &g,
		     "FORWARD policy sure");
	assert_story(POLICY_DROP(FORWARD("-j A")
					 FORWARD("-j ACCEPT") "-A A -j B\n-A A -j DROP\n"
							      "-A B -j RETURN\n-A B -j DROP\n"),
		     "ip", NULL, &g, "A 2 sure");
	assert_story(POLICY_DROP(FORWARD("-j A") "-A A -j ACCEPT\n"), "ip", NULL, &g, "");
	/* a goto returns to where its own chain was called, or to the policy */
	assert_story(POLICY_DROP(FORWARD("-j A") FORWARD("-j REJECT") "-A A -g B\n-A A -j DROP\n"),
		     "ip", NULL, &g, "FORWARD 2 sure");
	assert_story(POLICY_DROP(FORWARD("-g A") FORWARD("-j ACCEPT")), "ip", NULL, &g,
		     "FORWARD policy sure");
	assert_story(POLICY_DROP(FORWARD("-g A") "-A A -j ACCEPT\n"), "ip", NULL, &g, "");
	/* a jump that may be: what is in the chain may be, and so may what is behind it */
	assert_story(POLICY_DROP(FORWARD(UNKNOWN " -j A") FORWARD("-j REJECT") "-A A -j DROP\n"),
		     "ip", NULL, &g, "A 1, FORWARD 2");
	assert_story(POLICY_DROP(FORWARD(UNKNOWN " -g A") FORWARD("-j REJECT") "-A A -j ACCEPT\n"),
		     "ip", NULL, &g, "FORWARD 2");
	/* but where nothing in the chain can end its way, it is back for sure */
	assert_story(POLICY_DROP(FORWARD(UNKNOWN " -j A") FORWARD("-j REJECT") "-A A -j LOG\n"),
		     "ip", NULL, &g, "FORWARD 2 sure");
	assert_story(
		POLICY_DROP(FORWARD("-j A") FORWARD("-j REJECT") "-A A " UNKNOWN " -j RETURN\n"),
		"ip", NULL, &g, "FORWARD 2 sure");
	/* a return that may be: either it is back, or the next rule of the chain had it */
	assert_story(POLICY_DROP(FORWARD("-j A") FORWARD("-j REJECT") "-A A " UNKNOWN
								      " -j RETURN\n-A A -j DROP\n"),
		     "ip", NULL, &g, "A 2, FORWARD 2");
	assert_story(POLICY_DROP(FORWARD(UNKNOWN " -g A") FORWARD("-j REJECT")), "ip", NULL, &g,
		     "FORWARD 2, FORWARD policy");
	assert_story(POLICY_DROP(FORWARD("-g C")), "ip", NULL, &g, "FORWARD policy, cut");
}

static unsigned int left_by(const char *text)
{
	struct group g = syn();
	struct replay p = replay_of(text, "ip", NULL, &g);
	unsigned int number;

	assert_int_equal(p.n, 1);
	assert_true(p.hits[0].rule.policy);
	number = p.hits[0].rule.left_number;
	replay_free(&p);
	return number;
}

/* Which rule keeps the packet from the end of the base chain. */
static void test_left_the_base_chain(void **state)
{
	(void)state;
	assert_int_equal(left_by(POLICY_DROP(FORWARD("-p udp -j RETURN"))), 0);
	assert_int_equal(left_by(POLICY_DROP(FORWARD("-j LOG") FORWARD("-j RETURN"))), 2);
	assert_int_equal(left_by(POLICY_DROP(FORWARD("-p udp -j RETURN") FORWARD("-g A"))), 2);
	assert_int_equal(left_by(POLICY_DROP(FORWARD(UNKNOWN " -j RETURN") FORWARD("-j RETURN"))),
			 1);
	assert_int_equal(left_by(POLICY_DROP(FORWARD("-j A") "-A A -j RETURN\n")), 0);
	assert_int_equal(left_by(POLICY_DROP(FORWARD("-j A") "-A A -g B\n")), 0);
}

static void test_loops(void **state)
{
	struct group g = syn();

	(void)state;
	assert_story(POLICY_DROP(FORWARD("-j A") "-A A -j A\n"), "ip", NULL, &g,
		     "FORWARD policy, cut");
	/* 2^32 ways without a limit */
	assert_story(POLICY_DROP(FORWARD("-j A") "-A A -j B\n-A A -j B\n-A B -j A\n-A B -j A\n"),
		     "ip", NULL, &g, "FORWARD policy, cut");
}

static void test_tables(void **state)
{
	static const char accept[] = TABLE("filter", "FORWARD", "-j ACCEPT")
		TABLE("security", "FORWARD", "-j DROP") TABLE("mangle", "FORWARD", "-j ACCEPT");
	static const char order[] = TABLE("filter", "FORWARD", UNKNOWN " -j DROP")
		TABLE("security", "FORWARD", UNKNOWN " -j DROP")
			TABLE("mangle", "FORWARD", UNKNOWN " -j DROP");
	static const char final[] =
		TABLE("filter", "FORWARD", "-j DROP") TABLE("mangle", "FORWARD", "-j DROP");
	struct group g = syn();
	struct replay p;

	(void)state;
	assert_story(accept, "ip", NULL, &g, "FORWARD 1 sure");
	p = replay_of(order, "ip", NULL, &g);
	assert_int_equal(p.n, 3);
	assert_string_equal(p.hits[0].rule.table, "mangle");
	assert_string_equal(p.hits[1].rule.table, "filter");
	assert_string_equal(p.hits[2].rule.table, "security");
	replay_free(&p);
	p = replay_of(final, "ip", NULL, &g);
	assert_int_equal(p.n, 1);
	assert_string_equal(p.hits[0].rule.table, "mangle");
	replay_free(&p);
	assert_story(final, "ip", "filter", &g, "FORWARD 1 sure");
	assert_story(order, "ip", "filter", &g, "FORWARD 1");
	/* it died in a table that is not there, or in a chain */
	assert_story(order, "ip", "raw", &g, "cut");
	assert_story(TABLE("filter", "INPUT", "-j DROP"), "ip", "filter", &g, "cut");
	assert_story(TABLE("filter", "INPUT", "-j DROP"), "ip", NULL, &g, "");
	/* what cannot be followed is before what is in the next table */
	assert_story(TABLE("mangle", "FORWARD", "-g C") TABLE("filter", "FORWARD", "-j DROP"), "ip",
		     NULL, &g, "FORWARD 1, cut");
	/* a drop that may be is before what is in the next table */
	assert_story(TABLE("mangle", "FORWARD", UNKNOWN " -j DROP")
			     TABLE("filter", "FORWARD", "-j DROP"),
		     "ip", NULL, &g, "FORWARD 1, FORWARD 1");
	/* an accept that may be is not, if the next table's drop is the only one */
	assert_story(TABLE("mangle", "FORWARD", UNKNOWN " -j ACCEPT")
			     TABLE("filter", "FORWARD", "-j DROP"),
		     "ip", NULL, &g, "FORWARD 1 sure");
}

static void test_nat_table(void **state)
{
	static const char text[] = TABLE("nat", "PREROUTING", "-d 10.244.1.2 -j DROP");
	static const char output[] = TABLE("filter", "OUTPUT", "-d 10.244.1.2 -j DROP")
		TABLE("mangle", "OUTPUT", "-d 10.244.1.3 -j DROP");
	static const char raw[] =
		TABLE("raw", "PREROUTING", "-m conntrack --ctstate INVALID -j DROP");
	struct group g = syn();

	(void)state;
	g.hook = HOOK_PREROUTING;
	assert_story(text, "ip", NULL, &g, "PREROUTING 1");
	assert_story(text, "ip", "nat", &g, "PREROUTING 1 sure");
	g.ct_state = CT_ESTABLISHED;
	assert_story(text, "ip", NULL, &g, "");
	/* mangle is before a local process's DNAT, filter is behind it */
	g.hook = HOOK_OUTPUT;
	g.in[0] = '\0';
	assert_story(output, "ip", NULL, &g, "OUTPUT 1 sure");
	g.has_original = true;
	g.original.dst = an_addr("10.244.1.3");
	assert_story(output, "ip", NULL, &g, "OUTPUT 1, OUTPUT 1"); /* not known how it came */
	assert_story(output, "ip", "mangle", &g, "");
	called_by(&g, "__ip_local_out");
	assert_story(output, "ip", NULL, &g, "OUTPUT 1 sure"); /* it has passed mangle */
	called_by(&g, "ip_vs_nat_xmit");
	assert_story(output, "ip", NULL, &g, "OUTPUT 1, OUTPUT 1");
	/* raw is before conntrack */
	g.hook = HOOK_PREROUTING;
	assert_story(raw, "ip", NULL, &g, "PREROUTING 1");
	assert_story(raw, "ip", "raw", &g, "");
	g.ct_state = CT_NONE;
	assert_story(raw, "ip", NULL, &g, "PREROUTING 1 sure");
}

/* Whoever shows what source NAT made of it has passed the tables before. */
static void test_source_nat(void **state)
{
	static const char post[] = TABLE("mangle", "POSTROUTING", "-s 10.0.0.5/32 -j DROP")
		TABLE("nat", "POSTROUTING", "-s 10.0.0.6/32 -j SNAT --to-source 10.0.0.5");
	static const char input[] = TABLE("filter", "INPUT", "-s 10.0.0.5/32 -j DROP");
	static const char pre[] = TABLE("mangle", "PREROUTING", "-d 10.244.1.2/32 -j DROP");
	struct group g = syn();

	(void)state;
	g.hook = HOOK_POSTROUTING;
	called_by(&g, "ip_output");
	assert_story(post, "ip", NULL, &g, "POSTROUTING 1 sure");
	g.has_original = true;
	g.original = g.flow;
	g.original.dst = an_addr("10.96.0.10"); /* of the destination, in another hook */
	assert_story(post, "ip", NULL, &g, "POSTROUTING 1 sure");
	g.hook = HOOK_INPUT;
	assert_story(input, "ip", NULL, &g, "INPUT 1 sure");
	g.hook = HOOK_PREROUTING; /* or it came so, from lo */
	assert_story(pre, "ip", NULL, &g, "PREROUTING 1");
	g.original.src = an_addr("10.0.0.6");
	g.hook = HOOK_INPUT;
	assert_story(input, "ip", NULL, &g, "INPUT 1");
	assert_story(input, "ip", "filter", &g, "INPUT 1 sure");
	g.hook = HOOK_POSTROUTING;
	assert_story(post, "ip", NULL, &g, "");
	called_by(&g, "vrf_output");
	assert_story(post, "ip", NULL, &g, "POSTROUTING 1");
	/* an answer is changed on the other side */
	called_by(&g, "ip_output");
	g.ct_state = CT_ESTABLISHED;
	g.ct_reply = true;
	g.ct_tuples[1] = g.flow;
	assert_story(post, "ip", NULL, &g, "POSTROUTING 1 sure");
	g.ct_tuples[1].src = an_addr("10.0.0.7");
	assert_story(post, "ip", NULL, &g, "");
	g.ct_state = CT_RELATED;
	assert_story(post, "ip", NULL, &g, "POSTROUTING 1");
}

static void test_hooks(void **state)
{
	static const char text[] =
		"*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
		"*nat\n:PREROUTING ACCEPT [0:0]\n:FORWARD - [0:0]\n-A FORWARD -j DROP\nCOMMIT\n";
	struct group g = syn();

	(void)state;
	assert_story(text, "ip", NULL, &g, "FORWARD policy sure");
	assert_story(text, "ip", "nat", &g, "cut"); /* a chain of the user */
	g.hook = HOOK_INPUT;
	assert_story(text, "ip", NULL, &g, "INPUT policy sure");
	g.hook = HOOK_OUTPUT;
	assert_story(text, "ip", NULL, &g, "");
	g.hook = HOOK_INGRESS;
	assert_story(text, "ip", NULL, &g, "");
	g.hook = HOOK_NONE;
	assert_story(text, "ip", NULL, &g, "INPUT policy, FORWARD policy");
	assert_story(text, "ip", "filter", &g, "INPUT policy, FORWARD policy");
	/* not its packet */
	assert_story(text, "ip6", NULL, &g, "");
	assert_story(text, "arp", NULL, &g, "");
}

static void test_incomplete(void **state)
{
	struct group g = syn();

	(void)state;
	assert_story("", "ip", NULL, &g, "");
	assert_story("*filter\n:FORWARD DROP [0:0]\n", "ip", NULL, &g, "FORWARD policy, cut");
	assert_story("*filter\n:FORWARD DROP [0:0]\n*nat\n:INPUT ACCEPT [0:0]\nCOMMIT\n", "ip",
		     NULL, &g, "FORWARD policy, cut");
	assert_filter("what is this\n" FORWARD("-j DROP"), &g, "FORWARD 1, cut");
	assert_filter(FORWARD("-j DROP") "\n\n# nothing\n", &g, "FORWARD 1 sure");
	assert_story(
		"# Table `mangle' is incompatible, use 'nft' tool.\n" FILTER(FORWARD("-j DROP")),
		"ip", NULL, &g, "FORWARD 1, cut");
	assert_story("# Table `nat' is incompatible, use 'nft' tool.\n" FILTER(FORWARD("-j DROP")),
		     "ip", NULL, &g, "FORWARD 1 sure");
	assert_story("*filter\n:FORWARD DROP\n-A FORWARD -p ARP -j ACCEPT", "bridge", NULL, &g,
		     "FORWARD policy, cut");
}

static void test_ebtables(void **state)
{
	struct group g = frame();

	(void)state;
	ask_all(frame(), "bridge", ONE_EB,
		Q({TRI_YES, "-p IPv4"}, {TRI_YES, "-p 0x800"}, {TRI_NO, "-p ARP"},
		  {TRI_NO, "-p 0x1234"}, {TRI_NO, "-p ! IPv4"}, {TRI_MAYBE, "-p Length"},
		  {TRI_YES, "-s 0a:58:0a:f4:01:02"}, {TRI_NO, "-s a:58:a:f4:1:3"},
		  {TRI_YES, "-s a:58:a:f4:1:2"}, {TRI_NO, "-s ! 0a:58:0a:f4:01:02"},
		  {TRI_YES, "-s 0a:58:00:00:00:00/ff:ff:00:00:00:00"},
		  {TRI_NO, "-s 0a:59:00:00:00:00/ff:ff:00:00:00:00"}, {TRI_YES, "-d Broadcast"},
		  {TRI_YES, "-d Multicast"}, {TRI_NO, "-d Unicast"}, {TRI_YES, "-s Unicast"},
		  {TRI_NO, "-d BGA"}, {TRI_MAYBE, "-d what"}, {TRI_MAYBE, "-d 00:11/x"},
		  {TRI_YES, "-i vetha -o veth+"}, {TRI_NO, "-i ! vetha"}, {TRI_NO, "-o cni0"},
		  {TRI_YES, "--logical-in cni0 --logical-out cni+"}, {TRI_NO, "--logical-in br0"},
		  {TRI_NO, "--logical-out ! cni0"},
		  {TRI_YES, "-p IPv4 --ip-src 10.0.0.0/8 --ip-dst ! 10.0.0.1"},
		  {TRI_NO, "-p IPv4 --ip-dst ! 10.244.0.0/255.255.0.0"},
		  {TRI_YES, "-p IPv4 --ip-proto tcp --ip-sport 40000 --ip-dport 53:80"},
		  {TRI_NO, "-p IPv4 --ip-proto tcp --ip-dport ! 80"},
		  {TRI_NO, "-p IPv4 --ip-proto udp --ip-dport 53:80"},
		  {TRI_MAYBE, "-p IPv4 --ip-tos 0x03"}, {TRI_NO, "-p IPv6 --ip6-dst fd00::/8"},
		  {TRI_YES, "--mark 0x8000/0xf000"}, {TRI_NO, "--mark ! 0x8000"},
		  {TRI_MAYBE, "--pkttype-type broadcast"},
		  {TRI_MAYBE, "--limit 5/sec --limit-burst 5"},
		  {TRI_YES, "--log-level notice --log-prefix \"a -j b\" --log-ip"},
		  {TRI_YES, "--nflog-group 1"}, {TRI_NO, "-p 802_1Q --vlan-id 3"},
		  {TRI_MAYBE, "--among-src 0:11:22:33:44:55"}));
	g.vlan = 3;
	g.has_src_mac = false;
	g.bridge[0] = '\0';
	ask_all(g, "bridge", ONE_EB,
		Q({TRI_MAYBE, "-p IPv4"}, {TRI_MAYBE, "-p 802_1Q --vlan-id 3"},
		  {TRI_MAYBE, "-s Unicast"}, {TRI_MAYBE, "--logical-in cni0"}));
	g = fragment();
	ask_all(g, "bridge", ONE_EB, Q({TRI_NO, "-p IPv4 --ip-proto tcp --ip-dport ! 80"}));
	g = ping(IPPROTO_ICMP, 8, 0);
	ask_all(g, "bridge", ONE_EB,
		Q({TRI_YES, "-p IPv4 --ip-proto icmp --ip-icmp-type echo-request"},
		  {TRI_NO, "-p IPv4 --ip-proto icmp --ip-icmp-type echo-reply"},
		  {TRI_MAYBE, "-p IPv4 --ip-proto icmp --ip-icmp-type 8/0:3"}));
	g = syn6();
	ask_all(g, "bridge", ONE_EB,
		Q({TRI_YES, "-p IPv6 --ip6-src 2001:db8::/32 --ip6-proto tcp --ip6-dport 80"},
		  {TRI_NO, "-p IPv6 --ip6-dst ! fd00::/8"}));
	g = arp();
	ask_all(g, "bridge", ONE_EB,
		Q({TRI_YES, "-p ARP --arp-op Request --arp-ip-src 10.0.0.0/24"},
		  {TRI_NO, "-p ARP --arp-op Reply"}, {TRI_NO, "-p ARP --arp-ip-dst ! 10.0.0.6"},
		  {TRI_MAYBE, "-p ARP --arp-op What"}, {TRI_MAYBE, "-p ARP --arp-htype 1"}));
}

#define EB(rules) "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:T RETURN\n:D DROP\n:A ACCEPT\n" rules

static void test_ebtables_chains(void **state)
{
	struct group g = frame(), request = arp();
	struct replay p;

	(void)state;
	assert_story(EB("-A FORWARD -j T\n-A FORWARD -j DROP\n"), "bridge", NULL, &g,
		     "FORWARD 2 sure");
	assert_story(EB("-A FORWARD -j D\n"), "bridge", NULL, &g, "D policy sure");
	assert_story(EB("-A FORWARD -j A\n-A FORWARD -j DROP\n"), "bridge", NULL, &g, "");
	/* a RETURN is not the end of the chain */
	assert_story(EB("-A FORWARD -j D\n-A D -j RETURN\n"), "bridge", NULL, &g, "");
	assert_story(EB("-A FORWARD -j D\n-A FORWARD -j DROP\n-A D --limit 5/sec -j RETURN\n"),
		     "bridge", NULL, &g, "D policy, FORWARD 2");
	assert_story(EB("-A FORWARD -j CONTINUE\n-A FORWARD -j DROP\n"), "bridge", NULL, &g,
		     "FORWARD 2 sure");
	assert_story(
		EB("-A FORWARD -j mark --mark-set 0x3 --mark-target ACCEPT\n-A FORWARD -j DROP\n"),
		"bridge", NULL, &g, "");
	assert_story(EB("-A FORWARD -j mark --mark-set 0x3\n-A FORWARD -j DROP\n"), "bridge", NULL,
		     &g, "");
	assert_story(EB("-A FORWARD -j mark --mark-set 0x3 --mark-target CONTINUE\n-A FORWARD -j "
			"DROP\n"),
		     "bridge", NULL, &g, "FORWARD 2 sure");
	assert_story(EB("-A FORWARD -j mark --mark-set 0x3 --mark-target CONTINUE\n"
			"-A FORWARD --mark 0x8000 -j DROP\n"),
		     "bridge", NULL, &g, "FORWARD 2");
	assert_story(EB("-A FORWARD -j snat --to-src 0:1:2:3:4:5 --snat-target DROP\n"), "bridge",
		     NULL, &g, "FORWARD 1 sure");
	assert_story(EB("-A FORWARD -j redirect \n-A FORWARD -j DROP\n"), "bridge", NULL, &g, "");
	assert_story(EB("-A FORWARD -j arpreply --arpreply-mac 0:1:2:3:4:5\n"), "bridge", NULL,
		     &request, "FORWARD 1 sure");
	request.flow.icmp_code = 2;
	assert_story(EB("-A FORWARD -j arpreply --arpreply-mac 0:1:2:3:4:5\n"), "bridge", NULL,
		     &request, "");
	/* its drop means: route it */
	g.hook = HOOK_PREROUTING;
	assert_story("*broute\n:BROUTING DROP\n:PREROUTING DROP\n", "bridge", NULL, &g, "");
	assert_story("*broute\n:BROUTING DROP\n:PREROUTING DROP\n", "bridge", "broute", &g, "");
	/* a nat table of its own, which conntrack has no part in */
	g.ct_state = CT_NONE;
	assert_story("*nat\n:PREROUTING ACCEPT\n-A PREROUTING -j DROP\n", "bridge", NULL, &g,
		     "PREROUTING 1 sure");
	/* where the old ebtables-save has the counters */
	g = frame();
	p = replay_of(EB("-A FORWARD -p IPv4 -j DROP -c 12 720\n"), "bridge", NULL, &g);
	assert_int_equal(p.n, 1);
	assert_true(p.hits[0].sure && p.hits[0].has_packets);
	assert_int_equal(p.hits[0].packets, 12);
	assert_string_equal(p.hits[0].rule.text, "-A FORWARD -p IPv4 -j DROP");
	replay_free(&p);
}

static void test_ebtables_listing(void **state)
{
	static const char listing[] = "Bridge table: filter\n\n"
				      "Bridge chain: INPUT, entries: 0, policy: ACCEPT\n\n"
				      "Bridge chain: FORWARD, entries: 2, policy: DROP\n"
				      "-p IPv6 -j DROP , pcnt = 1 -- bcnt = 60\n"
				      "-p IPv4 -j T , pcnt = 7 -- bcnt = 420\n\n"
				      "Bridge chain: T, entries: 1, policy: RETURN\n"
				      "-p IPv4 -j DROP , pcnt = 12 -- bcnt = 720\n";
	struct group g = frame();
	struct replay p;
	char *text;

	(void)state;
	text = xt_of_ebtables(listing);
	p = replay_of(text, "bridge", "filter", &g);
	assert_false(p.cut);
	assert_int_equal(p.n, 1);
	assert_true(p.hits[0].sure && p.hits[0].has_packets);
	assert_int_equal(p.hits[0].packets, 12);
	assert_int_equal(p.hits[0].rule.number, 1);
	assert_string_equal(p.hits[0].rule.chain, "T");
	assert_string_equal(p.hits[0].rule.text, "-A T -p IPv4 -j DROP");
	replay_free(&p);
	free(text);
	for (size_t cut = 0; cut < sizeof(listing); cut++) {
		char *part = strndup(listing, cut);

		text = xt_of_ebtables(part);
		p = replay_of(text, "bridge", "filter", &g);
		replay_free(&p);
		free(text);
		free(part);
	}
}

static void test_arptables(void **state)
{
	(void)state;
	ask_all(arp(), "arp", ONE_ARP,
		Q({TRI_YES, "-i eth0 -s 10.0.0.0/8 ! -d 10.0.0.1 --opcode 1"},
		  {TRI_NO, "! --opcode 1"}, {TRI_NO, "-d 10.0.0.1"}, {TRI_NO, "-i eth1"},
		  {TRI_MAYBE, "--src-mac 00:11:22:33:44:55"},
		  {TRI_NO, "--dst-mac ff:ff --opcode 2"}, {TRI_MAYBE, "--proto-type 0x800"},
		  {TRI_MAYBE, "-s x"}));
	ask_all(arp(), "arp",
		"*filter\n:FORWARD ACCEPT\n-A FORWARD -j mangle %s --mangle-target DROP\n",
		Q({TRI_YES, "-o cni+ --mangle-ip-s 10.0.0.3"},
		  {TRI_NO, "-o eth+ --mangle-ip-s 10.0.0.3"}));
}

/* Docker, kube-proxy and a person's rules, as iptables-save printed them. */
static const char node[] =
	"# Generated by iptables-save v1.8.9 (nf_tables) on Mon Nov 23 07:50:39 2026\n"
	"*mangle\n"
	":PREROUTING ACCEPT [20:1200]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
	":OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:KUBE-KUBELET-CANARY - [0:0]\n"
	"[0:0] -A FORWARD -j DSCP --set-dscp 0x03\n"
	"[0:0] -A FORWARD -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff\n"
	"COMMIT\n"
	"# Completed on Mon Nov 23 07:50:39 2026\n"
	"*filter\n"
	":INPUT ACCEPT [0:0]\n:FORWARD DROP [3:180]\n:OUTPUT ACCEPT [0:0]\n"
	":DOCKER-USER - [0:0]\n:KUBE-FIREWALL - [0:0]\n:KUBE-FORWARD - [0:0]\n:TEST - [0:0]\n"
	"[9:540] -A FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD\n"
	"[9:540] -A FORWARD -j DOCKER-USER\n"
	"[0:0] -A FORWARD -s 10.0.0.0/8 -d 10.0.0.0/255.0.255.0 -i eth+ -o cni1 -p tcp -m tcp "
	"--dport 80 -j DROP\n"
	"[0:0] -A FORWARD ! -s 10.0.0.0/8 ! -i eth0 ! -p udp -j REJECT --reject-with "
	"icmp-port-unreachable\n"
	"[0:0] -A FORWARD -p tcp -m tcp ! --sport 1024:65535 --tcp-flags FIN,SYN,RST,ACK SYN -j "
	"TEST\n"
	"[0:0] -A FORWARD -p udp -m multiport --dports 53,1000:2000 -j DROP\n"
	"[0:0] -A FORWARD -m physdev --physdev-in eth0 --physdev-out eth+ --physdev-is-bridged -j "
	"ACCEPT\n"
	"[0:0] -A FORWARD -m limit --limit 5/min -j LOG --log-prefix \"drop it: \"\n"
	"[6:360] -A DOCKER-USER -m comment --comment \"say \\\"hi\\\" \\\\ it\\'s\" -j RETURN\n"
	"[0:0] -A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP\n"
	"[0:0] -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n"
	"[0:0] -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT\n"
	"[0:0] -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
	"COMMIT\n"
	"# Completed on Mon Nov 23 07:50:39 2026\n";

static void test_node(void **state)
{
	struct group g = syn();

	(void)state;
	/* --physdev-* is all that cannot be told */
	assert_story(node, "ip", NULL, &g, "FORWARD policy");
	snprintf(g.bridge, sizeof(g.bridge), "cni1");
	called_by(&g, "br_nf_forward");
	assert_story(node, "ip", NULL, &g, "FORWARD policy sure");
	g.ct_state = CT_NONE;
	assert_story(node, "ip", NULL, &g, "KUBE-FORWARD 1 sure");
	g.ct_state = CT_ESTABLISHED;
	assert_story(node, "ip", NULL, &g, "");
}

static void survive(const char *text, const char *family)
{
	static const struct group none;
	struct group g = syn();
	struct replay p = replay_of(text, family, NULL, &g);

	replay_free(&p);
	p = replay_of(text, family, NULL, &none);
	replay_free(&p);
	p = replay_of(text, family, "filter", &g);
	replay_free(&p);
}

/* Cut at every byte: no crash, and never a text that is taken for the whole. */
static void test_cut(void **state)
{
	struct group g = syn();

	(void)state;
	for (size_t n = 0; n < sizeof(node) - 1; n++) {
		char *text = strndup(node, n);
		struct replay p = replay_of(text, "ip", "filter", &g);

		for (size_t i = 0; i < p.n && p.cut; i++)
			assert_false(p.hits[i].sure);
		assert_true(p.cut ||
			    strstr(text, "COMMIT\n# Completed on Mon Nov 23 07:50:39 2026\n"
					 "*filter\n:INPUT"));
		replay_free(&p);
		survive(text, "ip");
		free(text);
	}
}

static void test_cut_lines(void **state)
{
	static const char *const families[] = {"ip", "bridge", "arp"};

	(void)state;
	for (size_t n = 0; n < sizeof(node) - 1; n++) {
		size_t end = n + strcspn(node + n, "\n");
		char *text = xasprintf("%.*s%s", (int)n, node, node + end);

		survive(text, families[n % ARRAY_SIZE(families)]);
		free(text);
	}
}

static void test_mutations(void **state)
{
	static const char bytes[] = "\"\\ !-[]:*#/,+0x\n\xff"
				    "ADjg";
	char text[sizeof(node)];
	unsigned int seed = 1;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		memcpy(text, node, sizeof(node));
		for (int k = 0; k < 8; k++)
			text[rand_r(&seed) % (sizeof(node) - 1)] =
				bytes[rand_r(&seed) % (sizeof(bytes) - 1)];
		survive(text, i % 3 ? "ip" : i % 2 ? "bridge" : "arp");
	}
}

/* kube-proxy's: one rule a service, a chain each for it and its endpoints. */
static char *services(unsigned int n)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs("*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n", f);
	for (unsigned int i = 0; i < n; i++)
		fprintf(f, ":KUBE-SVC-%08X - [0:0]\n:KUBE-SEP-%08X - [0:0]\n", i, i);
	fputs("[9:540] -A PREROUTING -j KUBE-SERVICES\n", f);
	for (unsigned int i = 0; i < n; i++)
		fprintf(f,
			"[0:0] -A KUBE-SERVICES -d 10.96.%u.%u/32 -p tcp -m comment --comment "
			"\"ns/svc-%u cluster IP\" -m tcp --dport 80 -j KUBE-SVC-%08X\n",
			i / 250, i % 250 + 1, i, i);
	for (unsigned int i = 0; i < n; i++)
		fprintf(f,
			"[0:0] -A KUBE-SVC-%08X ! -s 10.244.0.0/16 -j MARK --set-xmark "
			"0x4000/0x4000\n"
			"[0:0] -A KUBE-SVC-%08X -m comment --comment \"ns/svc-%u\" -j "
			"KUBE-SEP-%08X\n"
			"[0:0] -A KUBE-SEP-%08X -p tcp -j NFQUEUE --queue-num %u\n",
			i, i, i, i, i, i);
	fputs("COMMIT\n", f);
	fclose(f);
	return text;
}

static void test_scale(void **state)
{
	char *text = services(5000); /* 20,001 rules */
	struct group g = syn();
	clock_t began = clock();

	(void)state;
	g.loc.name = "nf_queue";
	g.hook = HOOK_PREROUTING;
	g.flow.dst = an_addr("10.96.19.250");
	assert_story(text, "ip", "nat", &g, "KUBE-SEP-00001387 1 sure");
	assert_true(clock() - began < CLOCKS_PER_SEC); /* of a sanitizer; 0.05 s without */
	if (getenv("XT_TIME"))
		print_message("%.3f s\n", (double)(clock() - began) / CLOCKS_PER_SEC);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_interfaces_of_hooks),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_ports_of_fragments),
		cmocka_unit_test(test_authentication_header),
		cmocka_unit_test(test_tcp_flags),
		cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_original_tuple),
		cmocka_unit_test(test_mark_match),
		cmocka_unit_test(test_mark_target),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_hit),
		cmocka_unit_test(test_rule_by_number),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_synproxy),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_left_the_base_chain),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_nat_table),
		cmocka_unit_test(test_source_nat),
		cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_ebtables),
		cmocka_unit_test(test_ebtables_chains),
		cmocka_unit_test(test_ebtables_listing),
		cmocka_unit_test(test_arptables),
		cmocka_unit_test(test_node),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_lines),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

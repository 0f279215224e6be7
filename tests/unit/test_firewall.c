// SPDX-License-Identifier: GPL-2.0-only
/* The faults of a node's packet filter, conntrack and NAT, each with the state that must not give
 * it. */
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <errno.h>
#include <netinet/in.h>

#include "test.h"

#include "fake_node.h"
#include "firewall.h"
#include "rules/rule.h"

static struct rule *make_rule(enum rule_backend backend, const char *table, const char *chain,
			      unsigned int number, const char *text)
{
	struct rule *r = calloc(1, sizeof(*r));

	r->backend = backend;
	r->family = strdup("ip");
	r->table = strdup(table);
	r->chain = strdup(chain);
	r->number = backend == RULE_NFT ? 0 : number;
	r->handle = backend == RULE_NFT ? number : 0;
	r->policy = !number;
	r->text = strdup(text);
	return r;
}

/* A new connection that a rule of iptables-legacy drops in that hook. */
static struct group *dropped_in(struct lab *l, size_t i, enum nf_hook hook, const char *chain,
				const char *text)
{
	struct group *g = drop(l, i, "NETFILTER_DROP", "nf_hook_slow", NODE);

	g->hook = hook;
	g->hook_family = "ip";
	g->ct_state = CT_NEW;
	g->key.cls = PKT_TCP_SYN;
	g->rule = make_rule(RULE_IPTABLES_LEGACY, "filter", chain, strncmp(text, "-P", 2) ? 3 : 0,
			    text);
	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.244.2.2", 80);
	strcpy(g->in, "cni0");
	g->in_ifindex = CNI0;
	strcpy(g->out, "flannel.1");
	g->out_ifindex = FLANNEL;
	return g;
}

static struct group *dropped(struct lab *l, enum nf_hook hook, const char *chain, const char *text)
{
	return dropped_in(l, 0, hook, chain, text);
}

/* Netfilter dropped it, and no rule may have. */
static struct group *dropped_by_none(struct lab *l, enum nf_hook hook)
{
	struct group *g = drop(l, 0, "NETFILTER_DROP", "nf_hook_slow", NODE);

	g->hook = hook;
	g->hook_family = "ip";
	g->ct_state = CT_NEW;
	g->rule_none = true;
	return g;
}

static void listen_on(struct fake_netns *n, uint16_t port)
{
	n->listeners[n->n_listeners++].port = port;
}

static void know(struct fake_netns *n, const char *net, enum cidr_role role)
{
	struct known_cidr *c = &n->cidrs[n->n_cidrs++];

	c->net = a_cidr(net);
	c->role = role;
	c->netns = n->inode;
}

static const char *fix_of(struct lab *l, size_t i)
{
	assert_true(l->d.findings[0].n_fix > i);
	return l->d.findings[0].fix[i].text;
}

static bool says(const struct finding *f, const char *text)
{
	for (size_t i = 0; i < f->n_evidence; i++) {
		if (strstr(f->evidence[i].value, text))
			return true;
	}
	for (size_t i = 0; i < f->n_fix; i++) {
		if (strstr(f->fix[i].text, text))
			return true;
	}
	return false;
}

static void test_forward(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_FORWARD, "FORWARD", "-A FORWARD -p tcp --dport 80 -j DROP");
	assert_finding(l, 1, "forward-rule-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0),
			    "iptables-legacy -w -t filter -I FORWARD 3 -i cni0 -o flannel.1 "
			    "-p tcp --dport 80 -j ACCEPT");
}

/* It may have come with a change of the ruleset after the drop. */
static void test_rule_that_may_be_newer(void **state)
{
	struct lab *l = *state;
	struct group *g =
		dropped(l, HOOK_FORWARD, "FORWARD", "-A FORWARD -p tcp --dport 80 -j DROP");
	const struct finding *f;

	g->rule_unsure = true;
	assert_finding(l, 1, "forward-rule-drop", STATUS_SUSPECTED);
	f = &l->d.findings[0];
	for (size_t i = 0; i < f->n_evidence; i++)
		assert_true(strcmp(f->evidence[i].check, "rule") ||
			    f->evidence[i].agrees == AGREES_UNREAD);
	/* another drop, of which it is sure */
	g->rule_unsure = false;
	assert_finding(l, 1, "forward-rule-drop", STATUS_CONFIRMED);
}

/* It is the route that is wrong then, or the sender's address. */
static void test_reverse_path_rule(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_PREROUTING, "PREROUTING", "-A PREROUTING -m rpfilter --invert -j DROP");
	assert_finding(l, 1, "forward-rule-drop", STATUS_CONFIRMED);
	assert_true(says(&l->d.findings[0], "reverse path"));
}

/* Who drops all drops the answers, too. */
static void test_forward_answers(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_FORWARD, "FORWARD", "-A FORWARD -j DROP");
	assert_finding(l, 1, "forward-rule-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 1),
			    "iptables-legacy -w -t filter -I FORWARD 3 -m conntrack --ctstate "
			    "RELATED,ESTABLISHED -j ACCEPT");
}

static struct group *dropped_by_nft(struct lab *l, const char *family, const char *table,
				    const char *chain, uint64_t handle, const char *text)
{
	struct group *g = dropped(l, HOOK_FORWARD, chain, text);

	rule_free(g->rule);
	*g->rule = (struct rule){.backend = RULE_NFT,
				 .family = strdup(family),
				 .table = strdup(table),
				 .chain = strdup(chain),
				 .handle = handle,
				 .text = strdup(text)};
	return g;
}

static void test_forward_nft(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_nft(l, "inet", "fw", "forward", 7, "udp dport 53 drop");

	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.2.2", 53);
	strcpy(g->in, "a$(reboot)");
	assert_finding(l, 1, "forward-rule-drop", STATUS_CONFIRMED);
	assert_string_equal(
		fix_of(l, 0),
		"nft insert rule inet fw forward handle 7 oifname flannel.1 udp dport 53 accept");
}

static void test_forward_policy(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_FORWARD, "FORWARD", "-P FORWARD DROP");
	assert_finding(l, 1, "forward-policy-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0), "iptables-legacy -w -t filter -P FORWARD ACCEPT");
}

/* The policy may stay where it is known whom to let through. */
static void test_forward_policy_of_known_pods(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_FORWARD, "FORWARD", "-P FORWARD DROP");
	know(l->node, "10.244.1.0/24", CIDR_POD);
	know(l->node, "10.244.2.0/24", CIDR_POD);
	assert_finding(l, 1, "forward-policy-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0),
			    "iptables-legacy -w -t filter -A FORWARD -s 10.244.1.0/24 -j ACCEPT");
	assert_string_equal(fix_of(l, 1),
			    "iptables-legacy -w -t filter -A FORWARD -s 10.244.2.0/24 -j ACCEPT");
	assert_string_equal(fix_of(l, 2), "iptables-legacy -w -t filter -A FORWARD -m conntrack "
					  "--ctstate RELATED,ESTABLISHED -j ACCEPT");
}

/* An answer from outside: to let it through, nobody else needs to get to the pods. */
static void test_forward_policy_of_answers(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "FORWARD", "-P FORWARD DROP");

	know(l->node, "10.244.1.0/24", CIDR_POD);
	g->in_ifindex = ETH0;
	g->out_ifindex = CNI0;
	g->ct_state = CT_ESTABLISHED;
	set_flow(g, IPPROTO_TCP, "203.0.113.9", 443, "10.244.1.2", 40000);
	assert_finding(l, 1, "forward-policy-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0), "iptables-legacy -w -t filter -A FORWARD -m conntrack "
					  "--ctstate RELATED,ESTABLISHED -j ACCEPT");
	assert_int_equal(l->d.findings[0].fix[1].when, FIX_ADVICE);
}

/* Both ends are of one network: one command for it. */
static void test_forward_policy_of_one_network(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_FORWARD, "FORWARD", "-P FORWARD DROP");
	know(l->node, "10.244.0.0/16", CIDR_POD);
	assert_finding(l, 1, "forward-policy-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0),
			    "iptables-legacy -w -t filter -A FORWARD -s 10.244.0.0/16 -j ACCEPT");
	assert_non_null(strstr(fix_of(l, 1), "RELATED,ESTABLISHED"));
}

/* Nothing is known of the sender's: what is sent to the pods must get through, not what they send.
 */
static void test_forward_policy_to_known_pods(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_FORWARD, "FORWARD", "-P FORWARD DROP");
	know(l->node, "10.244.2.0/24", CIDR_POD);
	assert_finding(l, 1, "forward-policy-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0),
			    "iptables-legacy -w -t filter -A FORWARD -d 10.244.2.0/24 -j ACCEPT");
}

static void set_rule(struct group *g, struct rule *r)
{
	group_forget_rule(g);
	g->rule = r;
}

static void again(struct lab *l, size_t i)
{
	diagnose_again(&l->d, l->groups, 4, i);
}

static void anew(struct lab *l)
{
	diagnose_free(&l->d);
	for (size_t i = 0; i < 4; i++)
		l->groups[i].finding = -1;
}

#define INPUT_RULE(number, text) make_rule(RULE_IPTABLES_LEGACY, "filter", "INPUT", number, text)

/* A probe saw that it was conntrack: what was deduced before is no finding any more. */
static void test_rule_taken_back(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "FORWARD", "-P FORWARD DROP");

	anew(l);
	diagnose_group(&l->d, g);
	assert_int_equal(g->finding, 0);
	again(l, 0);
	assert_int_equal(g->finding, 0);
	set_rule(g, NULL);
	again(l, 0);
	assert_int_equal(g->finding, -1);
	diagnose_finish(&l->d, l->groups, 1);
	assert_int_equal(l->d.n, 0);
}

/* Who listened then is gone when the rule is told of again: what was proved stands. */
static void test_finding_stands(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_INPUT, "INPUT", "-P INPUT DROP");

	anew(l);
	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.244.1.1", 10250);
	listen_on(l->node, 10250);
	again(l, 0);
	assert_int_equal(g->finding, 0);
	l->node->n_listeners = 0;
	again(l, 0);
	assert_int_equal(g->finding, 0);
	set_rule(g, make_rule(RULE_IPTABLES_LEGACY, "filter", "INPUT", 4, "-A INPUT -j DROP"));
	again(l, 0);
	assert_int_equal(g->finding, -1);
}

/* One group's rule was another one. The other group had the same finding, and who listened is gone:
 * it keeps what was proved. */
static void test_finding_stands_for_others(void **state)
{
	struct lab *l = *state;
	struct group *g[2];

	for (size_t i = 0; i < 2; i++) {
		g[i] = dropped_in(l, i, HOOK_INPUT, "INPUT", "-P INPUT DROP");
		set_flow(g[i], IPPROTO_TCP, i ? "10.244.1.3" : "10.244.1.2", 40000, "10.244.1.1",
			 10250);
	}
	anew(l);
	listen_on(l->node, 10250);
	diagnose_group(&l->d, g[0]);
	diagnose_group(&l->d, g[1]);
	assert_int_equal(g[0]->finding, 0);
	assert_int_equal(g[1]->finding, 0);
	l->node->n_listeners = 0;
	set_rule(g[0], INPUT_RULE(4, "-A INPUT -p tcp -j DROP"));
	again(l, 0);
	assert_int_equal(g[0]->finding, -1);
	assert_true(g[1]->finding >= 0);
	assert_true(says(&l->d.findings[g[1]->finding], "-P INPUT DROP"));
	diagnose_finish(&l->d, l->groups, 2);
	assert_int_equal(l->d.n, 1);
}

/* VXLAN of a known VTEP, freed where both netfilter's rules and conntrack may have said so. */
static struct group *vxlan(struct lab *l, size_t i, const char *src)
{
	struct group *g = drop(l, i, "NETFILTER_DROP", "nf_hook_slow", NODE);

	set_flow(g, IPPROTO_UDP, src, 50000, "192.168.77.1", 8472);
	g->hook = HOOK_INPUT;
	g->hook_family = "ip";
	g->ct_state = CT_NEW;
	return g;
}

/* Conntrack, whose table is full, say, drops the overlay's packets, too. */
static void test_tunnel_without_rule(void **state)
{
	struct lab *l = *state;
	struct group *g = vxlan(l, 0, "192.168.77.2");

	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
	assert_null(strstr(l->d.findings[0].summary, "a packet filter rule on"));
	anew(l);
	g->rule_others = 2;
	assert_finding(l, 1, "vxlan-blocked", STATUS_SUSPECTED);
	for (size_t i = 1; i < 4; i++)
		l->groups[i].finding = -1;
	g->rule_others = 0;
	g->rule_none = true;
	again(l, 0);
	assert_int_equal(g->finding, -1);
	g->rule_none = false;
	g->verdict.function = "nf_conntrack_in";
	assert_null(diagnose(l, 1));
	/* a table said drop, whatever its rules are now */
	g->verdict.function = "ipt_do_table";
	g->rule_none = true;
	assert_finding(l, 1, "vxlan-blocked", STATUS_CONFIRMED);
}

static void test_tunnel_full_conntrack(void **state)
{
	struct lab *l = *state;
	struct group *g = vxlan(l, 0, "192.168.77.2");

	g->hook = HOOK_PREROUTING;
	g->ct_state = CT_NONE;
	g->rule_none = true;
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_count", "1000");
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_max", "1000");
	assert_finding(l, 1, "conntrack-full", STATUS_CONFIRMED);
	anew(l);
	g->rule_none = false;
	g->rule_others = 2;
	assert_finding(l, 1, "conntrack-full", STATUS_SUSPECTED);
}

/* It was another rule after all: nothing of the first one stays, and who had it keeps it. */
static void test_tunnel_rule_changes(void **state)
{
	struct lab *l = *state;
	struct group *g = vxlan(l, 0, "192.168.77.2");
	struct group *other = vxlan(l, 1, "192.168.77.3");

	anew(l);
	add_fdb(l->node, FLANNEL, 0, mac_b, "192.168.77.3");
	set_rule(g, INPUT_RULE(3, "-A INPUT -p udp -j DROP"));
	set_rule(other, INPUT_RULE(3, "-A INPUT -p udp -j DROP"));
	diagnose_group(&l->d, g);
	diagnose_group(&l->d, other);
	assert_int_equal(g->finding, other->finding);
	assert_true(says(&l->d.findings[g->finding], "192.168.77.2"));
	set_rule(g,
		 make_rule(RULE_IPTABLES_LEGACY, "raw", "PREROUTING", 1, "-A PREROUTING -j DROP"));
	again(l, 0);
	assert_int_not_equal(g->finding, other->finding);
	assert_true(says(&l->d.findings[g->finding], "-I PREROUTING"));
	assert_false(says(&l->d.findings[g->finding], "INPUT"));
	assert_true(says(&l->d.findings[other->finding], "-I INPUT"));
	assert_false(says(&l->d.findings[other->finding], "192.168.77.2"));
	set_rule(other, NULL);
	other->rule_none = true;
	again(l, 1);
	diagnose_finish(&l->d, l->groups, 2);
	assert_int_equal(l->d.n, 1);
	assert_int_equal(g->finding, 0);
	assert_int_equal(other->finding, -1);
}

/* Late packets of connections that are over, the cloud's own addresses, and who is no pod. */
static void test_forward_none(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "FORWARD", "-A FORWARD -j DROP");

	g->ct_state = CT_NONE;
	g->key.cls = PKT_TCP_DATA;
	assert_null(diagnose(l, 1));
	g->ct_state = CT_NEW;
	g->key.cls = PKT_TCP_SYN;
	g->flow.dst = an_addr("169.254.169.254");
	assert_null(diagnose(l, 1));
	g->flow.dst = an_addr("10.244.2.2");
	g->in_ifindex = g->out_ifindex = ETH0;
	assert_null(diagnose(l, 1));
}

static void test_input(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_INPUT, "INPUT", "-P INPUT DROP");

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.244.1.1", 10250);
	assert_null(diagnose(l, 1)); /* nobody listens */
	listen_on(l->node, 10250);
	assert_finding(l, 1, "host-input-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0), "iptables-legacy -w -t filter -A INPUT -i cni0 -s "
					  "10.244.1.2/32 -p tcp --dport 10250 "
					  "-j ACCEPT");
	anew(l);
	l->node->listeners[0].local = an_addr("127.0.0.1"); /* not for others */
	assert_null(diagnose(l, 1));
	l->node->listeners[0].local = an_addr("10.244.1.1");
	assert_finding(l, 1, "host-input-drop", STATUS_CONFIRMED);
}

/* IPVS takes what is for a Service behind the rules of the input hook. */
static void test_input_of_ipvs(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_INPUT, "INPUT", "-P INPUT DROP");

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.96.0.10", 80);
	assert_null(diagnose(l, 1));
	l->node->ipvs = (struct local_socket){an_addr("10.96.0.10"), 80};
	l->node->ipvs_servers = 2;
	assert_finding(l, 1, "host-input-drop", STATUS_CONFIRMED);
}

/* Of another node: to all of the link, or to a port where nobody waits. */
static void test_input_of_no_use(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_INPUT, "INPUT", "-A INPUT -j REJECT");

	g->rule->verdict = RULE_REJECT;
	g->in_ifindex = ETH0;
	strcpy(g->in, "eth0");
	set_flow(g, IPPROTO_TCP, "192.168.77.2", 40000, "192.168.77.1", 9100);
	assert_null(diagnose(l, 1));
	listen_on(l->node, 9100);
	assert_finding(l, 1, "reject-rule", STATUS_CONFIRMED);
	anew(l);
	fake_route(l->node, "192.168.77.255/32", NULL, ETH0)->type = RTN_BROADCAST;
	l->node->sockets[l->node->n_sockets++].port = 137;
	set_flow(g, IPPROTO_UDP, "192.168.77.2", 137, "192.168.77.255", 137);
	assert_null(diagnose(l, 1));
}

/* Azure's own, from which AKS keeps pods away. */
static void test_cloud(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "FORWARD",
				  "-A FORWARD -d 168.63.129.16/32 -p tcp --dport 80 -j DROP");

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "168.63.129.16", 80);
	assert_null(diagnose(l, 1));
	g->flow.dst = an_addr("168.63.129.17");
	assert_finding(l, 1, "forward-rule-drop", STATUS_CONFIRMED);
}

/* Pods come and go: their network, as widely as it is known. */
static void test_input_of_pods(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_INPUT, "INPUT", "-A INPUT -j DROP");

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.244.1.1", 10250);
	listen_on(l->node, 10250);
	know(l->node, "10.244.1.0/24", CIDR_POD);
	know(l->node, "10.244.0.0/16", CIDR_POD);
	assert_finding(l, 1, "host-input-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0), "iptables-legacy -w -t filter -I INPUT 3 -i cni0 -s "
					  "10.244.0.0/16 -p tcp --dport 10250 "
					  "-j ACCEPT");
}

static void test_input_of_nodes(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_INPUT, "INPUT", "-P INPUT DROP");

	listen_on(l->node, 10250);
	g->in_ifindex = ETH0;
	strcpy(g->in, "eth0");
	set_flow(g, IPPROTO_TCP, "192.168.77.99", 40000, "192.168.77.1", 10250);
	assert_null(diagnose(l, 1));	       /* a stranger */
	g->flow.src = an_addr("192.168.77.2"); /* a VTEP of flannel.1 */
	assert_finding(l, 1, "host-input-drop", STATUS_CONFIRMED);
	assert_string_equal(
		fix_of(l, 0),
		"iptables-legacy -w -t filter -A INPUT -i eth0 -s 192.168.77.2/32 -p tcp "
		"--dport 10250 -j ACCEPT");
}

static void test_output(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_OUTPUT, "OUTPUT", "-A OUTPUT -j DROP");

	set_flow(g, IPPROTO_UDP, "192.168.77.1", 40000, "203.0.113.9", 53);
	assert_null(diagnose(l, 1)); /* what it must not send elsewhere is its owner's business */
	g->flow.dst = an_addr("192.168.77.2");
	assert_finding(l, 1, "output-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0),
			    "iptables-legacy -w -t filter -I OUTPUT 3 -d 192.168.77.2/32 -p udp "
			    "--dport 53 -j ACCEPT");
}

/* Untracked, as those of NodeLocal DNS are: the port that matters is the sender's. */
static void test_output_of_answers(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_OUTPUT, "OUTPUT", "-P OUTPUT DROP");

	g->ct_state = CT_UNTRACKED;
	g->key.cls = PKT_UDP;
	g->key.port = 53;
	g->key.flags |= KEY_PORT_IS_SRC;
	set_flow(g, IPPROTO_UDP, "192.168.77.1", 53, "10.244.1.2", 40123);
	know(l->node, "10.244.0.0/16", CIDR_POD);
	assert_finding(l, 1, "output-drop", STATUS_CONFIRMED);
	assert_string_equal(
		fix_of(l, 0),
		"iptables-legacy -w -t filter -A OUTPUT -d 10.244.0.0/16 -p udp --sport "
		"53 -j ACCEPT");
}

static void test_reject(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_FORWARD, "FORWARD",
		"-A FORWARD -m comment --comment \"no --dport here\" -j REJECT --reject-with "
		"icmp-port-unreachable")
		->rule->verdict = RULE_REJECT;
	assert_finding(l, 1, "reject-rule", STATUS_CONFIRMED);
	assert_has(fix_of(l, 1), "RELATED,ESTABLISHED"); /* it refuses the answers, too */
}

/* From the node's own network anybody comes: only who asked. */
static void test_forward_from_outside(void **state)
{
	struct lab *l = *state;
	struct group *g =
		dropped(l, HOOK_FORWARD, "FORWARD", "-A FORWARD -i eth0 --dport 5432 -j DROP");

	g->in_ifindex = ETH0;
	strcpy(g->in, "eth0");
	g->out_ifindex = CNI0;
	strcpy(g->out, "cni0");
	know(l->node, "10.244.0.0/16", CIDR_POD);
	set_flow(g, IPPROTO_TCP, "10.244.7.5", 40000, "10.244.1.2", 5432);
	assert_finding(l, 1, "forward-rule-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0),
			    "iptables-legacy -w -t filter -I FORWARD 3 -i eth0 -o cni0 -s "
			    "10.244.0.0/16 -p tcp --dport 5432 -j ACCEPT");
}

static void test_no_endpoints(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "KUBE-SERVICES", "-A KUBE-SERVICES -j REJECT");

	g->rule->verdict = RULE_REJECT;
	g->rule->comment = strdup("default/web:http has no endpoints");
	assert_finding(l, 1, "svc-no-endpoints", STATUS_CONFIRMED);
	assert_non_null(strstr(l->d.findings[0].summary, "10.244.2.2 port 80"));
}

/* Anybody may write that. */
static void test_endpoints_in_a_comment(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "FORWARD", "-A FORWARD -j REJECT");

	g->rule->verdict = RULE_REJECT;
	g->rule->comment = strdup("default/web:http has no endpoints");
	assert_finding(l, 1, "reject-rule", STATUS_CONFIRMED);
}

static void dropped_by_kube_proxy(struct lab *l, const char *chain)
{
	dropped_by_nft(l, "ip", "kube-proxy", chain, 4, "drop");
}

static void test_no_endpoints_by_chain(void **state)
{
	dropped_by_kube_proxy(*state, "service-endpoints-check");
	assert_finding(*state, 1, "svc-no-endpoints", STATUS_CONFIRMED);
}

/* A Service may have any name, and chains of its own. */
static void test_service_named_endpoints(void **state)
{
	dropped_by_kube_proxy(*state, "firewall-ABCDEFGH-default/web-endpoints/udp/http");
	assert_finding(*state, 1, "netpol-deny", STATUS_CONFIRMED);
	assert_has(fix_of(*state, 0), "loadBalancerSourceRanges");
}

/* What protects Services and the node: no command pierces that. */
static void test_protection(void **state)
{
	struct lab *l = *state;
	struct group *g;

	dropped_by_kube_proxy(l, "cluster-ips-check");
	assert_finding(l, 1, "netpol-deny", STATUS_CONFIRMED);
	assert_has(fix_of(l, 0), "no Service has that address and port");
	assert_int_equal(l->d.findings[0].n_fix, 1);
	anew(l);
	g = dropped(l, HOOK_INPUT, "KUBE-IPVS-FILTER", "-A KUBE-IPVS-FILTER -j REJECT");
	g->rule->verdict = RULE_REJECT;
	assert_finding(l, 1, "netpol-deny", STATUS_CONFIRMED);
	anew(l);
	g = dropped(l, HOOK_INPUT, "KUBE-FIREWALL", "-A KUBE-FIREWALL -d 127.0.0.0/8 -j DROP");
	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "127.0.0.1", 10249);
	listen_on(l->node, 10249);
	assert_finding(l, 1, "netpol-deny", STATUS_CONFIRMED);
	assert_int_equal(l->d.findings[0].fix[0].when, FIX_ADVICE);
}

/* A load balancer asks every node for a Service that runs on some (externalTrafficPolicy: Local).
 */
static void test_no_endpoints_here_for_strangers(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_INPUT, "KUBE-EXTERNAL-SERVICES",
				  "-A KUBE-EXTERNAL-SERVICES -p tcp --dport 30080 -j DROP");

	g->rule->comment = strdup("default/web:http has no local endpoints");
	g->in_ifindex = ETH0;
	strcpy(g->in, "eth0");
	set_flow(g, IPPROTO_TCP, "203.0.113.9", 40000, "192.168.77.1", 30080);
	assert_null(diagnose(l, 1));
	g->flow.src = an_addr("192.168.77.2"); /* another node */
	assert_finding(l, 1, "svc-no-endpoints", STATUS_CONFIRMED);
	anew(l);
	g->flow.src = an_addr("203.0.113.9");
	g->rule->verdict = RULE_REJECT; /* it has none at all */
	assert_finding(l, 1, "svc-no-endpoints", STATUS_CONFIRMED);
}

/* IPVS refuses without a rule. */
static void test_no_endpoints_of_ipvs(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_INPUT);

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.96.0.10", 80);
	g->ipvs_service = true;
	assert_null(diagnose(l, 1));
	g->ipvs_no_server = true;
	assert_finding(l, 1, "svc-no-endpoints", STATUS_CONFIRMED);
	assert_has(l->d.findings[0].summary, "10.96.0.10 port 80");
}

/* What begins as a number is a name in quotes only. */
static void test_interface_like_a_number(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_nft(l, "inet", "fw", "forward", 7, "udp dport 53 drop");

	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.2.2", 53);
	strcpy(g->in, "3f0ab12cd34ef56");
	assert_finding(l, 1, "forward-rule-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0),
			    "nft insert rule inet fw forward handle 7 iifname "
			    "'\"3f0ab12cd34ef56\"' oifname flannel.1 udp dport 53 accept");
}

static void test_network_policy(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_FORWARD, "cali-tw-cali123", "-A cali-tw-cali123 -j DROP");
	assert_finding(l, 1, "netpol-deny", STATUS_CONFIRMED);
	assert_int_equal(l->d.findings[0].fix[0].when, FIX_ADVICE);
}

static void test_invalid(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "KUBE-FORWARD",
				  "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP");

	g->ct_state = CT_NONE;
	g->key.cls = PKT_TCP_FIN;
	assert_null(diagnose(l, 1)); /* late */
	g->key.cls = PKT_TCP_SYNACK;
	assert_finding(l, 1, "ct-invalid-drop", STATUS_CONFIRMED);
}

/* Backscatter: somebody attacks 203.0.113.9 in this node's name. */
static bool asks(enum rule_backend backend, const char *text)
{
	struct rule r = {.backend = backend, .text = (char *)text};

	return firewall_asks_for_invalid(&r);
}

/* Each way of writing it, as nft and iptables-save print it. */
static void test_who_asks_for_invalid(void **state)
{
	(void)state;
	assert_true(asks(RULE_NFT, "ct state invalid drop"));
	assert_true(asks(RULE_NFT, "iif \"eth0\" ct state { invalid, untracked } counter drop"));
	assert_true(asks(RULE_NFT, "ct state { new, invalid } drop"));
	assert_true(asks(RULE_NFT, "ct state untracked,invalid drop"));
	assert_true(asks(RULE_NFT, "ct state & invalid == invalid drop"));
	assert_true(asks(RULE_NFT, "ct state vmap { invalid : drop, established : accept }"));
	assert_true(asks(RULE_NFT, "ct state ! established,related drop"));
	assert_true(asks(RULE_NFT, "ct state != established | related drop"));
	assert_false(asks(RULE_NFT, "ct state != invalid drop"));
	assert_false(asks(RULE_NFT, "ct state ! invalid,new drop"));
	assert_false(asks(RULE_NFT, "ct state new drop comment \"ct state invalid\""));
	assert_false(asks(RULE_NFT, "ct state { new, untracked } drop"));
	assert_false(asks(RULE_NFT, "tcp dport 80 drop"));
	assert_false(asks(RULE_NFT, NULL));
	assert_true(asks(RULE_IPTABLES_LEGACY,
			 "-A INPUT -m conntrack --ctstate INVALID,UNTRACKED -j DROP"));
	assert_true(asks(RULE_IPTABLES_NFT, "-A INPUT -m state --state NEW,INVALID -j DROP"));
	assert_true(asks(RULE_IPTABLES_LEGACY,
			 "-A INPUT -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP"));
	assert_false(asks(RULE_IPTABLES_LEGACY,
			  "-A INPUT -m conntrack ! --ctstate INVALID,NEW ! -i lo -j DROP"));
	assert_false(asks(RULE_IPTABLES_LEGACY, "-A INPUT -m conntrack --ctstate NEW -m comment "
						"--comment \"not INVALID\" -j DROP"));
	assert_false(asks(RULE_IPTABLES_LEGACY, "-A INVALID -j DROP"));
}

static void test_invalid_of_strangers(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_INPUT, "ufw-before-input",
				  "-A ufw-before-input -m conntrack --ctstate INVALID -j DROP");

	g->ct_state = CT_NONE;
	g->key.cls = PKT_TCP_SYNACK;
	g->in_ifindex = ETH0;
	strcpy(g->in, "eth0");
	g->out_ifindex = 0;
	g->out[0] = '\0';
	set_flow(g, IPPROTO_TCP, "203.0.113.9", 443, "192.168.77.1", 51234);
	assert_null(diagnose(l, 1));
}

/* Errors about flows that conntrack has forgotten, and a server's late answer. */
static void test_late_answers(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "KUBE-FORWARD",
				  "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP");

	g->ct_state = CT_NONE;
	g->key.cls = PKT_ICMP;
	set_flow(g, IPPROTO_ICMP, "10.244.1.2", 0, "10.244.2.2", 0);
	g->flow.icmp_type = 3;
	assert_null(diagnose(l, 1));
	g->key.cls = PKT_UDP;
	set_flow(g, IPPROTO_UDP, "10.244.1.2", 4000, "10.244.2.2", 5000);
	assert_null(diagnose(l, 1)); /* a bad checksum, say */
	free(g->rule->text);
	g->rule->text = strdup("-A FORWARD -j DROP");
	g->ct_state = CT_NEW;
	set_flow(g, IPPROTO_UDP, "10.244.1.2", 53, "10.244.2.2", 40000);
	assert_null(diagnose(l, 1));
	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.2.2", 53);
	assert_finding(l, 1, "forward-rule-drop", STATUS_CONFIRMED);
}

/* Docker means it: no command pierces that. */
static void test_docker_isolation(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_FORWARD, "DOCKER-ISOLATION-STAGE-2",
		"-A DOCKER-ISOLATION-STAGE-2 -o br-1 -j DROP");
	assert_finding(l, 1, "netpol-deny", STATUS_CONFIRMED);
	assert_int_equal(l->d.findings[0].fix[0].when, FIX_ADVICE);
	assert_non_null(strstr(fix_of(l, 0), "docker network connect"));
}

/* A packet for a queue, which the kernel drops without a reason. */
static void test_queue(void **state)
{
	struct lab *l = *state;
	struct group *g =
		dropped(l, HOOK_FORWARD, "FORWARD", "-A FORWARD -p udp -j NFQUEUE --queue-num 7");

	g->loc.name = "nf_queue";
	strcpy(g->reason, "NOT_SPECIFIED");
	assert_null(diagnose(l, 1)); /* it is not for a queue */
	g->rule->verdict = RULE_QUEUE;
	l->node->queue = 7;
	assert_null(diagnose(l, 1)); /* somebody listens, and has room */
	l->node->queue_dropped = 3;
	assert_finding(l, 1, "queue-no-listener", STATUS_SUSPECTED);
	assert_non_null(strstr(l->d.findings[0].summary, "may not keep up"));
}

static void test_queue_without_listener(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "FORWARD", "queue flags fanout to 3-5");

	g->loc.name = "nf_queue";
	strcpy(g->reason, "NOT_SPECIFIED");
	g->rule->verdict = RULE_QUEUE;
	l->node->queue = 7;
	assert_finding(l, 1, "queue-no-listener", STATUS_CONFIRMED);
	assert_non_null(strstr(l->d.findings[0].summary, "queue 3, where no program listens"));
	l->node->queue = 3; /* one program of three that should run */
	anew(l);
	assert_finding(l, 1, "queue-no-listener", STATUS_CONFIRMED);
	assert_non_null(strstr(l->d.findings[0].summary, "queue 4, where no program listens"));
	free(g->rule->text);
	g->rule->text = strdup("-A FORWARD -j NFQUEUE --queue-balance 3:4");
	anew(l);
	assert_finding(l, 1, "queue-no-listener", STATUS_CONFIRMED);
	assert_non_null(strstr(l->d.findings[0].summary, "queue 4, where no program listens"));
	free(g->rule->text);
	g->rule->text = strdup("queue to jhash ip saddr mod 4");
	assert_non_null(diagnose(l, 1));
}

static void test_bridge_filter(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "FORWARD", "-p IPv4 -j DROP");

	g->hook_family = "bridge";
	g->rule->backend = RULE_EBTABLES;
	strcpy(g->bridge, "cni0");
	assert_finding(l, 1, "bridge-l2-filter", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0), "ebtables-nft -t filter -D FORWARD 3");
}

/* A rule about many stays. */
static void test_bridge_filter_of_many(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_nft(l, "bridge", "fw", "f", 4, "ip saddr vmap @pol");

	g->hook_family = "bridge";
	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.2.2", 53);
	assert_finding(l, 1, "bridge-l2-filter", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0),
			    "nft insert rule bridge fw f handle 4 ip saddr 10.244.1.2 "
			    "ip daddr 10.244.2.2 accept");
}

/* What each of them sends to all of its link is often dropped, and nobody misses it. */
static void test_bridge_filter_of_multicast(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_FORWARD, "FORWARD", "-s Unicast -d Multicast -j DROP");

	g->hook_family = "bridge";
	g->rule->backend = RULE_EBTABLES;
	set_flow(g, IPPROTO_UDP, "10.244.1.2", 5353, "224.0.0.251", 5353);
	assert_null(diagnose(l, 1));
}

/* kubenet's bridge gets what is for a Service of a neighbour twice, and this takes one away. */
static void test_bridge_filter_of_duplicates(void **state)
{
	struct lab *l = *state;
	struct group *g =
		dropped(l, HOOK_OUTPUT, "KUBE-DEDUP",
			"-p IPv4 -s 02:00:00:00:00:cc -o veth+ --ip-src 10.244.1.0/24 -j DROP");

	g->hook_family = "bridge";
	g->rule->backend = RULE_EBTABLES;
	assert_null(diagnose(l, 1));
	assert_int_equal(l->groups[0].class, CLASS_NOISE);
	strcpy(g->rule->chain, "OUTPUT");
	assert_finding(l, 1, "bridge-l2-filter", STATUS_CONFIRMED);
}

/* From one port of the bridge to another, in IP's forward hook. */
static void dropped_on_bridge(struct lab *l, const char *bridge)
{
	struct group *g = dropped(l, HOOK_FORWARD, "FORWARD", "-P FORWARD DROP");

	strcpy(g->in, "vetha");
	strcpy(g->out, "vethb");
	strcpy(g->bridge, bridge);
	g->in_ifindex = VETH_A;
	g->n_stack = 2;
	g->stack = calloc(2, sizeof(*g->stack));
	g->stack[0].name = "nf_hook_slow";
	g->stack[1].name = "br_nf_forward";
}

static void test_bridged_forward(void **state)
{
	struct lab *l = *state;

	dropped_on_bridge(l, "cni0");
	assert_finding(l, 1, "bridge-nf-forward-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0),
			    "iptables-legacy -w -t filter -A FORWARD -i cni0 -o cni0 -j ACCEPT");
}

/* A name that iptables would see a wildcard in is in no command, and a command without a match
 * would let in everything. */
static void test_bridged_by_odd_name(void **state)
{
	struct lab *l = *state;

	dropped_on_bridge(l, "br+pods");
	assert_finding(l, 1, "bridge-nf-forward-drop", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0), "iptables-legacy -w -t filter -A FORWARD -s "
					  "10.244.1.2/32 -p tcp --dport 80 -j ACCEPT");
}

/* What a bridge lets in is more than that one flow. */
static void test_bridged_prerouting(void **state)
{
	struct lab *l = *state;
	struct group *g =
		dropped(l, HOOK_PREROUTING, "PREROUTING", "-A PREROUTING -s 10.244.1.2/32 -j DROP");

	strcpy(g->in, "vetha");
	strcpy(g->bridge, "cni0");
	g->out[0] = '\0';
	g->in_ifindex = VETH_A;
	g->n_stack = 2;
	g->stack = calloc(2, sizeof(*g->stack));
	g->stack[0].name = "nf_hook_slow";
	g->stack[1].name = "br_nf_pre_routing";
	assert_finding(l, 1, "forward-rule-drop", STATUS_CONFIRMED);
	assert_string_equal(
		fix_of(l, 0),
		"iptables-legacy -w -t filter -I PREROUTING 3 -i cni0 -s 10.244.1.2/32 -p "
		"tcp --dport 80 -j ACCEPT");
}

static void test_mixed(void **state)
{
	struct lab *l = *state;

	dropped(l, HOOK_FORWARD, "FORWARD", "-A FORWARD -j DROP")->rule_mixed = true;
	assert_finding(l, 1, "mixed-backends", STATUS_CONFIRMED);
}

static void test_conntrack_full(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_PREROUTING);

	g->ct_state = CT_NONE;
	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.2.2", 53);
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_max", "1000");
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_count", "900");
	assert_null(diagnose(l, 1));
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_count", "1000");
	assert_finding(l, 1, "conntrack-full", STATUS_CONFIRMED);
}

/* Before a probe saw it, a rule was deduced. */
static void test_conntrack_full_not_by_rule(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped(l, HOOK_PREROUTING, "PREROUTING",
				  "-A PREROUTING -m conntrack --ctstate INVALID -j DROP");

	g->ct_state = CT_NONE;
	g->key.cls = PKT_TCP_SYN;
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_max", "1000");
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_count", "1000");
	g->verdict.function = "nf_conntrack_in";
	assert_finding(l, 1, "conntrack-full", STATUS_CONFIRMED);
}

/* One of several rules, or the table. */
static void test_conntrack_full_or_a_rule(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_PREROUTING);

	g->ct_state = CT_NONE;
	g->rule_none = false;
	g->rule_others = 2;
	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.2.2", 53);
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_max", "1000");
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_count", "10");
	assert_null(diagnose(l, 1));
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_count", "1000");
	assert_finding(l, 1, "conntrack-full", STATUS_SUSPECTED);
}

/* Until the rules were read it may have been one of them. */
static void test_rules_not_read(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_PREROUTING);

	g->ct_state = CT_NONE;
	g->rule_none = false;
	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.2.2", 53);
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_max", "1000");
	fake_sysctl(l->node, "net/netfilter/nf_conntrack_count", "1000");
	assert_null(diagnose(l, 1));
	g->verdict.function = "nf_conntrack_in"; /* a probe saw it */
	assert_finding(l, 1, "conntrack-full", STATUS_CONFIRMED);
}

static struct ct_entry *entry(struct fake_netns *n, const struct flow *orig, const char *reply_src,
			      uint16_t reply_sport, const char *reply_dst, uint16_t reply_dport)
{
	struct ct_entry *e = &n->conntrack[n->n_conntrack++];

	e->proto = orig->proto;
	e->orig = e->reply = *orig;
	e->reply.src = an_addr(reply_src);
	e->reply.dst = an_addr(reply_dst);
	e->reply.sport = reply_sport;
	e->reply.dport = reply_dport;
	return e;
}

static struct flow flow_of(uint8_t proto, const char *src, uint16_t sport, const char *dst,
			   uint16_t dport)
{
	struct group g = {};

	set_flow(&g, proto, src, sport, dst, dport);
	return g.flow;
}

static void test_snat_exhausted(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_POSTROUTING);
	struct flow other = flow_of(IPPROTO_UDP, "10.244.1.3", 5000, "203.0.113.9", 53);

	set_flow(g, IPPROTO_UDP, "192.168.77.1", 40000, "203.0.113.9", 53);
	g->has_original = true;
	g->original = flow_of(IPPROTO_UDP, "10.244.1.2", 5000, "203.0.113.9", 53);
	assert_null(diagnose(l, 1));
	entry(l->node, &other, "203.0.113.9", 53, "192.168.77.1", 40000);
	assert_finding(l, 1, "snat-port-exhausted", STATUS_CONFIRMED);
}

/* It kept its port, which was free: two asked for it at once. */
static void test_snat_race(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_POSTROUTING);
	struct flow other = flow_of(IPPROTO_UDP, "10.244.1.3", 123, "203.0.113.9", 123);

	set_flow(g, IPPROTO_UDP, "192.168.77.1", 123, "203.0.113.9", 123);
	g->has_original = true;
	g->original = flow_of(IPPROTO_UDP, "10.244.1.2", 123, "203.0.113.9", 123);
	entry(l->node, &other, "203.0.113.9", 123, "192.168.77.1", 123);
	assert_finding(l, 1, "snat-port-exhausted", STATUS_SUSPECTED);
	assert_has(l->d.findings[0].summary, "at once");
}

/* What the node itself sends keeps its address and gets another port. */
static void test_snat_exhausted_of_the_node(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_POSTROUTING);
	struct flow other = flow_of(IPPROTO_UDP, "192.168.77.1", 6000, "203.0.113.9", 53);

	set_flow(g, IPPROTO_UDP, "192.168.77.1", 40000, "203.0.113.9", 53);
	g->has_original = true;
	g->original = flow_of(IPPROTO_UDP, "192.168.77.1", 5000, "203.0.113.9", 53);
	entry(l->node, &other, "203.0.113.9", 53, "192.168.77.1", 40000);
	assert_finding(l, 1, "snat-port-exhausted", STATUS_CONFIRMED);
}

/* The uplink has no address, nor has any other device but its link's own. */
static void test_masquerade_without_address(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_POSTROUTING);

	set_flow(g, IPPROTO_UDP, "10.244.1.2", 5000, "203.0.113.9", 53);
	g->has_ct_status = true;
	l->node->rules = "MASQUERADE";
	l->node->n_rules = 10;
	for (size_t i = 0; i < l->node->n_addrs; i++)
		l->node->addrs[i].scope = RT_SCOPE_LINK;
	assert_finding(l, 1, "masq-no-address", STATUS_CONFIRMED);
	anew(l);
	l->node->rules_err = -EBADMSG;
	assert_finding(l, 1, "masq-no-address", STATUS_SUSPECTED);
	anew(l);
	l->node->rules_err = 0;
	l->node->n_rules = 0;
	assert_null(diagnose(l, 1)); /* nothing masquerades */
	l->node->n_rules = 10;
	g->ct_status = IPS_SRC_NAT_DONE;
	assert_null(diagnose(l, 1)); /* it got one */
	g->ct_status = 0;
	l->node->addrs[0].scope = RT_SCOPE_UNIVERSE;
	assert_null(diagnose(l, 1));
}

static void test_clash(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_POSTROUTING);

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.244.2.2", 80);
	assert_null(diagnose(l, 1));
	entry(l->node, &g->flow, "10.244.2.2", 80, "10.244.1.2", 40000);
	assert_finding(l, 1, "conntrack-clash", STATUS_CONFIRMED);
	anew(l);
	g->has_ct_status = true;
	assert_finding(l, 1, "conntrack-clash", STATUS_CONFIRMED);
	anew(l);
	l->node->zone = 7; /* another's, which has the same addresses */
	assert_null(diagnose(l, 1));
	g->ct_zone = 7;
	assert_finding(l, 1, "conntrack-clash", STATUS_CONFIRMED);
	anew(l);
	l->node->conntrack[0].status = IPS_SRC_NAT_DONE; /* a later try's */
	assert_null(diagnose(l, 1));
}

/* The rules are not even read then. */
static void test_clash_that_a_probe_saw(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_POSTROUTING);

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.244.2.2", 80);
	entry(l->node, &g->flow, "10.244.2.2", 80, "10.244.1.2", 40000);
	g->rule_none = false;
	g->verdict.function = "__nf_conntrack_confirm";
	assert_finding(l, 1, "conntrack-clash", STATUS_CONFIRMED);
}

static void test_localnet(void **state)
{
	struct lab *l = *state;
	struct group *g = dropped_by_none(l, HOOK_OUTPUT);

	set_flow(g, IPPROTO_TCP, "127.0.0.1", 40000, "10.244.2.2", 80);
	fake_sysctl(l->node, "net/ipv4/conf/all/route_localnet", "1");
	assert_null(diagnose(l, 1));
	fake_sysctl(l->node, "net/ipv4/conf/all/route_localnet", "0");
	fake_sysctl(l->node, "net/ipv4/conf/flannel.1/route_localnet", "1");
	assert_null(diagnose(l, 1)); /* it is on for that device alone */
	fake_sysctl(l->node, "net/ipv4/conf/flannel.1/route_localnet", "0");
	assert_finding(l, 1, "route-localnet-off", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0), "sysctl -w net.ipv4.conf.all.route_localnet=1");
}

static void test_stale_dnat(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "NEIGH_FAILED", "neigh_invalidate", NODE);

	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.1.9", 53);
	g->has_original = true;
	g->original = flow_of(IPPROTO_UDP, "10.244.1.2", 40000, "10.96.0.10", 53);
	assert_null(diagnose(l, 1)); /* the entry is gone already */
	entry(l->node, &g->original, "10.244.1.9", 53, "10.244.1.2", 40000);
	assert_finding(l, 1, "stale-udp-dnat", STATUS_CONFIRMED);
	assert_string_equal(fix_of(l, 0),
			    "conntrack -D -p udp --orig-dst 10.96.0.10 --orig-port-dst 53 "
			    "--reply-src 10.244.1.9");
	anew(l);
	fake_link(l->node, 12, "kube-ipvs0", "dummy");
	fake_addr(l->node, 12, "10.96.0.10/32");
	assert_finding(l, 1, "stale-udp-dnat", STATUS_SUSPECTED);
}

/* Where addresses are hidden it may have died at either place: the bridge's ports tell. */
static void test_stale_dnat_at_a_hidden_place(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "NO_TX_TARGET", NULL, NODE);

	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.1.9", 53);
	g->has_original = g->has_src_mac = true;
	g->original = flow_of(IPPROTO_UDP, "10.244.1.2", 40000, "10.96.0.10", 53);
	g->in_ifindex = VETH_A;
	entry(l->node, &g->original, "10.244.1.9", 53, "10.244.1.2", 40000);
	assert_finding(l, 1, "stale-udp-dnat", STATUS_CONFIRMED);
}

/* Calico: the pod's route goes with it, and a blackhole stands behind. */
static void test_stale_dnat_into_a_blackhole(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "NOT_SPECIFIED", "ip_error", NODE);

	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.9.9", 53);
	g->has_original = true;
	g->original = flow_of(IPPROTO_UDP, "10.244.1.2", 40000, "10.96.0.10", 53);
	entry(l->node, &g->original, "10.244.9.9", 53, "10.244.1.2", 40000);
	fake_route(l->node, "10.244.9.9/32", NULL, VETH_A);
	assert_null(diagnose(l, 1));
	l->node->n_routes--;
	fake_route(l->node, "10.244.9.0/26", NULL, 0)->type = RTN_BLACKHOLE;
	assert_finding(l, 1, "stale-udp-dnat", STATUS_CONFIRMED);
}

/* kube-proxy has not taken it out of its rules yet: the entry would come back. */
static void test_stale_dnat_of_living_rules(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "NEIGH_FAILED", "neigh_invalidate", NODE);

	set_flow(g, IPPROTO_UDP, "10.244.1.2", 40000, "10.244.1.9", 53);
	g->has_original = true;
	g->original = flow_of(IPPROTO_UDP, "10.244.1.2", 40000, "10.96.0.10", 53);
	entry(l->node, &g->original, "10.244.1.9", 53, "10.244.1.2", 40000);
	l->node->rules = "\x0a\xf4\x01\x09";
	l->node->n_rules = 4;
	assert_finding(l, 1, "stale-udp-dnat", STATUS_SUSPECTED);
	assert_int_equal(l->d.findings[0].fix[0].when, FIX_ADVICE);
}

static struct group *unanswered(struct lab *l, const char *dst, uint16_t port)
{
	struct group *g = drop(l, 0, "", "tcp_retransmit_skb", POD_A);

	g->kind = SAMPLE_RETRANSMIT;
	g->key.cls = PKT_TCP_SYN;
	g->silent_ms = 7000;
	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, dst, port);
	return g;
}

static void test_services_flushed(void **state)
{
	struct lab *l = *state;
	struct group *g = unanswered(l, "10.96.0.10", 80);

	fake_route(l->node, "0.0.0.0/0", "192.168.77.10", ETH0);
	entry(l->node, &g->flow, "10.96.0.10", 80, "10.244.1.2", 40000);
	assert_null(diagnose(l, 1)); /* nobody says that this is a Service */
	know(l->node, "10.96.0.0/16", CIDR_SERVICE);
	assert_finding(l, 1, "kube-rules-flushed", STATUS_SUSPECTED);
}

/* Also where the kernel gives no reasons. */
static void test_no_route_to_services(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "NOT_SPECIFIED", "ip_error", NODE);

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.96.0.10", 80);
	assert_null(diagnose(l, 1));
	know(l->node, "10.96.0.0/16", CIDR_SERVICE);
	fake_route(l->node, "0.0.0.0/0", "192.168.77.10", ETH0);
	assert_null(diagnose(l, 1)); /* there is a route */
	l->node->n_routes--;
	assert_finding(l, 1, "kube-rules-flushed", STATUS_CONFIRMED);
}

/* kube-proxy is there, but this Service is not. */
static void test_services_not_flushed(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "IP_INNOROUTES", "ip_error", NODE);

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.96.0.10", 80);
	know(l->node, "10.96.0.0/16", CIDR_SERVICE);
	l->node->rules = "KUBE-SVC-ERIFXISQEP7F7OF4";
	l->node->n_rules = strlen(l->node->rules);
	l->node->rules_chain = "KUBE-SERVICES";
	assert_null(diagnose(l, 1));
	l->node->rules = "DNAT";
	l->node->n_rules = 4;
	l->node->rules_chain = "KUBE-SEP-6XV2XTHX2ZMG2ZVS";
	assert_null(diagnose(l, 1));
	l->node->rules_chain = "nat-prerouting";
	l->node->rules_table = "kube-proxy";
	assert_null(diagnose(l, 1));
	l->node->rules_err = -EBADMSG;
	assert_finding(l, 1, "kube-rules-flushed", STATUS_SUSPECTED);
}

/* eBPF knows no such Service, and kube-proxy was never there. */
static void test_services_of_others(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "IP_INNOROUTES", "ip_error", NODE);

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.96.0.10", 80);
	know(l->node, "10.96.0.0/16", CIDR_SERVICE);
	fake_link(l->node, 12, "cilium_host", "veth");
	assert_null(diagnose(l, 1));
}

/* Docker's and the CNI's ports are no Services. */
static void test_services_flushed_beside_published_ports(void **state)
{
	struct lab *l = *state;
	struct group *g = drop(l, 0, "IP_INNOROUTES", "ip_error", NODE);

	set_flow(g, IPPROTO_TCP, "10.244.1.2", 40000, "10.96.0.10", 80);
	know(l->node, "10.96.0.0/16", CIDR_SERVICE);
	l->node->rules = "DNAT";
	l->node->n_rules = 4;
	l->node->rules_table = "nat";
	l->node->rules_chain = "DOCKER";
	assert_finding(l, 1, "kube-rules-flushed", STATUS_CONFIRMED);
}

/* kube-proxy's IPVS mode: kube-ipvs0 has the address. */
static void test_services_of_ipvs(void **state)
{
	struct lab *l = *state;
	struct group *g = unanswered(l, "10.96.0.10", 80);

	know(l->node, "10.96.0.0/16", CIDR_SERVICE);
	entry(l->node, &g->flow, "10.96.0.10", 80, "10.244.1.2", 40000);
	assert_finding(l, 1, "kube-rules-flushed", STATUS_SUSPECTED);
	anew(l);
	fake_addr(l->node, LAN0, "10.96.0.10/32");
	assert_null(diagnose(l, 1));
}

static void test_services_translated(void **state)
{
	struct lab *l = *state;
	struct group *g = unanswered(l, "10.96.0.10", 80);

	know(l->node, "10.96.0.0/16", CIDR_SERVICE);
	entry(l->node, &g->flow, "10.244.1.3", 8080, "10.244.1.2", 40000);
	assert_null(diagnose(l, 1));
}

static void test_masquerade(void **state)
{
	struct lab *l = *state;
	struct group *g = unanswered(l, "203.0.113.9", 80);
	struct ct_entry *e;

	fake_route(l->node, "0.0.0.0/0", "192.168.77.10", ETH0);
	know(l->node, "10.244.1.0/24", CIDR_POD);
	e = entry(l->node, &g->flow, "203.0.113.9", 80, "192.168.77.1", 40000);
	assert_null(diagnose(l, 1)); /* masqueraded: it is the other end that does not answer */
	e->reply.dst = g->flow.src;
	assert_finding(l, 1, "masq-missing", STATUS_SUSPECTED);
	assert_string_equal(
		fix_of(l, 0),
		"iptables-nft -w -t nat -A POSTROUTING -s 10.244.1.0/24 -o eth0 -j MASQUERADE");
}

/* A Service of the cluster, whose backend does not answer: it does not leave, whatever the route to
 * the Service's address says. */
static void test_masquerade_of_a_service(void **state)
{
	struct lab *l = *state;
	struct group *g = unanswered(l, "10.96.0.10", 80);
	struct ct_entry *e;

	fake_route(l->node, "0.0.0.0/0", "192.168.77.10", ETH0);
	know(l->node, "10.244.1.0/24", CIDR_POD);
	e = entry(l->node, &g->flow, "10.244.1.3", 8080, "10.244.1.2", 40000);
	assert_null(diagnose(l, 1));
	e->reply.src = an_addr("203.0.113.9"); /* one outside */
	assert_finding(l, 1, "masq-missing", STATUS_SUSPECTED);
}

/* A name of an interface is whatever somebody gave it. */
static void test_masquerade_by_hostile_name(void **state)
{
	struct lab *l = *state;
	struct group *g = unanswered(l, "203.0.113.9", 80);

	fake_route(l->node, "0.0.0.0/0", "192.168.77.10", ETH0);
	know(l->node, "10.244.1.0/24", CIDR_POD);
	entry(l->node, &g->flow, "203.0.113.9", 80, "10.244.1.2", 40000);
	strcpy(l->node->links[0].name, "$(id>&2)");
	l->node->legacy = true;
	assert_finding(l, 1, "masq-missing", STATUS_SUSPECTED);
	assert_string_equal(fix_of(l, 0), "iptables-legacy -w -t nat -A POSTROUTING -s "
					  "10.244.1.0/24 -o '$(id>&2)' -j MASQUERADE");
}

/* A cluster whose network knows the pods: no tunnel. */
static void test_masquerade_native(void **state)
{
	struct lab *l = *state;
	struct group *g = unanswered(l, "203.0.113.9", 80);

	strcpy(l->node->links[2].kind, "");
	fake_route(l->node, "0.0.0.0/0", "192.168.77.10", ETH0);
	know(l->node, "10.244.1.0/24", CIDR_POD);
	entry(l->node, &g->flow, "203.0.113.9", 80, "10.244.1.2", 40000);
	assert_null(diagnose(l, 1));
}

/* An eBPF datapath translates behind conntrack; a global IPv6 address needs no translation. */
static void test_masquerade_by_others(void **state)
{
	struct lab *l = *state;
	struct group *g = unanswered(l, "203.0.113.9", 80);

	fake_route(l->node, "0.0.0.0/0", "192.168.77.10", ETH0);
	know(l->node, "10.244.1.0/24", CIDR_POD);
	entry(l->node, &g->flow, "203.0.113.9", 80, "10.244.1.2", 40000);
	fake_link(l->node, 77, "cilium_vxlan", "vxlan");
	assert_null(diagnose(l, 1));
	strcpy(l->node->links[l->node->n_links - 1].name, "vxlan7");
	assert_non_null(diagnose(l, 1));
}

static void test_masquerade_of_ipv6(void **state)
{
	struct lab *l = *state;
	struct group *g = unanswered(l, "203.0.113.9", 80);

	fake_route(l->node, "::/0", "fd00::10", ETH0);
	know(l->node, "2001:db8:1::/64", CIDR_POD);
	know(l->node, "fd00:244::/64", CIDR_POD);
	set_flow(g, IPPROTO_TCP, "2001:db8:1::2", 40000, "2001:db8:9::9", 80);
	entry(l->node, &g->flow, "2001:db8:9::9", 80, "2001:db8:1::2", 40000);
	assert_null(diagnose(l, 1));
	set_flow(g, IPPROTO_TCP, "fd00:244::2", 40000, "2001:db8:9::9", 80);
	entry(l->node, &g->flow, "2001:db8:9::9", 80, "fd00:244::2", 40000);
	assert_finding(l, 1, "masq-missing", STATUS_SUSPECTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rule_that_may_be_newer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward_nft, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward_policy_of_known_pods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward_policy_of_one_network, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_forward_policy_to_known_pods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rule_taken_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_finding_stands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_finding_stands_for_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_without_rule, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_full_conntrack, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_rule_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_of_pods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_of_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_output, setup, teardown),
		cmocka_unit_test_setup_teardown(test_output_of_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reject, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_endpoints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_network_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reverse_path_rule, setup, teardown),
		cmocka_unit_test_setup_teardown(test_invalid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_docker_isolation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_without_listener, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_answers, setup, teardown),
		cmocka_unit_test(test_who_asks_for_invalid),
		cmocka_unit_test_setup_teardown(test_invalid_of_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridge_filter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridge_filter_of_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_endpoints_by_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_service_named_endpoints, setup, teardown),
		cmocka_unit_test_setup_teardown(test_protection, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_endpoints_here_for_strangers, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_no_endpoints_of_ipvs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_of_ipvs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_input_of_no_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cloud, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward_from_outside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward_policy_of_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_snat_race, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_dnat_into_a_blackhole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_dnat_at_a_hidden_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endpoints_in_a_comment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridge_filter_of_multicast, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interface_like_a_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridged_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridged_prerouting, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridged_by_odd_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mixed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conntrack_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conntrack_full_or_a_rule, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conntrack_full_not_by_rule, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rules_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_snat_exhausted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_snat_exhausted_of_the_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_masquerade_without_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clash_that_a_probe_saw, setup, teardown),
		cmocka_unit_test_setup_teardown(test_localnet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_dnat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_dnat_of_living_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services_flushed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_route_to_services, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services_of_ipvs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services_translated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services_not_flushed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services_flushed_beside_published_ports, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_masquerade, setup, teardown),
		cmocka_unit_test_setup_teardown(test_masquerade_of_a_service, setup, teardown),
		cmocka_unit_test_setup_teardown(test_masquerade_by_hostile_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_masquerade_native, setup, teardown),
		cmocka_unit_test_setup_teardown(test_masquerade_by_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_masquerade_of_ipv6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridge_filter_of_duplicates, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/* What the faults of a node's own packet filter rules share. */
#ifndef WHYDROP_FIREWALL_H
#define WHYDROP_FIREWALL_H

#include "catalogue.h"
#include "rules/rule.h"

/* Was the packet dropped by a rule or policy that is known, in a hook of IPv4 or IPv6? Those to
 * groups, and to the cloud's own addresses (169.254.169.254), are of no concern. */
bool firewall_dropped(const struct group *g);
/* The same, of what starts no connection and belongs to none that conntrack knows: TCP, answers of
 * UDP and ICMP, and whatever a rule drops as invalid. Mostly that is what comes late, after the
 * end, and rulesets are right to drop it; firewall_dropped() is false. */
bool firewall_dropped_stray(const struct group *g);
/* Does it ask for a state of conntrack, and match what conntrack calls invalid? */
bool firewall_asks_for_invalid(const struct rule *r);
/* Was it dropped by netfilter though no rule may have done it? False until the rules were read. */
bool firewall_without_rule(const struct group *g);
/* Was it, or by one of several rules? The same until the rules were read. */
bool firewall_maybe_without_rule(const struct group *g);
/* Of what netfilter dropped: did a rule or policy do it? MAYBE until the rules were read, and where
 * they do not tell: conntrack and NAT drop, too. */
enum tri firewall_by_rule(const struct group *g);
/* Was the packet on its way from a pod of this node, or to one from another pod of the cluster? */
bool firewall_pods_packet(const struct group *g, struct host *h);
/* Does the address belong to the cluster, as that netns knows it: a pod, a Service, or another node
 * that a tunnel or a route to pods leads to? */
bool firewall_cluster_addr(struct host *h, uint32_t netns, const struct addr *a);

/* The Pod or Service CIDR that has the address, as that netns knows it; NULL: none. */
const struct known_cidr *firewall_pod_cidr(struct host *h, uint32_t netns, const struct addr *a);
const struct known_cidr *firewall_service_cidr(struct host *h, uint32_t netns,
					       const struct addr *a);

#define FIREWALL_NAME_LEN 512
/* "rule 3 of chain FORWARD (iptables-legacy, table filter)", "the policy of chain …". buf of
 * FIREWALL_NAME_LEN. */
const char *firewall_name(const struct rule *r, char *buf);
/* Confirmed, or suspected where the rule may be newer than the drop: netns, the rule as place, and
 * as evidence with what is known of how it came to drop the packet. */
void firewall_finding(struct finding *f, const struct group *g, struct host *h);
/* The finding is about that rule: as evidence only. */
void firewall_evidence(struct finding *f, const struct group *g);
/* The command that lets such packets through ahead of the rule or policy. False where there is
 * none. */
bool firewall_fix(struct finding *f, const struct group *g, struct host *h);
/* The commands after which a forward chain accepts what pods send, and answers, before its policy;
 * where the pods' network is not known, the one that makes the policy accept. */
bool firewall_fix_policy(struct finding *f, const struct group *g, struct host *h);
/* Would the packet, dropped in the input hook, be answered if it got further: does something listen
 * there, is it IPVS's, is it an answer itself, or of a protocol without ports? Recorded. */
bool firewall_is_awaited(struct finding *f, const struct group *g, struct host *h);
/* Is it what every node sends on its own link, to all or to its neighbours, or to its cloud? */
bool firewall_is_chatter(const struct group *g);
/* As firewall_fix_delete(); of a rule that is about others, too, the one that lets the packet's
 * addresses through ahead of it. */
bool firewall_fix_frame(struct finding *f, const struct group *g);
/* The command that takes the rule away, or makes the policy accept. */
bool firewall_fix_delete(struct finding *f, const struct group *g);

#endif

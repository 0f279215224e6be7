# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# Pods of one bridge are cut off by a firewall that was made for routed packets (br_netfilter).

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_policy

# policy DROP|ACCEPT
policy()
{
	in_ns node1 iptables-legacy -w -P FORWARD "$1"
}

# rule nft|legacy ip|ip6 -A|-D
rule()
{
	in_ns node1 "${2}tables-$1" -w "$3" FORWARD -i cni0 -j DROP
}

variant_policy()
{
	need_bridge_nf
	lab_up
	need_iptables legacy
	prove --at node1 --break "policy DROP" --undo "policy ACCEPT" --mention "port to port of bridge cni0" \
		--mention "the policy of chain FORWARD" --flow "tcp poda $POD_B $LAB_PORT"
}

# Where nothing has loaded nft_compat yet iptables' own words are not asked for, and it is nft's rule.
variant_ip6()
{
	need_bridge_nf
	lab_up
	need_iptables nft
	prove --at node1 --break "rule nft ip6 -A" --undo "rule nft ip6 -D" --mention "port to port of bridge cni0" \
		--mention "of chain FORWARD" --flow "udp poda $POD_B6 $LAB_PORT"
}

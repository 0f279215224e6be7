# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# Source NAT may use one port, and somebody has it.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_udp

# nat STATEMENT: of what pods send out of the cluster
nat()
{
	in_ns node1 nft -f - <<-END
		flush chain ip lab postrouting
		add rule ip lab postrouting ip saddr 10.244.1.0/24 ip daddr $OUTSIDE meta l4proto { tcp, udp } $*
	END
}

exhaust()
{
	nat snat to "$NODE1:40000"
	expect_ok "$1" podb $OUTSIDE $LAB_PORT || fail "the first one has no port either"
}

# prove_exhausted ARGUMENTS…
prove_exhausted()
{
	lab_up
	prove --at node1 --break "exhaust udp" --undo "nat masquerade" --mention "no free port of $NODE1" \
		--mention $POD_B --flow "udp poda $OUTSIDE $LAB_PORT" "$@"
}

variant_udp()
{
	prove_exhausted
}

# A probe sees whose verdict it is.
variant_deep()
{
	prove_exhausted --with --deep
}

# A rule that would drop what NAT makes of the packet comes before NAT: it never matches.
variant_rule_before_nat()
{
	lab_up
	need_iptables legacy
	in_ns node1 iptables-legacy -w -t mangle -A POSTROUTING -s $NODE1 -d $OUTSIDE -p udp --dport $LAB_PORT -j DROP
	prove --at node1 --break "exhaust udp" --undo "nat masquerade" --mention "no free port of $NODE1" \
		--mention $POD_B --flow "udp poda $OUTSIDE $LAB_PORT"
}

# The tunnel's packets, each pod's connection from a port of its own: nobody blocks them.
exhaust_tunnel()
{
	in_ns node1 sysctl -qw net.netfilter.nf_conntrack_udp_timeout=600
	in_ns node1 nft add rule ip lab postrouting udp dport 8472 snat to "$NODE1:40000"
	expect_ok udp podb $POD_C $LAB_PORT || fail "the first one has no port either"
}

variant_tunnel()
{
	lab_up
	prove --at node1 --break exhaust_tunnel --undo "nat masquerade" --mention "no free port of $NODE1" \
		--flow "udp poda $POD_C $LAB_PORT"
}

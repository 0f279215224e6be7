# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# An interface or a route of the node covers a part of the Pod CIDR.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_interface

# A second network of node1, on which nobody else is.
lan_up()
{
	ip -n "$LAB-node1" link add lan0 type veth peer name lan0 netns "$LAB-wire"
	ip -n "$LAB-wire" link set lan0 up
	ip -n "$LAB-node1" link set lan0 up
	ip -n "$LAB-node1" addr add 172.30.0.1/24 dev lan0
}

overlap_address()
{
	ip -n "$LAB-node1" addr "$1" 10.244.2.100/25 dev lan0
}

overlap_route()
{
	ip -n "$LAB-node1" route "$1" 10.244.2.0/25 dev lan0
}

# With strict reverse path filtering, as many distributions set it: what comes out of the tunnel is
# dropped before it is ever answered.
overlap_strict()
{
	overlap_route add
	lab_sysctl node1 net.ipv4.conf.all.rp_filter=1
}

overlap_strict_undo()
{
	overlap_route del
}

variant_interface()
{
	lab_up
	lan_up
	prove --break "overlap_address add" --undo "overlap_address del" --at node1 --seconds 4.5 \
		--mention lan0 --mention 10.244.2.0/25 \
		--flow "tcp poda $POD_C $LAB_PORT" --flow "icmp poda $POD_C"
}

variant_route()
{
	lab_up
	lan_up
	prove --break "overlap_route add" --undo "overlap_route del" --at node1 --seconds 4.5 \
		--mention lan0 --mention 10.244.2.0/25 --flow "udp podb $POD_C $LAB_PORT"
}

variant_rp_filter()
{
	lab_up
	lan_up
	prove --break overlap_strict --undo overlap_strict_undo --at node1 --mention lan0 \
		--mention 10.244.2.0/25 --flow "tcp podc $POD_A $LAB_PORT" --flow "icmp podc $POD_A"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A node that must route does not: for all interfaces, for one, for IPv6.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_global

set_forwarding()
{
	lab_sysctl "$1" "$2"
}

variant_global()
{
	lab_up
	prove --break "set_forwarding node1 net.ipv4.ip_forward=0" \
		--undo "set_forwarding node1 net.ipv4.ip_forward=1" \
		--at node1 --mention net.ipv4.ip_forward \
		--flow "tcp poda $POD_C $LAB_PORT" --flow "udp poda $POD_C $LAB_PORT" \
		--flow "icmp poda $POD_C" --flow "tcp podb $OUTSIDE $LAB_PORT"
}

variant_interface()
{
	lab_up
	prove --break "set_forwarding node1 net.ipv4.conf.cni0.forwarding=0" \
		--undo "set_forwarding node1 net.ipv4.conf.cni0.forwarding=1" \
		--at node1 --mention cni0 --mention forwarding \
		--flow "tcp poda $POD_C $LAB_PORT" --flow "icmp poda $OUTSIDE"
}

variant_ipv6()
{
	lab_up
	prove --break "set_forwarding node1 net.ipv6.conf.all.forwarding=0" \
		--undo "set_forwarding node1 net.ipv6.conf.all.forwarding=1" \
		--at node1 --mention net.ipv6.conf.all.forwarding \
		--flow "tcp poda $POD_C6 $LAB_PORT" --flow "icmp poda $POD_C6"
}

# The packets die on the other node, as they come out of the tunnel.
variant_other_node()
{
	lab_up
	prove --break "set_forwarding node2 net.ipv4.ip_forward=0" \
		--undo "set_forwarding node2 net.ipv4.ip_forward=1" \
		--at node2 --mention net.ipv4.ip_forward \
		--flow "tcp poda $POD_C $LAB_PORT" --flow "udp podb $POD_C $LAB_PORT"
}

# AWS's CNI and Calico give each pod a veth of its own to the node, and a gateway that nobody has.
unown_gateway()
{
	local mac
	ip -n "$LAB-node1" link set vethb nomaster
	mac=$(in_ns node1 cat /sys/class/net/vethb/address)
	ip -n "$LAB-podb" -batch - <<-END
		address flush dev eth0
		address add $POD_B/32 dev eth0
		route add 169.254.1.1 dev eth0 scope link
		route add default via 169.254.1.1
		neigh replace 169.254.1.1 dev eth0 lladdr $mac nud permanent
	END
	ip -n "$LAB-node1" route add "$POD_B" dev vethb
}

variant_gateway_of_nobody()
{
	lab_up
	unown_gateway
	prove --break "set_forwarding node1 net.ipv4.ip_forward=0" \
		--undo "set_forwarding node1 net.ipv4.ip_forward=1" \
		--at node1 --mention "on vethb for $OUTSIDE" --flow "udp podb $OUTSIDE $LAB_PORT"
}

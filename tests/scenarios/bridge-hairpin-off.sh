# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A Service whose backend is the client itself: the frame must leave by the port it came by.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_tcp

set_hairpin()
{
	bridge -n "$LAB-node1" link set dev vetha hairpin "$1"
}

# A pod that gets a packet from itself, from outside, refuses it: kube-proxy masquerades these.
masquerade_itself()
{
	in_ns node1 nft add rule ip lab postrouting ip saddr $POD_A ip daddr $POD_A masquerade
	in_ns node1 nft add rule ip6 lab postrouting ip6 saddr $POD_A6 ip6 daddr $POD_A6 masquerade
}

# prove_itself tcp|udp PORT BACKEND BACKEND-PORT VIP
prove_itself()
{
	need_bridge_nf
	lab_up
	set_hairpin on
	masquerade_itself
	lab_service "${@:1:4}"
	prove --break "set_hairpin off" --undo "set_hairpin on" --at node1 \
		--mention vetha --mention hairpin --flow "$1 poda $5 $2"
}

variant_tcp()
{
	prove_itself tcp 80 $POD_A $LAB_PORT $VIP
}

variant_udp()
{
	prove_itself udp 53 $POD_A 53 $VIP
}

variant_tcp6()
{
	prove_itself tcp 80 $POD_A6 $LAB_PORT $VIP6
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A Service whose backend is on the client's own bridge: the answers cross the bridge unseen by
# conntrack, keep the backend's address, and the client knows nothing of them.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_tcp

set_bridge_nf()
{
	lab_sysctl node1 net.bridge.bridge-nf-call-{ip,ip6}tables="$1"
}

# prove_service FLOW SYSCTL OPTION…
prove_service()
{
	prove --break "set_bridge_nf 0" --undo "set_bridge_nf 1" --at node1 --mention "$2" --flow "$1" \
		"${@:3}"
}

variant_tcp()
{
	need_bridge_nf
	lab_up
	lab_service tcp 80 $POD_B $LAB_PORT
	# long enough for what is sent again to be a silence, too: that is no finding beside it
	prove_service "tcp poda $VIP 80" bridge-nf-call-iptables --seconds 5
}

variant_udp()
{
	need_bridge_nf
	lab_up
	lab_service udp 53 $POD_B 53
	prove_service "udp poda $VIP 53" bridge-nf-call-iptables
}

variant_tcp6()
{
	need_bridge_nf
	lab_up
	lab_service tcp 80 $POD_B6 $LAB_PORT
	prove_service "tcp poda $VIP6 80" bridge-nf-call-ip6tables
}

# Only IPv4's half is off; IPv6 goes on.
variant_ipv4_only()
{
	need_bridge_nf
	lab_up
	lab_service tcp 80 $POD_B $LAB_PORT
	lab_service tcp 80 $POD_B6 $LAB_PORT
	prove --break "lab_sysctl node1 net.bridge.bridge-nf-call-iptables=0" \
		--undo "lab_sysctl node1 net.bridge.bridge-nf-call-iptables=1" \
		--at node1 --mention bridge-nf-call-iptables --flow "tcp poda $VIP 80"
	expect_ok tcp poda $VIP6 80
}

# The Service's port is another than the backend's, and the same backend also answers directly.
variant_same_port()
{
	need_bridge_nf
	lab_up
	lab_service tcp $LAB_PORT $POD_B $LAB_PORT
	expect_ok tcp poda $POD_B $LAB_PORT
	prove_service "tcp poda $VIP $LAB_PORT" bridge-nf-call-iptables
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# The pod behind a UDP Service goes, and a client that keeps its port goes on being sent to it.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_dns

# The Service has another endpoint now, of which conntrack knows nothing.
lose_pod()
{
	in_ns node1 nft flush chain ip lab prerouting
	lab_service udp 53 $POD_C 53
	lab_pod_delete b
}

undo_lose_pod()
{
	in_ns node1 conntrack -D -p udp --orig-dst $VIP
}

# prove_stale BREAK
prove_stale()
{
	need_bridge_nf
	lab_up
	lab_service udp 53 $POD_B 53
	prove --at node1 --break "$1" --undo undo_lose_pod --mention "$VIP port 53" \
		--mention "$POD_B, which is gone" --seconds 5 --flow "udp poda $VIP 53 --sport 40053"
}

variant_dns()
{
	prove_stale lose_pod
}

# Later, when the neighbour's entry has gone, too.
lose_neighbour()
{
	lose_pod
	ip -n "$LAB-node1" neigh flush dev cni0 to $POD_B
}

variant_neighbour()
{
	prove_stale lose_neighbour
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# What pods send out of the cluster keeps their addresses, and nobody outside knows the way back.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_flushed

flush_masquerade()
{
	in_ns node1 nft flush chain ip lab postrouting
	in_ns node1 conntrack -F 2>/dev/null
}

undo_masquerade()
{
	in_ns node1 nft add rule ip lab postrouting ip saddr 10.244.1.0/24 ip daddr != 10.244.0.0/15 masquerade
}

# prove_flushed MENTION: the other end is elsewhere
prove_flushed()
{
	prove --at node1 --in node1 --in poda --status suspected --break flush_masquerade \
		--undo undo_masquerade --mention "through eth0" --mention "$1" --seconds 9 \
		--flow "tcp poda $OUTSIDE $LAB_PORT"
}

variant_flushed()
{
	lab_up
	need_iptables nft
	lab_service tcp 80 $POD_C $LAB_PORT
	prove_flushed "not translated"
}

# The only rule that needed conntrack was that one.
variant_untracked()
{
	lab_up
	need_iptables nft
	prove_flushed "tracks nothing"
}

# Nobody answers, but it is masqueraded.
variant_nobody_there()
{
	lab_up
	judge_start --netns "$LAB-node1" --netns "$LAB-poda"
	flows_die 9 "tcp poda $OUTSIDE 9999" "tcp poda 192.168.77.99 $LAB_PORT"
	judge_stop
	report none
}

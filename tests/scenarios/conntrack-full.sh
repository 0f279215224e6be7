# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# alone: table
# The connection tracking table is full. Its limit is the whole machine's: only where that is our own.

MAX=/proc/sys/net/netfilter/nf_conntrack_max

# What is over stays for two minutes, and is not thrown out for others.
fill()
{
	echo 8 >$MAX
}

undo_fill()
{
	echo "$LIMIT" >$MAX
}

variant_table()
{
	[[ -e /run/vm ]] || skip "the limit is the machine's own, which no test may change"
	lab_up
	LIMIT=$(<$MAX)
	# shellcheck disable=SC2034 # scripts/lab.sh calls it
	LAB_EXIT_HOOK=full_exit
	traffic short poda $OUTSIDE $LAB_PORT --count 20
	prove --at node1 --break fill --undo undo_fill --mention "nf_conntrack_count" \
		--flow "udp poda $OUTSIDE $LAB_PORT"
}

full_exit()
{
	undo_fill
	scenario_exit
}

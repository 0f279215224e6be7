# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# What one iptables accepts the other drops.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_legacy_drops

# rule legacy|nft -A|-D DROP|ACCEPT
rule()
{
	in_ns node1 "iptables-$1" -w "$2" FORWARD -p tcp --dport $LAB_PORT -j "$3"
}

# prove_mixed WHO-ACCEPTS WHO-DROPS
prove_mixed()
{
	lab_up
	need_iptables legacy
	need_iptables nft
	rule "$1" -A ACCEPT
	prove --at node1 --break "rule $2 -A DROP" --undo "rule $2 -D DROP" --mention "iptables-$2" \
		--mention "rules of iptables-$1" --flow "tcp poda $POD_C $LAB_PORT"
}

variant_legacy_drops()
{
	prove_mixed nft legacy
}

variant_nft_drops()
{
	prove_mixed legacy nft
}

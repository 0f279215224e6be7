# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A rule hands packets to a program, and the program does not run.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_nft

queue_by_nft()
{
	in_ns node1 nft -f - <<-END
		table inet ids {
			chain forward {
				type filter hook forward priority filter;
				udp dport $LAB_PORT counter queue to 7
				tcp dport 22 drop
			}
		}
	END
}

undo_nft()
{
	in_ns node1 nft delete table inet ids
}

# queue_by_iptables -A|-D
queue_by_iptables()
{
	in_ns node1 iptables-legacy -w "$1" FORWARD -p tcp --dport "$LAB_PORT" -j NFQUEUE --queue-num 9
}

variant_nft()
{
	lab_up
	queue_by_nft 2>/dev/null || skip "the kernel has no queue of nft"
	undo_nft
	prove --at node1 --break queue_by_nft --undo undo_nft --mention "no program listens" \
		--mention "queue 7" --mention "udp dport $LAB_PORT" --flow "udp poda $POD_C $LAB_PORT"
}

variant_legacy()
{
	lab_up
	need_iptables legacy
	queue_by_iptables -A 2>/dev/null || skip "the kernel has no NFQUEUE"
	queue_by_iptables -D
	prove --at node1 --break "queue_by_iptables -A" --undo "queue_by_iptables -D" \
		--mention "no program listens" --mention "queue 9" --flow "tcp poda $POD_C $LAB_PORT"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# The bridge's own packet filter drops frames between pods.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_nft

drop_in_nft()
{
	in_ns node1 nft -f - <<-END
		table bridge fw {
			chain forward {
				type filter hook forward priority filter;
				udp dport 9999 drop
				ip daddr $POD_B udp dport $LAB_PORT counter drop
			}
		}
	END
}

undo_nft()
{
	in_ns node1 nft delete table bridge fw
}

# ebtables -A|-D
ebtables()
{
	in_ns node1 ebtables-nft "$1" FORWARD -p IPv4 --ip-destination $POD_B -j DROP
}

variant_nft()
{
	lab_up
	prove --at node1 --break drop_in_nft --undo undo_nft --mention "bridge cni0" \
		--mention "udp dport $LAB_PORT" --flow "udp poda $POD_B $LAB_PORT"
}

variant_ebtables()
{
	lab_up
	in_ns wire ebtables-nft -L >/dev/null 2>&1 || skip "no ebtables-nft"
	prove --at node1 --break "ebtables -A" --undo "ebtables -D" --mention "rule 1 of chain FORWARD (ebtables" \
		--flow "tcp poda $POD_B $LAB_PORT"
}

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

drop_in_prerouting()
{
	in_ns node1 nft -f - <<-END
		table bridge fw {
			chain prerouting {
				type filter hook prerouting priority filter;
				udp dport 9999 drop
				ip daddr $POD_B udp dport $LAB_PORT counter drop
			}
		}
	END
}

# A rule about more than this flow stays.
drop_in_map()
{
	in_ns node1 nft -f - <<-END
		table bridge fw {
			map pods {
				type ipv4_addr : verdict
				elements = { $POD_B : drop, 192.0.2.1 : accept }
			}
			chain forward {
				type filter hook forward priority filter;
				udp dport 9999 drop
				ip daddr vmap @pods
			}
		}
	END
}

drop_by_policy()
{
	in_ns node1 nft -f - <<-END
		table bridge fw {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ether type arp accept
			}
		}
	END
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

# br_handle_frame() runs this hook itself. Before 6.7 it frees the packet, too, as it does for other
# reasons: only a program on it tells that a hook did it.
variant_prerouting()
{
	lab_up
	prove --at node1 --break drop_in_prerouting --undo undo_nft --mention "bridge cni0" \
		--mention "udp dport $LAB_PORT" --flow "udp poda $POD_B $LAB_PORT" --with --deep
}

variant_nft_map()
{
	lab_up
	prove --at node1 --break drop_in_map --undo undo_nft --mention "bridge cni0" \
		--mention "ip daddr vmap @pods" --flow "udp poda $POD_B $LAB_PORT"
	[[ $(in_ns node1 nft list table bridge fw) == *"vmap @pods"* ]] || fail "the fix took it away"
}

variant_nft_policy()
{
	lab_up
	prove --at node1 --break drop_by_policy --undo undo_nft --mention "bridge cni0" \
		--flow "udp poda $POD_B $LAB_PORT"
}

variant_ebtables()
{
	lab_up
	in_ns wire ebtables-nft -L >/dev/null 2>&1 || skip "no ebtables-nft"
	prove --at node1 --break "ebtables -A" --undo "ebtables -D" --mention "rule 1 of chain FORWARD (ebtables" \
		--flow "tcp poda $POD_B $LAB_PORT"
}

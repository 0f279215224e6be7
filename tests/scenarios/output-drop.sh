# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# What a process on the node, or in a pod's own namespace, sends to the cluster is dropped there.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_node

# rule legacy|nft NAME -A|-D PROTO
rule()
{
	in_ns "$2" "iptables-$1" -w "$3" OUTPUT -p "$4" -d 10.244.0.0/16 -j DROP
}

drop_in_pod()
{
	in_ns poda nft -f - <<-END
		table inet sidecar {
			chain output {
				type filter hook output priority filter;
				udp dport $LAB_PORT counter drop
			}
		}
	END
}

undo_in_pod()
{
	in_ns poda nft delete table inet sidecar
}

variant_node()
{
	lab_up
	need_iptables legacy
	prove --at node1 --break "rule legacy node1 -A tcp" --undo "rule legacy node1 -D tcp" \
		--mention "rule 1 of chain OUTPUT" --flow "tcp node1 $POD_C $LAB_PORT"
}

variant_iptables_nft()
{
	lab_up
	need_iptables nft
	prove --at node1 --break "rule nft node1 -A icmp" --undo "rule nft node1 -D icmp" \
		--mention iptables-nft --flow "icmp node1 $POD_A"
}

variant_pod()
{
	lab_up
	prove --at poda --break drop_in_pod --undo undo_in_pod --mention "sidecar" \
		--flow "udp poda $POD_B $LAB_PORT"
}

# What must not leave the cluster is dropped rightly.
variant_elsewhere()
{
	lab_up
	in_ns node1 nft -f - <<-END
		table ip fw {
			chain output {
				type filter hook output priority filter;
				ip daddr { $OUTSIDE, 169.254.169.254 } drop
			}
		}
	END
	judge_start
	flows_die 1.2 "tcp node1 $OUTSIDE $LAB_PORT" "udp node1 $OUTSIDE $LAB_PORT"
	judge_stop
	report none
}

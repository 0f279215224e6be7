# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# Conntrack sees the answers only, and a rule drops what it calls invalid.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_kube_proxy

# The questions pass untracked, as if they took another way.
see_answers_only()
{
	in_ns node1 nft -f - <<-END
		table ip asymmetric {
			chain prerouting {
				type filter hook prerouting priority raw;
				iifname "cni0" ip daddr $POD_C notrack
			}
		}
	END
}

undo_answers_only()
{
	in_ns node1 nft delete table ip asymmetric
}

variant_kube_proxy()
{
	lab_up
	need_iptables legacy
	in_ns node1 iptables-legacy-restore -w -n <<-END
		*filter
		:KUBE-FORWARD - [0:0]
		-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
		-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
		COMMIT
	END
	prove_invalid KUBE-FORWARD
}

# prove_nft MATCH
prove_nft()
{
	lab_up
	in_ns node1 nft -f - <<-END
		table inet fw {
			chain forward {
				type filter hook forward priority filter;
				$1 drop
			}
		}
	END
	prove_invalid "$1"
}

variant_nft()
{
	prove_nft "ct state invalid"
}

variant_nft_one_of_two()
{
	prove_nft "ct state { invalid, related }"
}

prove_invalid()
{
	# The server would go on answering what is over.
	lab_sysctl podc net.ipv4.tcp_synack_retries=0
	prove --at node1 --break see_answers_only --undo undo_answers_only --mention "$1" \
		--mention "SYN,ACK" --flow "tcp poda $POD_C $LAB_PORT"
}

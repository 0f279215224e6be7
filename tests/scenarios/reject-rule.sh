# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A rule refuses: the sender sees "Connection refused" or "No route to host" at once.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_legacy

# rule TOOL -A|-D CHAIN ARGUMENTS…
rule()
{
	in_ns node1 "$1" -w "$2" "$3" "${@:4}"
}

reject_like_firewalld()
{
	in_ns node1 nft -f - <<-END
		table inet firewalld {
			chain filter_FORWARD {
				type filter hook forward priority filter + 10;
				ct state { established, related } accept
				iifname "lo" accept
				reject with icmpx admin-prohibited
			}
		}
	END
}

undo_firewalld()
{
	in_ns node1 nft delete table inet firewalld
}

variant_legacy()
{
	lab_up
	need_iptables legacy
	local rule="FORWARD -p tcp --dport $LAB_PORT -j REJECT --reject-with tcp-reset"
	prove --at node1 --break "rule iptables-legacy -A $rule" --undo "rule iptables-legacy -D $rule" \
		--mention "tcp-reset" --flow "tcp poda $POD_C $LAB_PORT"
}

variant_ip6()
{
	lab_up
	need_iptables nft
	local rule="FORWARD -p udp --dport $LAB_PORT -j REJECT"
	prove --at node1 --break "rule ip6tables-nft -A $rule" --undo "rule ip6tables-nft -D $rule" \
		--mention "icmp6-port-unreachable" --flow "udp poda $POD_C6 $LAB_PORT"
}

variant_firewalld()
{
	lab_up
	prove --at node1 --break reject_like_firewalld --undo undo_firewalld --mention firewalld \
		--mention "admin-prohibited" --flow "tcp poda $OUTSIDE $LAB_PORT"
}

# What nft does not print: the default.
reject_by_default()
{
	in_ns node1 nft -f - <<-END
		table inet fw {
			chain forward {
				type filter hook forward priority filter;
				udp dport $LAB_PORT counter reject
			}
		}
	END
}

undo_default()
{
	in_ns node1 nft delete table inet fw
}

variant_default()
{
	lab_up
	prove --at node1 --break reject_by_default --undo undo_default --mention "port-unreachable" \
		--flow "udp poda $OUTSIDE $LAB_PORT" --flow "udp poda $POD_C6 $LAB_PORT"
}

# Drop and reject are told apart, and what was sent.
variant_verdicts()
{
	lab_up
	in_ns node1 nft -f - <<-END
		table inet fw {
			chain forward {
				type filter hook forward priority filter;
				udp dport 7001 drop
				udp dport 7002 reject
				udp dport 7003 reject with icmpx admin-prohibited
			}
		}
	END
	trace_start --netns "$LAB-node1"
	flows_die 0.6 "udp poda $POD_C 7001" "udp poda $POD_C 7002" "udp poda $POD_C6 7003"
	trace_stop
	local verdicts
	verdicts=$(query '.drops[] | ours | select(.rule and .flow.dport) |
		"\(.flow.dport) \(.rule.verdict) \(.rule.sent // "nothing")"' | sort -u)
	[[ $verdicts == "7001 drop nothing
7002 reject icmp port-unreachable
7003 reject icmpv6 admin-prohibited" ]] || fail "wrong verdicts: $verdicts"
}

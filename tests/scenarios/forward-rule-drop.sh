# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A rule drops packets of pods on their way through the node.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_legacy

# rule TOOL -A|-D TABLE CHAIN MATCH…
rule()
{
	in_ns node1 "$1" -w -t "$3" "$2" "$4" "${@:5}" -j DROP
}

drop_in_set()
{
	in_ns node1 nft -f - <<-END
		table inet fw {
			set blocked {
				type ipv4_addr . inet_proto . inet_service
				elements = { $POD_C . tcp . $LAB_PORT, $POD_B . tcp . 81 }
			}
			chain blocklist {
				ip daddr . meta l4proto . th dport @blocked counter drop
			}
			chain forward {
				type filter hook forward priority filter;
				jump blocklist
			}
		}
	END
}

undo_set()
{
	in_ns node1 nft delete table inet fw
}

variant_legacy()
{
	lab_up
	need_iptables legacy
	prove --at node1 --break "rule iptables-legacy -A filter FORWARD -p tcp --dport $LAB_PORT" \
		--undo "rule iptables-legacy -D filter FORWARD -p tcp --dport $LAB_PORT" \
		--mention "rule 1 of chain FORWARD" --mention iptables-legacy --flow "tcp poda $POD_C $LAB_PORT"
}

variant_mangle6()
{
	lab_up
	need_iptables nft
	prove --at node1 --break "rule ip6tables-nft -A mangle PREROUTING -p udp --dport $LAB_PORT" \
		--undo "rule ip6tables-nft -D mangle PREROUTING -p udp --dport $LAB_PORT" \
		--mention "table mangle" --flow "udp poda $POD_C6 $LAB_PORT"
}

# The answers only: connections that are under way.
variant_answers()
{
	lab_up
	need_iptables nft
	prove --at node1 --break "rule iptables-nft -A filter FORWARD -p udp --sport $LAB_PORT" \
		--undo "rule iptables-nft -D filter FORWARD -p udp --sport $LAB_PORT" \
		--mention "rule 1 of chain FORWARD" --flow "udp poda $POD_C $LAB_PORT"
}

variant_set()
{
	lab_up
	prove --at node1 --break drop_in_set --undo undo_set --mention "chain blocklist" \
		--mention @blocked --flow "tcp poda $POD_C $LAB_PORT"
}

# The cloud's metadata service is kept from pods everywhere.
variant_metadata()
{
	lab_up
	in_ns node1 nft -f - <<-END
		table ip fw {
			chain forward {
				type filter hook forward priority filter;
				ip daddr 169.254.169.254 drop
			}
		}
	END
	judge_start
	flows_die 1.2 "tcp poda 169.254.169.254 80"
	judge_stop
	report none
}

# The packet that dies is one to the pod; the entry says that it was for a Service.
variant_service()
{
	local entry
	lab_up
	lab_service tcp 80 $POD_C $LAB_PORT
	in_ns node1 nft -f - <<-END
		table ip fw {
			chain prerouting {
				type filter hook prerouting priority raw
				ip daddr $VIP ct zone set 7
			}
			chain forward {
				type filter hook forward priority filter
				ct zone 7 tcp dport $LAB_PORT drop
			}
		}
	END
	trace_start --netns "$LAB-node1"
	flows_die 1.2 "tcp poda $VIP 80"
	trace_stop
	report finding --fault forward-rule-drop --status confirmed --inode "$(lab_inode node1)" --name "$LAB-node1"
	entry=$(query '.drops[] | ours | select(.class == "fault") | .conntrack' -c)
	note "$entry"
	[[ $(jq -r '.state' <<<"$entry") == new ]] || fail "not a new connection: $entry"
	# A module's entry cannot be read without its types.
	[[ -e /sys/kernel/btf/nf_conntrack || ! -e /sys/module/nf_conntrack ]] || return 0
	jq -e --arg vip $VIP --arg pod $POD_C --arg port $LAB_PORT '.zone == 7 and (.reply_direction | not) and
		(.status | index("DST_NAT")) and .original.dst == $vip and .original.dport == 80 and
		.reply.src == $pod and .reply.sport == ($port | tonumber)' <<<"$entry" >/dev/null || fail "wrong: $entry"
}

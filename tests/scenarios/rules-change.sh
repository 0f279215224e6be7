# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# Rules change between a drop and their reading, or while they are read: what is named is what dropped the
# packet, or the report says that they changed. Without programs on hook functions, all is deduced.

# A rule that such packets match, and that comes ahead of the one that dropped them.
inserted()
{
	kill -STOP "$TRACE_PID"
	flows_die 0.5 "udp node1 $POD_C $LAB_PORT"
	"$@"
	kill -CONT "$TRACE_PID"
	trace_stop
	[[ $(query '[.drops[] | ours | select(.hook == "output" and .flow.proto == "udp")] | length') != 0 ]] || fail "no drop was seen"
}

# No finding is confirmed that says a rule dropped them which came only then.
none_confirmed()
{
	query 'any(.findings[]; .status == "confirmed") | not' -e >/dev/null ||
		fail "confirmed: $(query '.findings[] | {id, status, evidence}' -c)"
}

# The right rule, or none and why.
named_right()
{
	query 'all(.drops[] | ours | select(.hook == "output" and .flow.proto == "udp");
		if .rule then .rule.text | contains("/32") else .rule_unknown | contains("changed") end)' -e >/dev/null ||
		fail "not the rule that dropped them: $(query '.drops[] | ours | {rule, rule_unknown}' -c)"
}

variant_legacy()
{
	lab_up
	need_iptables legacy
	in_ns node1 iptables-legacy -w -A OUTPUT -d $POD_C/32 -p udp --dport "$LAB_PORT" -j DROP
	export WHYDROP_TEST=rung=stack
	trace_start --netns "$LAB-node1"
	inserted in_ns node1 iptables-legacy -w -I OUTPUT -d 10.244.0.0/16 -p udp -j DROP
	named_right
	query 'all(.findings[] | select(.status == "confirmed") | .evidence[] | select(.check == "rule"); .value | contains("/32"))' -e >/dev/null ||
		fail "confirmed: $(query '.findings[] | {id, status, evidence}' -c)"
}

nft_output()
{
	in_ns node1 nft -f - <<-END
		table ip fw {
			chain output {
				type filter hook output priority 0
				ip daddr $POD_C udp dport $LAB_PORT $1 drop
			}
		}
	END
}

# What counts shows that it has not.
variant_nft_counter()
{
	lab_up
	nft_output counter
	export WHYDROP_TEST=rung=stack
	trace_start --netns "$LAB-node1"
	inserted in_ns node1 nft insert rule ip fw output ip daddr 10.244.0.0/16 meta l4proto udp counter drop
	query 'all(.drops[] | ours | select(.hook == "output" and .flow.proto == "udp"); .rule == null and (.rule_unknown | contains("changed")))' -e >/dev/null ||
		fail "not known to have changed: $(query '.drops[] | ours | {rule, rule_unknown}' -c)"
	none_confirmed
}

# A ruleset that was there before the trace, and has not changed: nothing is in doubt.
variant_unchanged()
{
	lab_up
	nft_output ''
	export WHYDROP_TEST=rung=stack
	trace_start --netns "$LAB-node1"
	inserted true
	query 'all(.drops[] | ours | select(.hook == "output" and .flow.proto == "udp"); .rule.chain == "output" and ((.rule.why // "") | contains("changed") | not))' -e >/dev/null ||
		fail "in doubt: $(query '.drops[] | ours | {rule, rule_unknown}' -c)"
}

# What does not count may have been there.
variant_nft()
{
	lab_up
	nft_output ''
	export WHYDROP_TEST=rung=stack
	trace_start --netns "$LAB-node1"
	inserted in_ns node1 nft insert rule ip fw output ip daddr 10.244.0.0/16 meta l4proto udp drop
	query 'all(.drops[] | ours | select(.hook == "output" and .flow.proto == "udp");
		((.rule.why // .rule_unknown) | contains("changed")) and (.rule == null or .rule.unsure))' -e >/dev/null ||
		fail "does not say that it changed: $(query '.drops[] | ours | {rule, rule_unknown}' -c)"
	none_confirmed
}

# die_until PATTERN FLOW: its packets die until whydrop's log has it, or for half a minute
die_until()
{
	local round
	for ((round = 0; round < 30; round++)); do
		flows_die 1.2 "$2"
		! grep -q "$1" "$LAB_DIR/trace.err" || break
	done
}

# Another packet tells whether the rule there now drops them.
variant_next_drop()
{
	lab_up
	nft_output ''
	export WHYDROP_TEST=rung=stack
	trace_start -v --netns "$LAB-node1"
	kill -STOP "$TRACE_PID"
	flows_die 0.5 "udp node1 $POD_C $LAB_PORT"
	in_ns node1 nft insert rule ip fw output ip daddr 10.244.0.0/16 meta l4proto udp drop
	kill -CONT "$TRACE_PID"
	wait_for 60 grep -q 'rule known .*unsure' "$LAB_DIR/trace.err" || fail "no rule that may be newer"
	die_until 'rule known .*deduced' "udp node1 $POD_C $LAB_PORT"
	trace_stop
	query 'any(.findings[]; .status == "confirmed" and (.evidence[] | select(.check == "rule").value | contains("10.244.0.0/16")))' -e >/dev/null ||
		fail "not confirmed: $(query '.findings[] | {id, status, evidence}' -c)"
}

# As often as a reading is tried.
spoiled()
{
	(($(in_ns node1 nft list chain ip other c | grep -c counter) >= 3))
}

# So that nothing that changes is missed, it changes with each reading.
variant_while_it_is_read()
{
	local tool
	lab_up
	need_iptables nft
	tool=$(command -v iptables-nft-save)
	in_ns node1 iptables-nft -w -A FORWARD -p udp --dport "$LAB_PORT" -j DROP
	in_ns node1 nft add table ip other
	in_ns node1 nft add chain ip other c
	mkdir "$LAB_DIR/bin"
	printf '#!/bin/sh\n[ ! -e %q ] || nft add rule ip other c counter\nexec %q "$@"\n' "$LAB_DIR/changes" "$tool" \
		>"$LAB_DIR/bin/iptables-nft-save"
	chmod +x "$LAB_DIR/bin/iptables-nft-save"
	touch "$LAB_DIR/changes"
	export WHYDROP_TEST=rung=stack
	PATH=$LAB_DIR/bin:$PATH trace_start -v --netns "$LAB-node1"
	flows_die 1.2 "udp poda $POD_C $LAB_PORT"
	wait_for 60 spoiled || fail "the rules are not read again while they change"
	! grep -q 'rule known' "$LAB_DIR/trace.err" || fail "the rule is known though the rules changed"
	rm "$LAB_DIR/changes"
	die_until 'rule known' "udp poda $POD_C $LAB_PORT"
	trace_stop
	query 'any(.drops[] | ours; .rule.chain == "FORWARD" and .rule.number == 1)' -e >/dev/null ||
		fail "no rule: $(query '.drops[] | ours | {rule, rule_unknown}' -c)"
}

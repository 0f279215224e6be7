# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# Every drop is in the report, and seen = counted + uncounted + filtered (checked for each report).

# packets_to ADDRESS PORT: of all drops of that flow in this lab
packets_to()
{
	# shellcheck disable=SC2016 # jq's variables
	query '[.drops[] | ours | select(.flow.dst == $dst and .flow.dport == $port) | .packets] | add // 0' \
		--arg dst "$1" --argjson port "$2"
}

# about GOT SENT: no more than was sent, and hardly less
about()
{
	note "dropped $1 of $2 sent"
	(($1 <= $2 && $1 >= $2 - $2 / 20)) || fail "counted $1 drops of $2 packets"
}

variant_exact()
{
	lab_up
	trace_start
	traffic flood poda $POD_B 9 --count 1000 --pause 0.001 --deadline 60 >"$LAB_DIR/sent"
	trace_stop
	[[ $(<"$LAB_DIR/sent") == 1000 ]] || fail "not sent: $(<"$LAB_DIR/sent")"
	[[ $(packets_to $POD_B 9) == 1000 ]] || fail "$(packets_to $POD_B 9) drops of 1000 packets"
}

variant_flood()
{
	local sent
	lab_up
	trace_start
	sent=$(traffic flood poda $POD_B 9 --deadline 3)
	trace_stop
	((sent > 10000)) || fail "the flood was only $sent packets"
	about "$(packets_to $POD_B 9)" "$sent"
	[[ $(query .accounting.uncounted) == 0 ]] || fail "one flow overflowed something"
	report none
}

variant_flood6()
{
	local sent
	lab_up
	trace_start
	sent=$(traffic flood poda $POD_B6 9 --deadline 2)
	trace_stop
	about "$(packets_to $POD_B6 9)" "$sent"
}

# More groups than samples, and perhaps than the table holds: a scan of all ports.
variant_scan()
{
	local sent pod pid pids=()
	lab_up
	trace_start
	for pod in $POD_B $POD_C; do
		traffic scan poda $pod --deadline 60 >>"$LAB_DIR/sent" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "the scan failed"
	done
	trace_stop
	sent=$(awk '{ n += $1 } END { print n }' "$LAB_DIR/sent")
	note "$(query '.drops | length') groups for $sent packets; $(query .accounting -c)"
	(($(query '.accounting.counted + .accounting.uncounted') >= sent)) ||
		fail "lost: $(query .accounting -c), $sent sent"
	report none
}

# By itself, without a signal, after the time that was asked for.
variant_duration()
{
	local sent seconds
	lab_up
	trace_start --duration 2s
	sent=$(traffic flood poda $POD_B 9 --deadline 1)
	trace_end
	about "$(packets_to $POD_B 9)" "$sent"
	seconds=$(query .window.seconds)
	jq -en "$seconds >= 2 and $seconds < 2 + ${LAB_OK_DEADLINE:-6}" >/dev/null || fail "traced for $seconds s, not 2"
}

# The flow map is full: the rest is counted by reason, place and netns, and the report says so.
variant_folded()
{
	lab_up
	WHYDROP_TEST=flows=16 trace_start
	traffic scan poda $POD_B --deadline 60 >"$LAB_DIR/sent"
	trace_stop
	(($(query .accounting.folded) > 0)) || fail "nothing folded: $(query .accounting -c)"
	(($(query .accounting.counted) >= $(<"$LAB_DIR/sent"))) || fail "lost: $(query .accounting -c)"
	report none
}

# Both maps are full: uncounted, and the identity still holds.
variant_uncounted()
{
	lab_up
	WHYDROP_TEST=flows=1,folds=1 trace_start
	traffic scan poda $POD_B --deadline 60 >"$LAB_DIR/sent"
	traffic flood poda $POD_C 9 --count 20 >/dev/null
	traffic scan podb $POD_C --deadline 60 >>"$LAB_DIR/sent"
	trace_stop
	(($(query .accounting.uncounted) > 0)) || fail "nothing uncounted: $(query .accounting -c)"
}

# A ring of one page holds few samples: those that are lost are counted.
variant_lost_samples()
{
	lab_up
	WHYDROP_TEST=ring=4096 trace_start
	kill -STOP "$TRACE_PID"
	traffic scan poda $POD_B --deadline 60 >"$LAB_DIR/sent"
	kill -CONT "$TRACE_PID"
	trace_stop
	(($(query .accounting.samples.lost) > 0)) || fail "no sample lost: $(query .accounting -c)"
	(($(query .accounting.counted) >= $(<"$LAB_DIR/sent"))) || fail "lost: $(query .accounting -c)"
}

# After a scan has filled the flow map, a fault is found all the same.
variant_fault_after_scan()
{
	lab_up
	WHYDROP_TEST=flows=16 trace_start
	traffic scan poda $POD_B --deadline 60 >/dev/null
	lab_sysctl node1 net.ipv4.ip_forward=0
	! traffic udp poda $POD_C $LAB_PORT --deadline 1 2>/dev/null || fail "it forwards"
	trace_stop
	(($(query .accounting.folded) > 0)) || fail "nothing folded: $(query .accounting -c)"
	[[ $(query '[.findings[] | ours | select(.status == "confirmed") | .fault] | unique | .[]') == ip-forward-off ]] ||
		fail "findings: $(query .findings -c)"
}

# And when there is no room to count it at all.
variant_fault_uncounted()
{
	lab_up
	WHYDROP_TEST=flows=1,folds=1 trace_start
	traffic scan poda $POD_B --deadline 60 >/dev/null
	lab_sysctl node1 net.ipv4.ip_forward=0
	# more often than uncounted packets are sampled: those count as their group's
	! traffic udp poda $POD_C $LAB_PORT --deadline 1 --interval 0.002 2>/dev/null || fail "it forwards"
	trace_stop
	(($(query .accounting.uncounted) > 0)) || fail "nothing uncounted: $(query .accounting -c)"
	[[ $(query '[.findings[] | ours | select(.status == "confirmed") | .fault] | unique | .[]') == ip-forward-off ]] ||
		fail "findings: $(query .findings -c)"
	(($(query '.findings[] | ours | select(.fault == "ip-forward-off") | .packets') > 0)) ||
		fail "no packets: $(query .findings -c)"
}

# So many connections at once find nobody that not each of their retransmits is looked at: said, and no
# silence is excluded then.
variant_lost_retransmits()
{
	lab_up
	in_ns podc nft -f - <<-END
		table inet fw {
			chain input {
				type filter hook input priority filter;
				tcp dport 81 drop
			}
		}
	END
	assert_start --netns "$LAB-poda" --forbid fault=vxlan-blocked --forbid location=none
	in_ns poda "$PYTHON" - $POD_C <<-END
		import socket, sys, time
		connections = [socket.socket() for _ in range(900)]
		for s in connections:
		    s.setblocking(False)
		    s.connect_ex((sys.argv[1], 81))
		time.sleep(2)
	END
	kill -INT "$TRACE_PID"
	run_end 4
	(($(query .accounting.samples.retransmits_lost) > 0)) || fail "none lost: $(query .accounting -c)"
	[[ $(query '[.assert.expressions[].verdict] | join(" ")') == "inconclusive held" ]] ||
		fail "$(query .assert -c)"
}

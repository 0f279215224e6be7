# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# Each rung of the ladder finds the same fault, and the report says on which one it stands.

# one_rung RUNG
one_rung()
{
	lab_up
	lab_sysctl node1 net.ipv4.ip_forward=0
	WHYDROP_TEST=rung=$1 trace_start
	flows_die 1.2 "tcp poda $POD_C $LAB_PORT" "udp poda $POD_C $LAB_PORT"
	trace_stop
	[[ $(query '.probes[] | select(.name == "kfree_skb") | .how') == "$1" ]] ||
		fail "not on $1: $(query .probes -c)"
	[[ $(query '.probes[] | select(.name == "tcp_retransmit_skb") | .how') == "$1" ]] ||
		fail "not on $1: $(query .probes -c)"
	[[ $(query '[.findings[] | ours | select(.fault == "ip-forward-off") | .status] | unique | .[]') == confirmed ]] ||
		fail "findings: $(query .findings -c)"
}

variant_tp_btf()
{
	one_rung tp_btf
}

variant_raw_tp()
{
	one_rung raw_tp
}

variant_tracepoint()
{
	local mounts
	mounts=$(grep -c tracefs /proc/mounts || true)
	one_rung tracepoint
	[[ $(grep -c tracefs /proc/mounts || true) == "$mounts" ]] || fail "tracefs is left mounted"
}

# A probe that the kernel refuses on every rung stops no other one.
variant_refused()
{
	lab_up
	lab_sysctl node1 net.ipv4.ip_forward=0
	WHYDROP_TEST=refuse=tcp_retransmit_skb trace_start
	flows_die 1.2 "tcp poda $POD_C $LAB_PORT" "udp poda $POD_C $LAB_PORT"
	trace_stop
	[[ $(probe_how tcp_retransmit_skb) == off ]] || fail "not refused: $(query .probes -c)"
	[[ $(query '.probes[] | select(.name == "tcp_retransmit_skb") | .note') == "no tp_btf ("*"no raw_tp ("*"no tracepoint ("* ]] ||
		fail "it does not say why: $(query .probes -c)"
	[[ $(probe_how kfree_skb) == tp_btf ]] || fail "kfree_skb: $(probe_how kfree_skb)"
	[[ $(query '[.findings[] | ours | select(.fault == "ip-forward-off") | .status] | unique | .[]') == confirmed ]] ||
		fail "findings: $(query .findings -c)"
}

# A real-time kernel whose ring buffer may not be used: counted exactly, nothing sampled, and no verdict
# that hangs on samples. Its own, or one that is taken for such.
variant_real_time()
{
	[[ -e /sys/kernel/realtime ]] || export WHYDROP_TEST=realtime
	lab_up
	lab_sysctl node1 net.ipv4.ip_forward=0
	trace_start --netns "$LAB-node1"
	traffic flood poda $POD_C 9 --count 100
	trace_stop
	[[ $(query .window.no_samples) == true ]] || fail "the report does not say so: $(query .window -c)"
	[[ $(query .accounting.samples.sent) == 0 ]] || fail "there are samples: $(query .accounting -c)"
	# shellcheck disable=SC2016 # jq's variables
	[[ $(query '[.drops[] | select(.flow.dst == $dst and .flow.dport == 9) | .packets] | add' --arg dst $POD_C) == 100 ]] ||
		fail "not 100 drops: $(query .drops -c)"
	report none
	[[ $(verdict_of_forbidden_fault) == 4 ]] || fail "it is taken for sure"
}

verdict_of_forbidden_fault()
{
	local status=0
	"$WHYDROP" assert -q --netns "$LAB-node1" --forbid fault=ip-forward-off -- \
		ip netns exec "$LAB-poda" "$TRAFFIC" flood $POD_C 9 --count 3 >"$LAB_DIR/out" 2>&1 || status=$?
	echo $status
}

# Without CAP_SYSLOG the kernel hides its addresses: reasons must do, and the report says so.
variant_hidden_addresses()
{
	lab_up
	hide_addresses
	lab_sysctl node1 net.ipv4.ip_forward=0
	trace_start
	flows_die 1.2 "udp poda $POD_C $LAB_PORT"
	trace_stop
	[[ $(query '[.drops[].location] | unique | .[]') == "(address hidden)" ]] ||
		fail "locations: $(query '[.drops[].location] | unique' -c)"
	[[ $(query '[.drops[].reason] | unique | .[]') != NOT_SPECIFIED ]] ||
		skip "this kernel gives no reasons, so without addresses nothing is left to go by"
	[[ $(query '[.findings[] | ours | .fault + " " + .status] | unique | .[]') == "ip-forward-off confirmed" ]] ||
		fail "findings: $(query .findings -c)"
}

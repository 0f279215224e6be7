# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Two SYNs of one connection are held by an NFQUEUE program. Conntrack knows neither when it lets go of
# them, and confirms the first one.

HOLD_PID=

clash_exit()
{
	[[ ! $HOLD_PID ]] || kill "$HOLD_PID" 2>/dev/null
	scenario_exit
}

hold_is_ready()
{
	[[ -s $LAB_DIR/hold ]] || ! kill -0 "$HOLD_PID"
}

# prove_clash [OPTION]… of whydrop
prove_clash()
{
	lab_up
	need_iptables legacy
	# shellcheck disable=SC2034 # scripts/lab.sh calls it
	LAB_EXIT_HOOK=clash_exit
	flows_live "tcp poda $POD_C $LAB_PORT"
	in_ns node1 iptables-legacy -w -A FORWARD -p tcp --syn -j NFQUEUE --queue-num 7 2>/dev/null ||
		skip "the kernel has no NFQUEUE"
	in_ns node1 "$PYTHON" "$LAB_ROOT/tests/lib/hold_packets.py" 7 2 >"$LAB_DIR/hold" &
	HOLD_PID=$!
	wait_for 30 hold_is_ready
	[[ -s $LAB_DIR/hold ]] || skip "the kernel has no nfnetlink_queue"
	trace_start --netns "$LAB-node1" "$@"
	# the second SYN comes a second later
	flows_live "tcp poda $POD_C $LAB_PORT"
	trace_stop
	# Older kernels gave the second one the first one's entry (nf_conntrack_update()).
	in_ns node1 conntrack -S | grep -qw 'drop=[1-9][0-9]*' || skip "this kernel's NFQUEUE lets no packets clash"
	report finding --fault conntrack-clash --status confirmed --inode "$(lab_inode node1)" \
		--name "$LAB-node1" --mention "another packet" --mention "$POD_C:$LAB_PORT"
	[[ $(query '.drops[] | ours | select(.class == "fault") | .process | tostring') == null ]] ||
		fail "who let it go is called its sender"
	in_ns node1 iptables-legacy -w -F FORWARD
	trace_start --netns "$LAB-node1"
	flows_live "tcp poda $POD_C $LAB_PORT"
	trace_stop
	report none
}

variant_nfqueue()
{
	prove_clash
}

# A probe sees whose verdict it is.
variant_deep()
{
	prove_clash --deep
}

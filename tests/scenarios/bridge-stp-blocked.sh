# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A bridge port whose state is not forwarding: set by hand, or held back by the spanning tree.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_disabled

set_state()
{
	bridge -n "$LAB-node1" link set dev "$1" state "$2"
}

# With the spanning tree off the kernel takes a port out of blocking by itself.
variant_disabled()
{
	lab_up
	prove --break "set_state vetha 0" --undo "set_state vetha 3" --at node1 \
		--mention vetha --mention disabled \
		--flow "tcp poda $POD_C $LAB_PORT" --flow "udp poda $POD_B $LAB_PORT"
}

# Its ports are disabled then, and setting them to forwarding would mend nothing but the way between them.
variant_bridge_down()
{
	lab_up
	prove --break "ip -n $LAB-node1 link set cni0 down" --undo "ip -n $LAB-node1 link set cni0 up" \
		--at node1 --mention "cni0 of $LAB-node1 is down" --flow "udp poda $POD_B $LAB_PORT" \
		--flow "tcp poda $POD_C $LAB_PORT"
}

# With the spanning tree off, too, a timer runs for a port that came up, and takes it out of learning.
stop_timer()
{
	ip -n "$LAB-node1" link set vetha down
	ip -n "$LAB-node1" link set cni0 type bridge forward_delay 0
	ip -n "$LAB-node1" link set vetha up
}

variant_learning()
{
	lab_up
	stop_timer
	prove --break "set_state vetha 2" --undo "set_state vetha 3" --at node1 \
		--mention vetha --mention learning --flow "tcp poda $POD_C6 $LAB_PORT"
}

# Nothing comes from the port itself: its answers would, but no question gets there.
variant_egress()
{
	lab_up
	prove --break "set_state vethb 0" --undo "set_state vethb 3" --at node1 \
		--mention vethb --mention disabled --in node1 --in poda --seconds 4 \
		--flow "udp poda $POD_B $LAB_PORT"
}

# shellcheck disable=SC2317 # called by its name
restart_with_stp()
{
	ip -n "$LAB-node1" link set vetha down
	ip -n "$LAB-node1" link set cni0 type bridge stp_state 1 forward_delay 3000
	ip -n "$LAB-node1" link set vetha up
}

# shellcheck disable=SC2317
stop_stp()
{
	ip -n "$LAB-node1" link set cni0 type bridge stp_state 0
	set_state vetha 3
}

# A pod that starts on a bridge with a spanning tree has no network for half a minute.
variant_starting()
{
	lab_up
	prove --break restart_with_stp --undo stop_stp --at node1 --status suspected --seconds 4.5 \
		--mention vetha --mention "spanning tree" --flow "tcp poda $POD_B $LAB_PORT"
}

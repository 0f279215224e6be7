# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# One device on the way between two pods of a node is smaller than what they send.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_bridge

# set_mtu NAME DEVICE MTU
set_mtu()
{
	ip -n "$LAB-$1" link set "$2" mtu "$3"
}

# prove_mtu NAME DEVICE FLOW
prove_mtu()
{
	prove --break "set_mtu $1 $2 1300" --undo "set_mtu $1 $2 1450" --at "$1" \
		--mention "$2" --mention 1300 --mention 1450 --flow "$3 --size 1400"
}

# Into the port's device: the bridge finds it too small.
variant_bridge()
{
	lab_up
	prove_mtu node1 vetha "udp podb $POD_A $LAB_PORT"
}

# Out of the pod into the same device: its other end does.
variant_from_pod()
{
	lab_up
	prove_mtu node1 vetha "udp poda $POD_B $LAB_PORT"
}

# The pod's own end is the small one.
variant_into_pod()
{
	lab_up
	prove_mtu poda eth0 "udp podb $POD_A $LAB_PORT"
}

# What is yet to be segmented passes, and what fits does.
variant_tcp6()
{
	lab_up
	prove_mtu node1 vetha "udp podb $POD_A6 $LAB_PORT"
	expect_ok tcp podb $POD_A6 $LAB_PORT
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# Ports of a bridge that may not talk to each other, or get nothing that was not learned.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_isolated

set_ports()
{
	local port
	for port in vetha vethb; do
		bridge -n "$LAB-node1" link set dev $port "$@"
	done
}

forget()
{
	ip -n "$LAB-poda" neigh flush dev eth0
	ip -n "$LAB-podb" neigh flush dev eth0
}

# The pods know each other's address still.
variant_isolated()
{
	lab_up
	prove --break "set_ports isolated on" --undo "set_ports isolated off" --at node1 \
		--mention vetha --mention vethb --mention isolated \
		--flow "tcp poda $POD_B $LAB_PORT" --flow "udp podb $POD_A $LAB_PORT"
}

isolate_and_forget()
{
	set_ports isolated on
	forget
}

# They do not, and the question for it is lost without a drop.
variant_isolated_unresolved()
{
	lab_up
	prove --break isolate_and_forget --undo "set_ports isolated off" --at node1 --seconds 4 \
		--mention vetha --mention vethb --mention isolated --flow "tcp poda $POD_B $LAB_PORT"
}

no_flood()
{
	bridge -n "$LAB-node1" link set dev vetha learning off flood off
	ip -n "$LAB-node1" link set cni0 type bridge fdb_flush
}

variant_flood()
{
	lab_up
	prove --break no_flood --undo "bridge -n $LAB-node1 link set dev vetha learning on flood on" --at node1 \
		--mention flood --mention vetha --in node1 --flow "udp podb $POD_A $LAB_PORT"
}

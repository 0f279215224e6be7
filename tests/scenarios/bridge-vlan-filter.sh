# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A bridge that filters VLANs, and a port of it that is not in the one it should be.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_ingress

lab_with_filter()
{
	lab_up
	ip -n "$LAB-node1" link set cni0 type bridge vlan_filtering 1 2>/dev/null ||
		skip "the kernel's bridges filter no VLANs"
}

vlan()
{
	bridge -n "$LAB-node1" vlan "$@"
}

# Everything on the bridge is in VLAN 7, not in the default 1.
move_to_vlan_7()
{
	local dev
	for dev in vetha vethb; do
		vlan del dev $dev vid 1
		vlan add dev $dev vid 7 pvid untagged
	done
	vlan del dev cni0 vid 1 self
	vlan add dev cni0 vid 7 pvid untagged self
}

variant_ingress()
{
	lab_with_filter
	prove --break "vlan del dev vetha vid 1" --undo "vlan add dev vetha vid 1 pvid untagged" \
		--at node1 --mention vetha --mention "VLAN 1" \
		--flow "tcp poda $POD_C $LAB_PORT" --flow "udp poda $POD_B $LAB_PORT"
}

# All that tells which VLAN it should be is the others'.
variant_other_vlan()
{
	lab_with_filter
	move_to_vlan_7
	prove --break "vlan del dev vetha vid 7" --undo "vlan add dev vetha vid 7 pvid untagged" \
		--at node1 --mention vetha --mention "VLAN 7" --flow "tcp poda $POD_C6 $LAB_PORT"
}

# Seen from the other side, a pod that answers only.
variant_egress()
{
	lab_with_filter
	prove --break "vlan del dev vethb vid 1" --undo "vlan add dev vethb vid 1 pvid untagged" \
		--at node1 --mention vethb --mention "VLAN 1" --in node1 --in poda --seconds 4 \
		--flow "tcp poda $POD_B $LAB_PORT"
}

# The bridge itself: no pod reaches its gateway, and the node no pod.
variant_self()
{
	lab_with_filter
	prove --break "vlan del dev cni0 vid 1 self" --undo "vlan add dev cni0 vid 1 pvid untagged self" \
		--at node1 --mention cni0 --mention "VLAN 1" --seconds 4 \
		--flow "tcp poda $POD_C $LAB_PORT" --flow "icmp node1 $POD_A"
}

# A pod that tags its packets.
variant_tagged()
{
	lab_with_filter
	vlan add dev vetha vid 9
	vlan add dev vethb vid 9
	for pod in a b; do
		ip -n "$LAB-pod$pod" link add link eth0 name eth0.9 type vlan id 9
		ip -n "$LAB-pod$pod" link set eth0.9 up
	done
	ip -n "$LAB-poda" addr add 10.9.0.2/24 dev eth0.9
	ip -n "$LAB-podb" addr add 10.9.0.3/24 dev eth0.9
	prove --break "vlan del dev vetha vid 9" --undo "vlan add dev vetha vid 9" \
		--at node1 --mention vetha --mention "VLAN 9" --flow "udp poda 10.9.0.3 $LAB_PORT"
}

# Before 6.2 a packet keeps the tag that a VLAN device took off in its field, where it means nothing.
variant_after_a_vlan_device()
{
	local node
	lab_with_filter
	for node in 1 2; do
		ip -n "$LAB-node$node" link add link eth0 name eth0.100 type vlan id 100
		ip -n "$LAB-node$node" address add 192.168.100.$node/24 dev eth0.100
		ip -n "$LAB-node$node" link set eth0.100 up
	done
	ip -n "$LAB-node2" route add $POD_A via 192.168.100.1
	prove --break "vlan del dev cni0 vid 1 self" --undo "vlan add dev cni0 vid 1 pvid untagged self" \
		--at node1 --mention cni0 --mention "VLAN 1" --in node1 --flow "udp node2 $POD_A $LAB_PORT"
}

# A router's port, all of whose VLANs are tagged: it must not become one for untagged frames.
lose_vlan_of_router()
{
	vlan del dev vethb vid 30
}

variant_tagged_only()
{
	lab_with_filter
	vlan del dev vetha vid 1
	vlan add dev vetha vid 30 pvid untagged
	vlan del dev vethb vid 1
	vlan add dev vethb vid 10
	vlan add dev vethb vid 30
	ip -n "$LAB-podb" link add link eth0 name eth0.30 type vlan id 30
	ip -n "$LAB-podb" link set eth0.30 up
	ip -n "$LAB-podb" address add 10.30.0.3/24 dev eth0.30
	ip -n "$LAB-poda" address add 10.30.0.2/24 dev eth0
	# or it asks where nobody hears it any more
	ip -n "$LAB-poda" neigh replace 10.30.0.3 dev eth0 nud permanent \
		lladdr "$(in_ns podb cat /sys/class/net/eth0/address)"
	prove --break lose_vlan_of_router --undo "vlan add dev vethb vid 30" --at node1 --mention vethb \
		--mention "VLAN 30" --flow "udp poda 10.30.0.3 $LAB_PORT"
}

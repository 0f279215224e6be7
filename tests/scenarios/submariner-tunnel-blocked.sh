# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# The ports and protocols between Submariner's gateways, and between the nodes and their gateway.
# node2 is the gateway; the host outside plays the other cluster's one.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_vxlan

REMOTE_POD=10.245.0.5 REMOTE_PORT=8081 # in the other cluster

# drop input|output MATCH…, on the gateway
drop()
{
	in_ns node2 nft -f - <<-END
		table inet fw {
			chain $1 {
				type filter hook $1 priority filter;
				${*:2} counter drop
			}
		}
	END
}

undrop()
{
	in_ns node2 nft delete table inet fw
}

# What the route agent makes on every node.
vx_submariner()
{
	local n=$1 o=$2
	ip -n "$LAB-node$n" -batch - <<-END
		link add vx-submariner address 02:5b:00:00:00:0$n type vxlan id 100 dev eth0 local 192.168.77.$n dstport 4800 nolearning
		addr add 240.168.77.$n/8 dev vx-submariner
		link set vx-submariner up
	END
	bridge -n "$LAB-node$n" fdb append 00:00:00:00:00:00 dev vx-submariner dst "192.168.77.$o"
	bridge -n "$LAB-node$n" fdb append "02:5b:00:00:00:0$o" dev vx-submariner dst "192.168.77.$o"
}

submariner_up()
{
	lab_up
	vx_submariner 1 2
	vx_submariner 2 1
	ip -n "$LAB-node1" route add 10.245.0.0/16 via 240.168.77.2 dev vx-submariner
	ip -n "$LAB-node2" route add 10.245.0.0/16 via $OUTSIDE
	ip -n "$LAB-host" addr add $REMOTE_POD/32 dev lo
	ip -n "$LAB-host" route add 10.244.0.0/16 via $NODE2
}

# gateways_up SERVE-ARGUMENTS…: both gateways answer
gateways_up()
{
	submariner_up
	lab_serve node2 "$@"
	lab_serve host "$@"
	lab_wait_servers
}

# An IPsec tunnel mode SA, as the cable driver makes it. Where the kernel has no ESP, a larval one.
esp_state()
{
	local name=$1 from=$2 to=$3 spi=$4
	ip -n "$LAB-$name" xfrm state add src "$from" dst "$to" proto esp spi "$spi" mode tunnel \
		reqid 1 aead 'rfc4106(gcm(aes))' 0x00112233445566778899aabbccddeeff00112233 128 \
		2>/dev/null && return
	lab_sysctl "$name" net.core.xfrm_acq_expires=3600
	ip -n "$LAB-$name" xfrm state allocspi src "$from" dst "$to" proto esp mode tunnel reqid 1 \
		min "$spi" max "$spi" >/dev/null
}

variant_vxlan()
{
	submariner_up
	lab_serve host --address $REMOTE_POD --tcp $REMOTE_PORT --udp $REMOTE_PORT
	lab_wait_servers
	prove --break "drop input udp dport 4800" --undo undrop --at node2 --mention 4800 \
		--flow "tcp poda $REMOTE_POD $REMOTE_PORT" --flow "udp poda $REMOTE_POD $REMOTE_PORT"
}

# prove_port PORT
prove_port()
{
	gateways_up --udp "$1"
	prove --break "drop input udp dport $1" --undo undrop --at node2 --mention "$1" \
		--flow "udp host $NODE2 $1"
}

variant_nat_t()
{
	prove_port 4500
}

variant_nat_discovery()
{
	prove_port 4490
}

variant_ike()
{
	prove_port 500
}

variant_nat_t_output()
{
	gateways_up --udp 4500
	prove --break "drop output udp dport 4500" --undo undrop --at node2 --mention 4500 \
		--flow "udp node2 $OUTSIDE 4500"
}

variant_nat_t_legacy()
{
	gateways_up --udp 4500
	need_iptables legacy
	prove --break "in_ns node2 iptables-legacy -w -A INPUT -p udp --dport 4500 -j DROP" \
		--undo "in_ns node2 iptables-legacy -w -D INPUT -p udp --dport 4500 -j DROP" \
		--at node2 --mention 4500 --flow "udp host $NODE2 4500"
}

# Raw sockets send and answer something that looks like ESP; its state is in the kernel.
esp_up()
{
	gateways_up --raw 50
	esp_state node2 $OUTSIDE $NODE2 0x77647131
	esp_state node2 $NODE2 $OUTSIDE 0x77647232
}

variant_esp_input()
{
	esp_up
	prove --break "drop input meta l4proto esp" --undo undrop --at node2 --mention ESP \
		--flow "raw host $NODE2 50"
}

variant_esp_output()
{
	esp_up
	prove --break "drop output meta l4proto esp" --undo undrop --at node2 --mention ESP \
		--flow "raw node2 $OUTSIDE 50"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# The uplink loses its address, and the pods' gateway has a link's only.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_nft

lose_addresses()
{
	ip -n "$LAB-node1" -batch - <<-END
		address del $NODE1/24 dev eth0
		address del 10.244.1.0/32 dev flannel.1
		address del 10.244.1.1/24 dev cni0
		address add 10.244.1.1/24 dev cni0 scope link
		route add $OUTSIDE/32 dev eth0
	END
}

regain_addresses()
{
	ip -n "$LAB-node1" -batch - <<-END
		route del $OUTSIDE/32 dev eth0
		address add $NODE1/24 dev eth0
		address del 10.244.1.1/24 dev cni0
		address add 10.244.1.1/24 dev cni0
	END
}

prove_no_address()
{
	prove --at node1 --break lose_addresses --undo regain_addresses --mention "eth0" \
		--mention "IPv4 addresses of global scope" --flow "udp poda $OUTSIDE $LAB_PORT" "$@"
}

variant_nft()
{
	lab_up
	prove_no_address
}

variant_legacy()
{
	lab_up
	need_iptables legacy
	in_ns node1 nft flush chain ip lab postrouting
	in_ns node1 iptables-legacy -w -t nat -A POSTROUTING -s 10.244.1.0/24 -o eth0 -j MASQUERADE
	prove_no_address
}

# A probe sees whose verdict it is.
variant_deep()
{
	lab_up
	prove_no_address --with --deep
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A NodePort is asked at 127.0.0.1, and route_localnet is off.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_nodeport

# node_port POD: what kube-proxy makes of one
node_port()
{
	in_ns node1 nft -f - <<-END
		table ip nodeport {
			chain output {
				type nat hook output priority -100;
				tcp dport 30080 dnat to $1:$LAB_PORT
			}
			chain postrouting {
				type nat hook postrouting priority 100;
				ip saddr 127.0.0.0/8 oifname != "lo" masquerade
			}
		}
	END
}

# localnet 0|1
localnet()
{
	lab_sysctl node1 net.ipv4.conf.all.route_localnet="$1"
}

# prove_localnet POD
prove_localnet()
{
	lab_up
	node_port "$1"
	localnet 1
	prove --at node1 --break "localnet 0" --undo "localnet 1" --mention route_localnet \
		--mention "127.0.0.1:30080" --flow "tcp node1 127.0.0.1 30080"
}

variant_nodeport()
{
	prove_localnet $POD_A
}

# A rule, and a policy, that the packet never reaches: NAT comes first.
variant_behind_filter()
{
	lab_up
	need_iptables legacy
	in_ns node1 iptables-legacy-restore -w <<-END
		*filter
		:OUTPUT DROP [0:0]
		-A OUTPUT -d 10.244.0.0/16 -p udp -j DROP
		-A OUTPUT -d 10.244.0.0/16 -p tcp --dport $LAB_PORT -j ACCEPT
		COMMIT
	END
	node_port $POD_A
	in_ns node1 nft add rule ip nodeport output udp dport 30081 dnat to $POD_A:$LAB_PORT
	localnet 0
	trace_start --netns "$LAB-node1"
	flows_die 1.2 "tcp node1 127.0.0.1 30080" "udp node1 127.0.0.1 30081"
	trace_stop
	report finding --fault route-localnet-off --status confirmed --inode "$(lab_inode node1)" --name "$LAB-node1"
	[[ $(query '[.drops[] | ours | select(.flow.src == "127.0.0.1") | .rule] | unique | tostring') == '[null]' ]] ||
		fail "a rule is named that the packets never met"
}

variant_other_node()
{
	prove_localnet $POD_C
}

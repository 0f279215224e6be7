# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# Real traffic on a healthy node: drops happen all the time, and none of them is a finding.

# together COMMAND…: several at once; all must succeed
together()
{
	local command pid pids=()
	for command; do
		$command &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "healthy traffic failed"
	done
}

bulk()
{
	together "expect_ok tcp poda $POD_C $LAB_PORT --size 20000000" \
		"expect_ok tcp podc $POD_B6 $LAB_PORT --size 20000000" \
		"expect_ok tcp podb $OUTSIDE $LAB_PORT --size 5000000"
}

many_small()
{
	together "traffic short poda $POD_C $LAB_PORT --count 300 --deadline 60" \
		"traffic short podc $POD_A6 $LAB_PORT --count 300 --deadline 60" \
		"traffic dns poda $POD_C 53 --count 500 --deadline 60" \
		"traffic dns podb $POD_C6 53 --count 500 --deadline 60"
}

every_way()
{
	expect_ok udp poda $POD_C $LAB_PORT
	expect_ok icmp poda $POD_C
	expect_ok icmp podc $POD_A6
	expect_ok icmp poda 10.244.1.1
	expect_ok icmp host $NODE1
	expect_ok tcp podc $OUTSIDE6 $LAB_PORT
	expect_ok tcp node1 $POD_C $LAB_PORT
}

# A pod goes, and another takes its place and its address.
replace_pod()
{
	lab_pod_delete b
	traffic tcp poda $POD_B $LAB_PORT --deadline 0.3 2>/dev/null || :
	lab_pod b 1 3
	lab_serve_default podb
	lab_wait_servers
	ip -n "$LAB-node1" neigh flush dev cni0
	ip -n "$LAB-poda" neigh flush dev eth0
	expect_ok tcp podc $POD_B $LAB_PORT
	expect_ok tcp poda $POD_B $LAB_PORT
}

variant_everyday()
{
	lab_up
	judge_start --everywhere # the pod's namespace will be another one
	bulk
	many_small
	every_way
	traffic refused poda $POD_C 4444 || fail "a closed port does not refuse"
	replace_pod
	judge_stop
	report none
}

variant_service()
{
	need_bridge_nf
	lab_up
	lab_service tcp 80 $POD_B $LAB_PORT
	lab_service udp 53 $POD_B 53
	lab_service tcp 80 $POD_B6 $LAB_PORT
	judge_start
	expect_ok tcp poda $VIP 80 --size 5000000
	expect_ok tcp poda $VIP6 80 --size 5000000
	traffic short poda $VIP 80 --count 200 --deadline 60
	traffic dns poda $VIP 53 --count 200 --deadline 60
	# Connections that the client leaves at once: late answers find no socket.
	traffic refused poda $POD_B 4444
	judge_stop
	report none
}

# kubenet's bridge in promiscuous mode: what is for a Service of a neighbour comes out of it twice, once
# bridged and once routed, and kubelet's rule takes the second one away.
variant_kubenet()
{
	local mac classes
	need_bridge_nf
	lab_up
	in_ns wire ebtables-nft -L >/dev/null 2>&1 || skip "no ebtables-nft"
	lab_service udp 53 $POD_B 53
	mac=$(in_ns node1 cat /sys/class/net/cni0/address)
	ip -n "$LAB-node1" link set cni0 promisc on
	in_ns node1 ebtables-nft -N KUBE-DEDUP
	in_ns node1 ebtables-nft -A OUTPUT -j KUBE-DEDUP
	in_ns node1 ebtables-nft -A KUBE-DEDUP -p IPv4 -s "$mac" -o veth+ --ip-src 10.244.1.1 -j ACCEPT
	in_ns node1 ebtables-nft -A KUBE-DEDUP -p IPv4 -s "$mac" -o veth+ --ip-src 10.244.1.0/24 -j DROP
	judge_start
	traffic dns poda $VIP 53 --count 20 --deadline 60
	judge_stop
	report none
	classes=$(query '[.drops[] | select(.rule.chain == "KUBE-DEDUP") | .class] | unique | join(" ")')
	[[ $classes == noise ]] || fail "duplicates are '$classes', no noise"
}

# Who asks for a route that there is not makes the kernel free a packet that never was one; this program
# asks, too.
variant_route_questions()
{
	local classes
	lab_up
	trace_start --netns "$LAB-wire"
	! ip -n "$LAB-wire" route get 203.0.113.9 2>/dev/null || fail "the wire has a way there"
	trace_stop
	classes=$(query '[.drops[] | select(.location | startswith("inet_rtm_getroute")) | .class] | unique | join(" ")')
	[[ $classes == noise ]] || fail "it is '$classes', no noise: $(query '.drops')"
}

# Without bridge-nf, but also without a Service on the bridge: nothing breaks, nothing is said.
variant_bridge_nf_unused()
{
	need_bridge_nf
	lab_up
	lab_sysctl node1 net.bridge.bridge-nf-call-{ip,ip6}tables=0
	judge_start
	expect_ok tcp poda $POD_B $LAB_PORT
	expect_ok tcp poda $POD_C $LAB_PORT
	traffic refused poda $POD_B 4444
	traffic udp poda $POD_B 4444 --deadline 0.5 2>/dev/null || :
	judge_stop
	report none
}

# A bridge that is idle, one that begins with its spanning tree, ports with flags that hinder nobody,
# and an address of the bridge's network that nobody has.
variant_bridge_flags()
{
	lab_up
	ip -n "$LAB-node1" -batch - <<-END
		link add docker0 type bridge
		addr add 172.17.0.1/16 dev docker0
		link set docker0 up
		link add br1 type bridge stp_state 1
		addr add 172.18.0.1/16 dev br1
		link set br1 up
		link add tap0 type veth peer name tap1
		link set tap0 master br1 up
		link set tap1 up
		link set vetha type bridge_slave isolated on flood off
	END
	trace_start
	traffic udp node1 172.17.0.9 9 --deadline 0.3 2>/dev/null || :
	traffic udp node1 172.18.0.9 9 --deadline 0.3 2>/dev/null || :
	expect_ok tcp poda $POD_B $LAB_PORT
	expect_ok udp podb $POD_A6 $LAB_PORT
	traffic tcp poda 10.244.1.99 $LAB_PORT --deadline 4 2>/dev/null || :
	trace_stop
	report none
}

# A host that is no router drops what is not for it, and a firewall does its work: no finding.
variant_not_our_business()
{
	lab_up
	in_ns host nft -f - <<-END
		table inet fw {
			chain input {
				type filter hook input priority filter;
				tcp dport 23 drop
				udp dport 161 drop
			}
		}
	END
	ip -n "$LAB-node1" route add 198.51.100.0/24 via $OUTSIDE
	judge_start
	traffic udp host $POD_A 9 --deadline 0.3 2>/dev/null || : # no route there
	traffic tcp node1 198.51.100.7 80 --deadline 1.2 2>/dev/null || :
	traffic tcp poda $OUTSIDE 23 --deadline 1.2 2>/dev/null || :
	traffic udp poda $OUTSIDE 161 --deadline 0.5 2>/dev/null || :
	judge_stop
	report none
}

# four_try HOST PORT [SECONDS]: four clients of poda, none of which gets through
four_try()
{
	local pid pids=()
	for _ in 1 2 3 4; do
		traffic tcp poda "$1" "$2" --deadline "${3:-9}" 2>/dev/null &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		! wait "$pid" || fail "$1 port $2 answers"
	done
}

# A pod of the other node that is gone: its node says so, and the tunnel works.
variant_dead_remote_pod()
{
	lab_up
	judge_start --netns "$LAB-node1" --netns "$LAB-poda"
	four_try 10.244.2.99 $LAB_PORT
	judge_stop
	report none
}

# The same, but one of the four gets no error: the other node sends three in a minute to one address.
variant_dead_remote_pod_few_errors()
{
	lab_up
	lab_sysctl node2 net.ipv4.icmp_ratelimit=20000
	trace_start --netns "$LAB-node1" --netns "$LAB-poda"
	four_try 10.244.2.99 $LAB_PORT 5.5
	trace_stop
	report none
}

# A policy in the other node's pod drops one port in silence, while another port answers.
variant_remote_policy()
{
	local pid
	lab_up
	in_ns podc nft -f - <<-END
		table inet np {
			chain input {
				type filter hook input priority filter;
				tcp dport 9090 drop
			}
		}
	END
	judge_start --netns "$LAB-node1" --netns "$LAB-poda"
	four_try $POD_C 9090 &
	pid=$!
	while ! gone $pid; do
		expect_ok tcp poda $POD_C $LAB_PORT
		sleep 0.5
	done
	wait $pid || fail "the policy does not work"
	judge_stop
	report none
}

#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A Kubernetes-like lab made of network namespaces. Source it, or: scripts/lab.sh up|down|exec
#
#   poda  podb        podc            host (outside)
#     │     │           │              │ 192.168.77.10
#   ┌─┴cni0─┴─┐     ┌──cni0──┐         │
#   │ node1   │     │ node2  │         │
#   │flannel.1│     │flannel.1         │
#   └──eth0───┘     └──eth0──┘         │
#      │ 192.168.77.1  │ 192.168.77.2  │
#      └───────────── wire ────────────┘
#
# Everything lives in namespaces named $LAB-<name>; the machine's own addresses, rules and sysctls
# are never touched (/run/netns itself stays: other programs may have begun to use it).

# Colours, names and addresses are for those who source this.
# shellcheck disable=SC2034

set -euo pipefail

LAB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LAB_NAMES=(wire host node1 node2 poda podb podc)
LAB_PORT=8080 # where every pod and the host answer TCP and UDP; DNS-like answers on UDP 53

POD_A=10.244.1.2 POD_B=10.244.1.3 POD_C=10.244.2.2
POD_A6=fd00:244:1::2 POD_B6=fd00:244:1::3 POD_C6=fd00:244:2::2
NODE1=192.168.77.1 NODE2=192.168.77.2 OUTSIDE=192.168.77.10
NODE1_6=fd00:77::1 NODE2_6=fd00:77::2 OUTSIDE6=fd00:77::10
VIP=10.96.0.10 VIP6=fd00:96::10

# What tests/lib/*.c make: echo servers and clients, and sysctls; built beside the program that is tested.
LAB_BIN=${WHYDROP:-$LAB_ROOT/build/whydrop}
LAB_BIN=${LAB_BIN%/*}/tests
[[ -x $LAB_BIN/traffic ]] || LAB_BIN=$LAB_ROOT/build/tests
TRAFFIC=$LAB_BIN/traffic

lab_ns()
{
	echo "$LAB-$1"
}

# in_ns NAME COMMAND…
in_ns()
{
	local name=$1
	shift
	ip netns exec "$LAB-$name" "$@"
}

# The background process COMMAND itself, not a shell around it: $! is its pid.
in_ns_bg()
{
	local name=$1
	shift
	ip netns exec "$LAB-$name" "$@" </dev/null &
}

lab_inode()
{
	stat -Lc %i "/run/netns/$LAB-$1"
}

lab_inodes()
{
	stat -Lc %i "/run/netns/$LAB-"*
}

# lab_sysctl NAME KEY=VALUE…
lab_sysctl()
{
	"$LAB_BIN/sysctls" "$LAB-$1" "${@:2}"
}

# A pause without a process: what is emulated takes 0.2 s for one.
lab_nap()
{
	[[ ${LAB_NAP:-} ]] || exec {LAB_NAP}<> <(:)
	read -rt "$1" -u "$LAB_NAP" || :
}

# wait_for SECONDS COMMAND…: until the command succeeds.
wait_for()
{
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/[.,]/} < end)) || return 1
		lab_nap 0.02
	done
}

lab_has_bridge_nf()
{
	[[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]]
}

# lab_netns_add NAME…: whose loopback device is still down
lab_netns_add()
{
	local name sysctls=()
	printf "netns add $LAB-%s\n" "$@" | ip -batch -
	# Explicit, since a new netns takes some of these from the machine's own. DAD and router
	# solicitations cost seconds.
	for name; do
		sysctls+=(-- "$LAB-$name" net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
			net.ipv4.conf.{all,default}.rp_filter=0 net.ipv4.conf.{all,default}.arp_ignore=0
			net.ipv6.conf.{all,default,lo}.disable_ipv6=0 net.ipv6.conf.default.accept_dad=0
			net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.router_solicitations=0)
	done
	"$LAB_BIN/sysctls" "${sysctls[@]:1}"
}

lab_wire()
{
	local n
	# The wire is a switch: it must not run IP rules.
	if lab_has_bridge_nf; then
		lab_sysctl wire net.bridge.bridge-nf-call-{ip,ip6,arp}tables=0
	fi
	{
		echo link set lo up
		echo link add br0 type bridge mcast_snooping 0
		echo link set br0 up
		for n in node1 node2 host; do
			echo link add "$n" type veth peer name eth0 netns "$LAB-$n"
			echo link set "$n" master br0 up
		done
	} | ip -n "$LAB-wire" -batch -
}

lab_host()
{
	ip -n "$LAB-host" -batch - <<-EOF2
		link set lo up
		addr add $OUTSIDE/24 dev eth0
		addr add $OUTSIDE6/64 dev eth0 nodad
		link set eth0 up
	EOF2
}

# lab_node NUMBER OTHER
lab_node()
{
	local n=$1 o=$2
	local keys=(net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1)
	if lab_has_bridge_nf; then
		keys+=(net.bridge.bridge-nf-call-{ip,ip6,arp}tables=1)
	fi
	lab_sysctl "node$n" "${keys[@]}"
	ip -n "$LAB-node$n" -batch - <<-EOF2
		link set lo up
		addr add 192.168.77.$n/24 dev eth0
		addr add fd00:77::$n/64 dev eth0 nodad
		link set eth0 up
		route add default via $OUTSIDE
		link add cni0 address 02:cc:00:00:00:0$n mtu 1450 type bridge
		addr add 10.244.$n.1/24 dev cni0
		addr add fd00:244:$n::1/64 dev cni0 nodad
		link set cni0 up
	EOF2
	lab_vxlan "$n" "$o"
	# What leaves the cluster takes the node's address, as with flannel's --ip-masq.
	in_ns "node$n" nft -f - <<-EOF2
		table ip lab {
			chain postrouting {
				type nat hook postrouting priority srcnat;
				ip saddr 10.244.$n.0/24 ip daddr != 10.244.0.0/15 masquerade
			}
			chain prerouting {
				type nat hook prerouting priority dstnat;
			}
		}
		table ip6 lab {
			chain postrouting {
				type nat hook postrouting priority srcnat;
				ip6 saddr fd00:244:$n::/64 ip6 daddr != fd00:244::/32 masquerade
			}
			chain prerouting {
				type nat hook prerouting priority dstnat;
			}
		}
	EOF2
}

# What flanneld programs: one VTEP and one gateway per remote node, all of it static.
lab_vxlan()
{
	local n=$1 o=$2
	ip -n "$LAB-node$n" -batch - <<-EOF2
		link add flannel.1 address 02:ff:00:00:00:0$n type vxlan id 1 dev eth0 local 192.168.77.$n dstport ${LAB_VXLAN_PORT:-8472} nolearning
		addr add 10.244.$n.0/32 dev flannel.1
		addr add fd00:244:$n::/128 dev flannel.1 nodad
		link set flannel.1 up
		neigh replace 10.244.$o.0 lladdr 02:ff:00:00:00:0$o dev flannel.1 nud permanent
		neigh replace fd00:244:$o:: lladdr 02:ff:00:00:00:0$o dev flannel.1 nud permanent
		route add 10.244.$o.0/24 via 10.244.$o.0 dev flannel.1 onlink
		route add fd00:244:$o::/64 via fd00:244:$o:: dev flannel.1 onlink
	EOF2
	bridge -n "$LAB-node$n" fdb append "02:ff:00:00:00:0$o" dev flannel.1 dst "192.168.77.$o"
}

# lab_pod LETTER NODE-NUMBER LAST-OCTET
lab_pod()
{
	local pod=pod$1 n=$2 i=$3
	[[ -e /run/netns/$LAB-$pod ]] || lab_netns_add "$pod"
	ip -n "$LAB-node$n" -batch - <<-EOF2
		link add veth$1 mtu 1450 type veth peer name eth0 mtu 1450 netns $LAB-$pod
		link set veth$1 master cni0 up
	EOF2
	ip -n "$LAB-$pod" -batch - <<-EOF2
		link set lo up
		addr add 10.244.$n.$i/24 dev eth0
		addr add fd00:244:$n::$i/64 dev eth0 nodad
		link set eth0 up
		route add default via 10.244.$n.1
		route add default via fd00:244:$n::1
	EOF2
}

lab_pod_delete()
{
	lab_kill "pod$1"
	ip netns del "$LAB-pod$1"
}

# lab_serve NAME ARGUMENTS…: an echo server of tests/lib/traffic.c, running and ready.
lab_serve()
{
	local name=$1 ready
	shift
	ready=$LAB_DIR/ready.$((++LAB_SERVERS))
	in_ns_bg "$name" "$TRAFFIC" serve --ready "$ready" "$@" \
		2>>"$LAB_DIR/servers.log"
	LAB_SERVER=$!
	disown # the shell need not tell how it ended
	LAB_READY+=("$ready")
}

lab_served()
{
	wait_for 30 test -e "$1" && return
	echo "lab: a server is not ready:" >&2
	cat "$LAB_DIR/servers.log" >&2
	return 1
}

lab_serve_default()
{
	lab_serve "$1" --tcp $LAB_PORT --udp $LAB_PORT --udp 53
}

lab_wait_servers()
{
	local ready
	for ready in "${LAB_READY[@]}"; do
		lab_served "$ready"
	done
	LAB_READY=()
}

# lab_service tcp|udp PORT BACKEND BACKEND-PORT: $VIP (or $VIP6) on node1, the way kube-proxy does it.
lab_service()
{
	if [[ $3 == *:* ]]; then
		in_ns node1 nft add rule ip6 lab prerouting ip6 daddr $VIP6 "$1" dport "$2" dnat to "[$3]:$4"
	else
		in_ns node1 nft add rule ip lab prerouting ip daddr $VIP "$1" dport "$2" dnat to "$3:$4"
	fi
}

# `expect_ok tcp poda 10.244.2.2 8080`, the same for udp and icmp.
traffic()
{
	local proto=$1 from=$2
	shift 2
	in_ns "$from" "$TRAFFIC" "$proto" "$@"
}

expect_ok()
{
	traffic "$@" --deadline "${LAB_OK_DEADLINE:-4}" && return
	echo "lab: no answer, though there should be one: $*" >&2
	return 1
}

expect_fail()
{
	if traffic "$@" --deadline "${LAB_FAIL_DEADLINE:-1.2}" 2>/dev/null; then
		echo "lab: an answer, though there should be none: $*" >&2
		return 1
	fi
}

# Builds the lab, to be removed when this shell exits, however it does.
lab_up()
{
	local name
	LAB=${LAB:-wd$$}
	while [[ -e /run/netns/$LAB-wire ]]; do
		LAB=wd$$x$RANDOM
	done
	[[ ${LAB_DIR:-} ]] || LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/$LAB.XXXXXX")
	LAB_READY=() LAB_SERVERS=0
	lab_trap
	lab_netns_add "${LAB_NAMES[@]}"
	lab_wire
	lab_host
	lab_node 1 2
	lab_node 2 1
	lab_pod a 1 2
	lab_pod b 1 3
	lab_pod c 2 2
	for name in poda podb podc host; do
		lab_serve_default "$name"
	done
	lab_wait_servers
}

lab_trap()
{
	trap lab_down EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
}

# lab_kill NAME…: all processes in these namespaces, but for a whydrop of another lab, which looks into all
lab_kill()
{
	local pid comm pids=()
	for pid in $(printf "netns pids $LAB-%s\n" "$@" | ip -force -batch - 2>/dev/null); do
		read -r comm 2>/dev/null <"/proc/$pid/comm" || continue
		[[ $comm == whydrop ]] || pids+=("$pid")
	done
	[[ ! ${pids[*]} ]] || kill -9 "${pids[@]}" 2>/dev/null || :
}

# Leaves $? as it was, so that it can be an EXIT trap.
lab_down()
{
	local status=$? path names=()
	set +e
	trap '' INT TERM HUP
	if [[ ${LAB_EXIT_HOOK:-} ]]; then
		$LAB_EXIT_HOOK
	fi
	if [[ ${LAB:-} ]]; then
		for path in "/run/netns/$LAB-"*; do
			[[ ! -e $path ]] || names+=("${path##*/"$LAB"-}")
		done
		if ((${#names[@]})); then
			lab_kill "${names[@]}"
			printf "netns del $LAB-%s\n" "${names[@]}" | ip -force -batch -
		fi
	fi
	[[ -z ${LAB_DIR:-} ]] || rm -rf "$LAB_DIR"
	return $status
}

lab_main()
{
	local path usage="usage: scripts/lab.sh up | down | exec NAME COMMAND…   (NAME: ${LAB_NAMES[*]}; LAB=$LAB)"
	case ${1:-} in
	up)
		if [[ -e /run/netns/$LAB-wire ]]; then
			echo "lab.sh: $LAB is already up" >&2
			return 1
		fi
		lab_up
		trap - EXIT INT TERM HUP
		for path in "/run/netns/$LAB-"*; do
			echo "${path##*/}"
		done
		;;
	down)
		lab_down
		rm -rf "${TMPDIR:-/tmp}/$LAB".??????
		;;
	exec)
		if (($# < 3)); then
			echo "$usage" >&2
			return 2
		fi
		in_ns "${@:2}"
		;;
	*)
		echo "$usage" >&2
		return 2
		;;
	esac
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	LAB=${LAB:-wdlab}
	lab_main "$@"
fi

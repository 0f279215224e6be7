# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# alone: netns_number_reused
# Each filter keeps what it asks for and counts the rest as filtered; an option that did nothing
# would fail here.

# Drops that differ in everything, each with the jq condition that tells it:
#   closed  UDP to a closed port of pod b          netns podb, at eth0
#   syn     TCP SYN to a closed port of pod b      netns podb
#   six     UDP to a closed port of pod c, IPv6    netns podc
#   rule    UDP that a rule in node1 drops         netns node1, from cni0
declare -A drop=(
	[closed]='.flow.proto == "udp" and .flow.dst == "10.244.1.3" and .flow.dport == 9'
	[syn]='.flow.proto == "tcp" and .flow.dport == 10'
	[six]='.flow.proto == "udp" and .flow.dst == "fd00:244:2::2" and .flow.dport == 11'
	[rule]='.flow.proto == "udp" and .flow.dport == 7777'
)

filters_up()
{
	lab_up
	in_ns node1 nft -f - <<-END
		table inet fw {
			chain forward {
				type filter hook forward priority filter;
				udp dport 7777 drop
			}
		}
	END
}

make_drops()
{
	traffic flood poda $POD_B 9 --count 20 >/dev/null
	traffic flood poda $POD_C6 11 --count 20 >/dev/null
	traffic flood poda $POD_C 7777 --count 20 >/dev/null
	traffic refused poda $POD_B 10
}

# has KIND: is such a drop of this lab in the report?
has()
{
	query "[.drops[] | ours | select(${drop[$1]})] | length > 0" |
		grep -x true >/dev/null
}

# keeps 'KIND…' OPTION…: exactly these kinds remain
keeps()
{
	local kinds=" $1 " kind others=0
	shift
	trace_start "$@"
	make_drops
	trace_stop
	for kind in "${!drop[@]}"; do
		if [[ $kinds == *" $kind "* ]]; then
			has "$kind" || fail "$*: the drop '$kind' is missing: $(query .drops[] -c)"
		elif has "$kind"; then
			fail "$*: the drop '$kind' should be filtered out: $(query .drops[] -c)"
		else
			others=1
		fi
	done
	((!others || $(query .accounting.filtered) > 0)) || fail "$*: nothing counts as filtered"
}

variant_none()
{
	filters_up
	trace_start
	make_drops
	trace_stop
	for kind in "${!drop[@]}"; do
		has "$kind" || fail "the drop '$kind' is missing: $(query .drops[] -c)"
	done
	[[ $(query .accounting.filtered) == 0 ]] || fail "filtered without a filter"
}

variant_netns()
{
	filters_up
	keeps "closed syn" --netns "$LAB-podb"
	keeps rule --netns "/run/netns/$LAB-node1"
	keeps six --netns "$(lab_inode podc)"
	keeps "six rule" --netns "$LAB-podc" --netns "$LAB-node1"
}

variant_pid()
{
	filters_up
	lab_serve podb --udp 5555
	local podb=$LAB_SERVER
	lab_serve node1 --udp 5555
	lab_wait_servers
	keeps "closed syn" --pid "$podb"
	keeps rule --pid "$LAB_SERVER"
}

variant_iface()
{
	filters_up
	keeps rule --iface cni0
	keeps "closed syn six" --iface eth0 --netns "$LAB-podb" --netns "$LAB-podc"
}

variant_proto()
{
	filters_up
	keeps "closed six rule" --proto udp
	keeps syn --proto tcp
	keeps "closed syn six rule" --proto tcp --proto udp
}

variant_host()
{
	filters_up
	keeps "closed syn" --host $POD_B
	keeps six --host $POD_C6
	keeps six --host $POD_A6
	keeps "closed syn six" --host $POD_B --host $POD_C6
}

variant_net()
{
	filters_up
	keeps rule --net 10.244.2.0/24
	keeps "closed syn rule" --net 10.244.0.0/16
	keeps six --net fd00:244::/32
	keeps "rule six" --net 10.244.2.2/32 --net fd00:244:2::/64
}

variant_port()
{
	filters_up
	keeps closed --port 9
	keeps syn --port 10
	keeps "six rule" --port 11 --port 7777
}

gives_reasons()
{
	! whydrop probes | grep 'gives no drop reasons' >/dev/null
}

# refuses OPTION…: nothing starts, and the last option is quoted
refuses()
{
	local status=0
	whydrop trace --duration 1s "$@" >"$LAB_DIR/out" 2>"$LAB_DIR/err" || status=$?
	((status == 2)) || fail "exit $status for $*: $(<"$LAB_DIR/err")"
	grep -F -e "${*: -1}" "$LAB_DIR/err" >/dev/null || fail "does not say what it takes amiss: $(<"$LAB_DIR/err")"
	[[ ! -s $LAB_DIR/out ]] || fail "it traced: $(<"$LAB_DIR/out")"
}

variant_reason()
{
	filters_up
	if ! gives_reasons; then
		refuses --reason NETFILTER_DROP
		return
	fi
	keeps rule --reason NETFILTER_DROP
	keeps "closed syn six" --reason NO_SOCKET
	keeps "closed syn six rule" --reason NO_SOCKET --reason NETFILTER_DROP
}

# Kinds agree, values of one kind are alternatives.
variant_combined()
{
	filters_up
	keeps closed --host $POD_B --proto udp
	keeps rule --proto udp --port 9 --port 7777 --netns "$LAB-node1"
	! gives_reasons || keeps rule --reason NETFILTER_DROP --port 9 --port 7777 --netns "$LAB-node1"
	keeps "" --host $POD_B6
}

# The inner packet of a tunnel is looked at, too.
variant_inside_vxlan()
{
	filters_up
	in_ns node2 nft add table inet fw2
	in_ns node2 nft add chain inet fw2 in '{ type filter hook input priority filter; }'
	in_ns node2 nft add rule inet fw2 in udp dport 8472 drop
	trace_start --host $POD_C --netns "$LAB-node2"
	traffic flood podb $POD_C 12 --count 20 >/dev/null
	traffic flood podb $POD_C6 12 --count 20 >/dev/null
	trace_stop
	[[ $(query '[.drops[] | select(.inner.dst == "10.244.2.2")] | length') == 1 ]] ||
		fail "the inner packet was not found: $(query .drops[] -c)"
	[[ $(query '[.drops[] | select(.inner.dst == "fd00:244:2::2")] | length') == 0 ]] ||
		fail "another inner packet was not filtered out: $(query .drops[] -c)"
}

# A tunnel's port is its device's, and the device need not be where we look nor in the machine's own
# netns.
variant_inside_vxlan_of_any_port()
{
	# shellcheck disable=SC2034 # for lab.sh
	LAB_VXLAN_PORT=9999
	filters_up
	in_ns node2 nft -f - <<-END
		table inet fw2 {
			chain in {
				type filter hook input priority filter;
				udp dport 9999 drop
			}
		}
	END
	trace_start --host $POD_C
	traffic flood podb $POD_C 12 --count 20 >/dev/null
	trace_stop
	(($(query '[.drops[] | ours | select(.inner.dst == "10.244.2.2") | .packets] | add // 0') == 20)) ||
		fail "the inner packet was not found: $(query .drops[] -c)"
}

# send_raw ADDRESS HEX: an IP packet as it stands, from pod a
send_raw()
{
	in_ns poda "$PYTHON" - "$@" <<-END
		import socket, sys
		six = ":" in sys.argv[1]
		raw = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
		raw.sendto(bytes.fromhex(sys.argv[2].replace(" ", "")), (sys.argv[1], 0))
	END
}

# hex_of ADDRESS
hex_of()
{
	"$PYTHON" -c 'import ipaddress, sys; print(ipaddress.ip_address(sys.argv[1]).packed.hex())' "$1"
}

# What cannot be parsed far enough passes: it may be what is looked for.
variant_not_parsed()
{
	local from to headers i
	lab_up
	# without conntrack, which would put the fragments together
	in_ns node1 nft -f - <<-END
		table inet fw {
			chain pre {
				type filter hook prerouting priority -500;
				iifname cni0 ip daddr $POD_C drop
				iifname cni0 ip6 daddr $POD_C6 drop
			}
		}
	END
	from=$(hex_of $POD_A) to=$(hex_of $POD_C)
	trace_start --host 203.0.113.5 --netns "$LAB-node1"
	# a later fragment of UDP: may be a tunnel's
	send_raw $POD_C "45000024 00070001 40110000 $from $to 0000000000000000 0000000000000000"
	# a tunnel's packet that ends before what it carries
	send_raw $POD_C "45000024 00080000 40110000 $from $to 300012b500100000 0800000000000100"
	# TCP: is none
	send_raw $POD_C "45000028 00090000 40060000 $from $to 3000005000000000 0000000050020000 00000000"
	trace_stop
	[[ $(query '[.drops[] | ours | .flow.proto] | join(" ")') == "udp udp" ]] ||
		fail "not two of UDP: $(query .drops[] -c)"
	# eight extension headers, then UDP
	from=$(hex_of $POD_A6) to=$(hex_of $POD_C6)
	for ((i = 0; i < 7; i++)); do
		headers+=" 3c00010400000000"
	done
	headers+=" 1100010400000000"
	trace_start --port 4441 --proto udp --netns "$LAB-node1"
	send_raw $POD_C6 "60000000 0048 3c40 $from $to $headers 3000115900080000"
	send_raw $POD_C6 "60000000 0008 3a40 $from $to 8000000000000000"
	trace_stop
	[[ $(query '[.drops[] | ours | select(.flow.dst == "fd00:244:2::2")] | length') == 1 ]] ||
		fail "not the one with many headers: $(query .drops[] -c)"
}

# The netns goes while it is watched: what was seen is kept.
variant_netns_vanishes()
{
	filters_up
	trace_start --netns "$LAB-podb"
	make_drops
	lab_pod_delete b
	trace_stop
	[[ $(query '[.drops[] | select(.flow.dport == 9) | .packets] | add') == 20 ]] ||
		fail "the drops are lost: $(query .drops[] -c)"
}

# new_netns_has INODE: the number of one that is gone is given to the next one, once it is all gone.
new_netns_has()
{
	local inode i
	ip netns add "$LAB-next$((++NEXT))"
	inode=$(stat -Lc %i "/run/netns/$LAB-next$NEXT")
	# A netns takes a hundred numbers for its files in /proc, always the lowest that are free, so that one of
	# those may have got it. Then once more from the start, one number further on.
	if ((inode > $1)); then
		for ((i = 1; i <= NEXT; i++)); do ip netns del "$LAB-next$i"; done
		NEXT=0
		unshare -m sleep 60 &
		lab_nap 0.1
	fi
	[[ $inode == "$1" ]]
}

# Another netns gets the inode number: what was dropped in the first one keeps its name.
variant_netns_number_reused()
{
	local inode NEXT=0
	filters_up
	trace_start -v
	make_drops
	# by then what came before was read, too
	wait_for 30 grep -q 'rule known' "$LAB_DIR/trace.err" || fail "the rule was not found"
	inode=$(stat -Lc %i "/run/netns/$LAB-podb")
	lab_pod_delete b
	wait_for 60 new_netns_has "$inode" || skip "no new netns got the number of one that is gone"
	trace_stop
	[[ $(query ".drops[] | select(.netns.inode == $inode and .flow.dport == 9) | .netns.name") == "$LAB-podb" ]] ||
		fail "another name: $(query .drops[].netns -c)"
}

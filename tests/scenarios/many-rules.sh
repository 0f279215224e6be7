# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# Rules as kube-proxy writes them for thousands of Services: the one that refused a packet is named soon
# after its first drop, and reading them takes little memory.

# kube-proxy's numbers for so many Services with two endpoints each; one in five has none.
SERVICES=4800
RULES=20000 # at least so many
MANY_SECONDS=2 # until the rule is known
WAIT_SECONDS=5
if [[ -e /run/vm ]]; then
	MANY_SECONDS=120 WAIT_SECONDS=100 # all is emulated
fi
BROKEN=$((SERVICES - SERVICES / 5)) # the service without endpoints that is asked

vip()
{
	echo "10.97.$(($1 / 250)).$(($1 % 250 + 1))"
}

# Of each: to its chain, and a chain with two endpoints, each in a chain of its own.
iptables_save()
{
	local i vip body chains='' jumps='' bodies='' refused=''
	for ((i = 0; i < SERVICES; i++)); do
		vip=10.97.$((i / 250)).$((i % 250 + 1))
		if ((i % 5 == 0)); then
			refused+="-A KUBE-SERVICES -d $vip/32 -p tcp -m comment --comment \"ns/svc-$i:http has no endpoints\" -m tcp --dport 80 -j REJECT"$'\n'
			continue
		fi
		chains+=":KUBE-SVC-$i - [0:0]"$'\n'":KUBE-SEP-$i - [0:0]"$'\n'
		jumps+="-A KUBE-SERVICES -d $vip/32 -p tcp -m comment --comment \"ns/svc-$i:http cluster IP\" -m tcp --dport 80 -j KUBE-SVC-$i"$'\n'
		printf -v body '%s\n' "-A KUBE-SVC-$i ! -s 10.244.0.0/16 -d $vip/32 -p tcp -m tcp --dport 80 -j MARK --or-mark 0x4000" \
			"-A KUBE-SVC-$i -m comment --comment \"ns/svc-$i:http -> $POD_C:$LAB_PORT\" -j KUBE-SEP-$i" \
			"-A KUBE-SEP-$i -s $POD_C/32 -j MARK --or-mark 0x4000" \
			"-A KUBE-SEP-$i -p tcp -m tcp -j DNAT --to-destination $POD_C:$LAB_PORT"
		bodies+=$body
	done
	echo "*nat
:KUBE-SERVICES - [0:0]
$chains-A PREROUTING -j KUBE-SERVICES
$jumps${bodies}COMMIT
*filter
:KUBE-SERVICES - [0:0]
-A FORWARD -m conntrack --ctstate NEW -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES
${refused}COMMIT"
}

# As its nftables mode does: two maps, and a chain for each Service and endpoint.
nft_rules()
{
	local i vip chains='' elements='' refused=''
	for ((i = 0; i < SERVICES; i++)); do
		vip=10.97.$((i / 250)).$((i % 250 + 1))
		if ((i % 5 == 0)); then
			refused+="$vip . tcp . 80 : goto reject-chain,"
			continue
		fi
		elements+="$vip . tcp . 80 : goto service-$i,"
		chains+="chain endpoint-$i {
	ip saddr $POD_C jump mark-for-masquerade
	meta l4proto tcp dnat to $POD_C:$LAB_PORT
}
chain service-$i {
	ip daddr $vip tcp dport 80 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
	numgen random mod 1 vmap { 0 : goto endpoint-$i }
}
"
	done
	echo "table ip kube-proxy {
chain mark-for-masquerade { mark set mark or 0x4000; }
chain reject-chain { reject; }
$chains
map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; elements = { ${elements%,} }; }
map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; elements = { ${refused%,} }; }
chain nat-prerouting {
	type nat hook prerouting priority dstnat; policy accept;
	ip daddr . meta l4proto . th dport vmap @service-ips
}
chain filter-forward {
	type filter hook forward priority filter; policy accept;
	ct state new ip daddr . meta l4proto . th dport vmap @no-endpoint-services
}
}"
}

# The highest number behind a word in the trace's log.
highest()
{
	sed -nE "s/.*$1.*/\1/p" "$LAB_DIR/trace.err" | sort -n | tail -1
}

named()
{
	weigh
	grep -q 'rule known' "$LAB_DIR/trace.err"
}

# What whydrop and what it runs have in memory now, if that is the most so far: $PEAK, in KiB.
weigh()
{
	local pids=("$TRACE_PID") i key kib children sum=0
	for ((i = 0; i < ${#pids[@]}; i++)); do
		while read -r key kib _; do
			[[ $key != VmRSS: ]] || ((sum += kib))
		done 2>/dev/null <"/proc/${pids[i]}/status"
		children=() # of one that is gone there are none, and not those of the one before
		read -ra children 2>/dev/null <"/proc/${pids[i]}/task/${pids[i]}/children" || :
		pids+=("${children[@]}")
	done
	((sum <= PEAK)) || PEAK=$sum
}

# name_rule CONDITION on .rule: sets PEAK (KiB) and MS, from the first drop to the rule
name_rule()
{
	local flow
	PEAK=0
	trace_start -v --netns "$LAB-node1"
	flows_die 3 "tcp poda $(vip $BROKEN) 80" &
	flow=$!
	wait_for $WAIT_SECONDS named || fail "no rule is known"
	wait "$flow" || fail "the flow is answered"
	trace_stop
	[[ $(query "[.drops[] | select(.reason == \"NETFILTER_DROP\" or .reason == \"NOT_SPECIFIED\") | ours | select(.flow.dport == 80) | .rule | $1] | unique | .[]") == true ]] ||
		fail "not that rule: $(query '.drops[] | ours | .rule | select(.)' -c)"
	MS=$(highest 'rule known ([0-9]+) ms')
}

# check_many COUNT CONDITION: so many rules are there, and the right one is named in time. A busy machine may
# need another try.
check_many()
{
	local try
	note "$1 rules"
	(($1 >= RULES)) || fail "only $1 rules"
	for try in 1 2 3; do
		name_rule "$2"
		((MS > MANY_SECONDS * 1000)) || break
	done
	result "rule known after $MS ms (try $try); $((PEAK / 1024)) MiB with what reads them"
	((MS <= MANY_SECONDS * 1000)) || fail "the rule is known only after $MS ms"
	((PEAK < 100 * 1024)) || fail "$PEAK KiB"
}

# many_iptables BACKEND
many_iptables()
{
	lab_up
	need_iptables "$1"
	iptables_save >"$LAB_DIR/save"
	in_ns node1 "iptables-$1-restore" -w <"$LAB_DIR/save"
	check_many "$(grep -c ^-A "$LAB_DIR/save")" ".backend == \"iptables-$1\" and .chain == \"KUBE-SERVICES\" and .number == $((BROKEN / 5 + 1)) and
		(.text | contains(\"svc-$BROKEN:http has no endpoints\"))"
}

variant_legacy()
{
	many_iptables legacy
}

variant_iptables_nft()
{
	many_iptables nft
}

variant_nft()
{
	lab_up
	nft_rules >"$LAB_DIR/rules"
	in_ns node1 nft -f "$LAB_DIR/rules"
	check_many "$(in_ns node1 nft -a list table ip kube-proxy | grep -c '# handle')" '.backend == "nft" and .table == "kube-proxy" and .chain == "reject-chain"'
}

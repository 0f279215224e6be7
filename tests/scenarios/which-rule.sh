# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# Ways to drop a packet, and the rule that the report must name for each. All ways of a variant share a lab
# and a trace, so each has a port of its own; what the right rule is, the owner's own tool says.

W_NAME=() W_FLOW=() W_PLACE=() W_OWNER=() W_WORDS=() W_MODE=()
CERTAIN=0 NAMED=0 WRONG=()

# way NAME FLOW PLACE OWNER [WORD…]: a packet of the flow must be dropped there, by that rule
#   FLOW   'udp poda 10.244.2.2 7001 [SOURCE-PORT]', tcp likewise; 'icmp poda 10.244.2.2'; 'arp poda 10.244.1.77'
#   PLACE  'node1 ip forward': netns, and the hook's family and name
#   OWNER  'nft inet fw forward': backend, family, table, chain, and `policy` where no rule did it, or
#          `counted` where the rule is the one whose counter counted
#   WORD   what the rule's text has; the first one is on the line of the right rule only
way()
{
	W_NAME+=("$1") W_FLOW+=("$2") W_PLACE+=("$3") W_OWNER+=("$4")
	W_WORDS+=("$(printf '%s\n' "${@:5}")") W_MODE+=(strict)
}

# way_open …: a replay need not know the rule, but must not name another one
way_open()
{
	way "$@"
	W_MODE[-1]=open
}

is_probed()
{
	[[ $(probe_how "$1") == fexit || $(probe_how "$1") == kprobe ]]
}

# Whether programs see which rule of nft it is: rules in memory have a header since 5.17.
nft_is_seen()
{
	is_probed nft_do_chain && kernel_at_least 5 17 &&
		[[ -e /sys/kernel/btf/nf_tables || ! -e /sys/module/nf_tables ]]
}

# wrong TEXT: an expectation of $NAME that does not hold; check_ways tells all of them
wrong()
{
	WRONG+=("$NAME: $*")
}

# line_of TEXT: of the lines that are read, the number of the only one with it
line_of()
{
	local lines
	lines=$(grep -nF -e "$1" | cut -d: -f1)
	[[ $lines =~ ^[0-9]+$ ]] || fail "$NAME: not one rule, but '${lines//$'\n'/ }' has '$1'"
	echo "$lines"
}

# The line of the only rule that counted, in what `iptables -v -S` or `nft list` print.
counted()
{
	local lines
	lines=$(grep -nE -e ' -c [1-9]|counter packets [1-9]' | cut -d: -f1)
	[[ $lines =~ ^[0-9]+$ ]] || fail "$NAME: not one rule, but '${lines//$'\n'/ }' counted"
	echo "$lines"
}

# tool_of BACKEND FAMILY
tool_of()
{
	case $1 in
	iptables-*) echo "${2}tables-${1#iptables-}" ;;
	ebtables-*) echo "$1" ;;
	esac
}

# rules_of NETNS BACKEND FAMILY TABLE CHAIN: its rules, one a line, without anything else
rules_of()
{
	local tool
	tool=$(tool_of "$2" "$3")
	case $2 in
	nft) in_ns "$1" nft -a list chain "$3" "$4" "$5" | grep -E '# handle [0-9]+$' | sed '/^\tchain /d; /^table /d' ;;
	iptables-*) in_ns "$1" "$tool" -w -t "$4" -v -S "$5" 2>/dev/null | sed -n '/^-A/p' ;;
	ebtables-*) in_ns "$1" "$tool" -t "$4" -L "$5" | sed -n '/^-/p' ;;
	esac
}

# where_is NETNS BACKEND FAMILY TABLE CHAIN [policy|counted]: where the rule with the text $WORD is, as a
# condition on .rule
where_is()
{
	local rules line
	if [[ ${6:-} == policy ]]; then
		echo '.policy == true and .handle == null and .number == null'
		return
	fi
	rules=$(rules_of "${@:1:5}")
	if [[ ${6:-} == counted ]]; then
		line=$(counted <<<"$rules")
	else
		line=$(line_of "$WORD" <<<"$rules")
	fi
	# The owner's own word for it, where it counts.
	[[ ! $(sed -n "${line}p" <<<"$rules") =~ ' -c 0 '|'packets 0 ' ]] || fail "$NAME: it was not that rule: $rules"
	echo -n '(.policy // false | not) and '
	case $2 in
	nft) echo ".handle == $(sed -n "${line}s/.*# handle //p" <<<"$rules")" ;;
	iptables-*) echo ".number == $line" ;;
	# Of nft or legacy, seen by its handle or by its number.
	ebtables-*) echo "(.number // $line) == $line" ;;
	esac
}

# selection FLOW: jq's, of the drops of that flow
selection()
{
	local proto host port
	read -r proto _ host port _ <<<"$1"
	case $proto in
	udp | tcp) echo ".flow.proto == \"$proto\" and .flow.dst == \"$host\" and .flow.dport == $port" ;;
	icmp)
		[[ $host != *:* ]] || proto=icmp6
		echo ".flow.proto == \"$proto\" and .flow.dst == \"$host\""
		;;
	arp) echo ".flow.proto == \"arp\" and .flow.dst == \"$host\"" ;;
	esac
}

send_flows()
{
	local flow proto from item pid pids=()
	local -A items=()
	for flow in "${W_FLOW[@]}"; do
		read -r proto from item <<<"$flow"
		# Who asks for an address makes ARP ask.
		[[ $proto != arp ]] || proto=udp item+=' 9'
		items[$from]+=" $proto,${item// /,}"
	done
	for from in "${!items[@]}"; do
		in_ns "$from" "$TRAFFIC" burst "$@" ${items[$from]} &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "traffic burst failed"
	done
}

# rule_is CONDITION: of each drop of $DROPS, its rule
rule_is()
{
	jq -e "all(.[].rule; $1)" <<<"$DROPS" >/dev/null
}

# check_rule MODE BACKEND FAMILY TABLE CHAIN CONDITION WORDS
check_rule()
{
	local backend=$2
	if ! rule_is '. != null'; then
		[[ $1 == open && $SEEN == no ]] || wrong "no rule, wanted ${*:2:5}: $(jq -c 'map(del(.stack))' <<<"$DROPS")"
		return
	fi
	NAMED=$((NAMED + 1))
	if [[ $backend == ebtables-* ]]; then
		backend=ebtables
	fi
	if ! rule_is ".backend == \"$backend\" and .family == \"$3\" and .table == \"$4\" and .chain == \"$5\" and $6"; then
		wrong "wanted ${*:2:5}, got $(jq -c '[.[].rule]' <<<"$DROPS")"
	fi
	jq -e --arg words "$7" 'all(.[].rule; (.text // "") as $text |
		$words | split("\n") | all(. as $word | $text | contains($word)))' <<<"$DROPS" >/dev/null ||
		wrong "wanted the words '${7//$'\n'/|}', got $(jq -c '[.[].rule.text]' <<<"$DROPS")"
	if rule_is '.certain == true'; then
		CERTAIN=$((CERTAIN + 1))
	elif ! rule_is '.certain == false'; then
		wrong "does not say whether it is certain"
	elif [[ $SEEN == yes ]]; then
		wrong "not certain, though it is seen: $(jq -c 'map(del(.stack))' <<<"$DROPS")"
	fi
	[[ $PROBED == yes ]] || rule_is '.certain == false' || wrong "certain, though nothing was seen"
}

# check_way INDEX: it died there, and the report names the rule.
check_way()
{
	local i=$1 netns family hook owner got WORD NAME DROPS SEEN=no
	NAME=${W_NAME[i]}
	WORD=${W_WORDS[i]%%$'\n'*}
	read -r netns family hook <<<"${W_PLACE[i]}"
	read -ra owner <<<"${W_OWNER[i]}"
	DROPS=$(query "[.drops[] | select(.netns.name == \"$LAB-$netns\" and ($(selection "${W_FLOW[i]}")) and
		(.reason == \"NETFILTER_DROP\" or .reason == \"NOT_SPECIFIED\"))]" -c)
	if [[ $DROPS == '[]' ]]; then
		wrong "no drop of '${W_FLOW[i]}' in $netns"
		return
	fi
	got=$(jq -r 'map("\(.family) \(.hook)") | unique | join(", ")' <<<"$DROPS")
	[[ $got == "$family $hook" ]] ||
		wrong "wanted the hook $family $hook, got $(jq -c 'map(del(.stack))' <<<"$DROPS")"
	if [[ ${owner[0]} == nft || ${owner[0]} == iptables-nft ]] && nft_is_seen; then
		SEEN=yes
	fi
	check_rule "${W_MODE[i]}" "${owner[@]:0:4}" "$(where_is "$netns" "${owner[@]}")" "${W_WORDS[i]}"
}

# check_ways: all ways of this lab, and one line that says how well the rules are known
check_ways()
{
	local i n=${#W_NAME[@]} PROBED=no
	! is_probed nf_hook_slow || PROBED=yes
	((n > 0)) || fail "no ways"
	for ((i = 0; i < n; i++)); do
		check_way $i
	done
	result "certain $CERTAIN, named $NAMED of $n ways"
	((${#WRONG[@]} == 0)) || {
		printf 'wrong: %s\n' "${WRONG[@]}" >&2
		fail "${#WRONG[@]} of the expectations of $n ways"
	}
}

# trace_ways [OPTION…]: all flows at once, in one trace of the namespaces where they must die
trace_ways()
{
	local place seen=' ' only=()
	for place in "${W_PLACE[@]}"; do
		place=${place%% *}
		[[ $seen != *" $place "* ]] || continue
		seen+="$place "
		only+=(--netns "$LAB-$place")
	done
	trace_start "${only[@]}" "$@"
	send_flows
	trace_stop
	check_ways
}

# optional WHAT COMMAND…: whether this kernel can do it
optional()
{
	"${@:2}" 2>"$LAB_DIR/optional.err" || {
		skip_part "$1" "not on this kernel"
		return 1
	}
}

# nft_in NETNS: rules from standard input
nft_in()
{
	in_ns "$1" nft -f -
}

# nft_try WHAT NETNS, likewise: where the kernel can
nft_try()
{
	optional "$1" nft_in "$2"
}

has_tool()
{
	command -v "$1" >/dev/null && in_ns wire "$1" -t filter -L >/dev/null 2>&1
}

need_ip6tables()
{
	has_tool "ip6tables-$1" || skip "the kernel has no ip6tables-$1"
}

# ---- nft

variant_nft_chains()
{
	lab_up
	nft_in node1 <<-END
		table ip fw {
			chain never {
				udp dport 7005 drop
				drop
			}
			chain sub {
				udp dport 7099 drop
				udp dport 7005 counter drop
			}
			chain last {
				udp dport 7006 counter drop
				udp dport 7099 drop
			}
			chain deep1 {
				udp dport 7099 drop
				jump deep2
			}
			chain deep2 {
				goto deep3
				udp dport 7007 drop
			}
			chain deep3 {
				udp dport 7099 drop
				udp dport 7007 drop
			}
			chain back {
				udp dport 7008 return
				udp dport 7008 drop
			}
			chain prerouting {
				type filter hook prerouting priority raw
				udp dport 7000 drop
			}
			chain input {
				type filter hook input priority filter
				udp dport 7001 drop
			}
			chain forward {
				type filter hook forward priority filter
				udp dport 7099 drop
				udp dport 7002 counter drop
				udp dport 7098 jump never
				udp dport 7005 jump sub
				udp dport 7006 goto last
				udp dport 7007 jump deep1
				udp dport 7008 jump back
				udp dport 7008 drop
				udp dport 7009 accept
				udp dport 7009 drop
				udp dport 7010 drop comment "it's odd: #\$(x) \\\\ é %s"
				tcp dport 7011 log prefix "whydrop " level debug counter drop
			}
			chain output {
				type filter hook output priority filter
				udp dport 7003 drop
			}
			chain postrouting {
				type filter hook postrouting priority 10
				udp dport 7004 drop
				iifname "cni0" oifname "flannel.1" udp dport 7012 counter drop
				udp dport 7012 counter drop
			}
		}
		table ip later {
			chain forward {
				type filter hook forward priority filter + 10
				udp dport 7009 drop
			}
		}
	END
	way prerouting "udp poda $POD_C 7000" 'node1 ip prerouting' 'nft ip fw prerouting' 'udp dport 7000' drop
	way input 'udp poda 10.244.1.1 7001' 'node1 ip input' 'nft ip fw input' 'udp dport 7001' drop
	way forward "udp poda $POD_C 7002" 'node1 ip forward' 'nft ip fw forward' 'udp dport 7002' drop
	way output "udp node1 $OUTSIDE 7003" 'node1 ip output' 'nft ip fw output' 'udp dport 7003' drop
	way postrouting "udp poda $POD_C 7004" 'node1 ip postrouting' 'nft ip fw postrouting' 'udp dport 7004' drop
	# A forwarded packet still has the interface it came in by.
	way_open 'postrouting, iif' "udp poda $POD_C 7012" 'node1 ip postrouting' 'nft ip fw postrouting' '"cni0"' 7012 drop
	way jump "udp poda $POD_C 7005" 'node1 ip forward' 'nft ip fw sub' 'udp dport 7005' drop
	way goto "udp poda $POD_C 7006" 'node1 ip forward' 'nft ip fw last' 'udp dport 7006' drop
	way 'jump, jump, goto' "udp poda $POD_C 7007" 'node1 ip forward' 'nft ip fw deep3' 'udp dport 7007' drop
	way return "udp poda $POD_C 7008" 'node1 ip forward' 'nft ip fw forward' 'udp dport 7008 drop'
	way 'accepted, then dropped' "udp poda $POD_C 7009" 'node1 ip forward' 'nft ip later forward' 'udp dport 7009' drop
	way comment "udp poda $POD_C 7010" 'node1 ip forward' 'nft ip fw forward' 'udp dport 7010' drop "it's odd" é
	way log "tcp poda $POD_C 7011" 'node1 ip forward' 'nft ip fw forward' 'tcp dport 7011' drop
	trace_ways --deep
}

variant_nft_matches()
{
	local i
	lab_up
	nft_in node1 <<-END
		table ip fw {
			set named {
				type inet_service
				elements = { 7100, 7199 }
			}
			set ranges {
				type inet_service
				flags interval
				elements = { 7110-7112, 7190-7195 }
			}
			set pairs {
				type ipv4_addr . inet_service
				elements = { $POD_C . 7105, $POD_C . 7198, $POD_B . 7104 }
			}
			map verdicts {
				type ipv4_addr . inet_service : verdict
				elements = { $POD_C . 7104 : drop, $POD_B . 7105 : drop, $POD_C . 7199 : accept }
			}
			map jumps {
				type inet_service : verdict
				elements = { 7106 : jump from_map, 7199 : drop }
			}
			chain from_map {
				tcp dport 7106 drop
				udp dport 7106 drop
			}
			chain forward {
				type filter hook forward priority filter
				icmp type echo-request drop
				udp dport @named drop
				udp dport { 7101, 7197 } drop
				udp dport vmap { 7102 : drop, 7196 : accept }
				ip daddr . tcp dport vmap @verdicts
				ip daddr . udp dport @pairs drop
				udp dport vmap @jumps
				ip saddr != $POD_B ip daddr 10.244.2.0/24 tcp dport 7107 drop
				iifname "cni*" oifname { "flannel.1", "eth7" } udp dport 7108 drop
				iifname "cni1" udp dport 7109 drop
				iifname "cni0" udp dport 7109 drop
				udp dport @ranges drop
				meta l4proto { tcp, udp } th dport 7113-7114 drop
				ct state established,related udp dport 7115 accept
				ct state new udp dport 7115 drop
				udp dport & 0xfffe == 7116 drop
				@th,16,16 7118 drop
				tcp flags syn / fin,syn,rst,ack tcp dport 7119 drop
				udp length 13 udp dport 7120 drop
				ip ttl 63 udp dport 7121 drop
				# the seed looks like the header of a rule with handle 7, and the two expressions behind it
				udp dport 7122 jhash ip saddr mod 1 seed 0xe070 0 drop
		$(for ((i = 7150; i < 7200; i++)); do
			echo "ip saddr $POD_A ip daddr $POD_C udp dport $i counter drop"
		done)
			}
		}
	END
	local at='node1 ip forward' of='nft ip fw forward'
	way 'named set' "udp poda $POD_C 7100" "$at" "$of" 'udp dport @named' drop
	way 'anonymous set' "udp poda $POD_C 7101" "$at" "$of" '7101, 7197' drop
	way 'verdict map' "udp poda $POD_C 7102" "$at" "$of" '7102 : drop' vmap
	way 'map of pairs' "tcp poda $POD_C 7104" "$at" "$of" 'ip daddr . tcp dport' vmap @verdicts
	way 'set of pairs' "udp poda $POD_C 7105" "$at" "$of" '@pairs' drop
	way 'map that jumps' "udp poda $POD_C 7106" "$at" 'nft ip fw from_map' 'udp dport 7106' drop
	way 'address and prefix' "tcp poda $POD_C 7107" "$at" "$of" 'tcp dport 7107' "ip saddr != $POD_B" drop
	way interfaces "udp poda $POD_C 7108" "$at" "$of" 'udp dport 7108' 'cni*' drop
	way 'the other interface' "udp poda $POD_C 7109" "$at" "$of" '"cni0" udp dport 7109' drop
	way 'set of ranges' "udp poda $POD_C 7111" "$at" "$of" '@ranges' drop
	way range "tcp poda $POD_C 7114" "$at" "$of" '7113-7114' drop
	way 'ct state' "udp poda $POD_C 7115" "$at" "$of" '7115 drop' 'ct state new'
	way_open mask "udp poda $POD_C 7117" "$at" "$of" 'udp dport & ' drop
	way_open payload "udp poda $POD_C 7118" "$at" "$of" '7118 drop'
	way_open 'tcp flags' "tcp poda $POD_C 7119" "$at" "$of" 'tcp dport 7119' drop
	way_open length "udp poda $POD_C 7120" "$at" "$of" 'udp dport 7120' drop
	way_open ttl "udp poda $POD_C 7121" "$at" "$of" 'udp dport 7121' drop
	way_open 'seed' "udp poda $POD_C 7122" "$at" "$of" 'udp dport 7122' drop
	way icmp "icmp poda $POD_C" "$at" "$of" 'icmp type echo-request' drop
	way 'one of 50' "udp poda $POD_C 7173" "$at" "$of" 'udp dport 7173' drop
	trace_ways --deep
}

variant_nft_families()
{
	lab_up
	nft_in node1 <<-END
		table ip6 fw {
			chain sub {
				udp dport 7201 drop
			}
			chain forward {
				type filter hook forward priority filter
				ip6 daddr $POD_B6 udp dport 7200 drop
				ip6 daddr $POD_C6 udp dport 7200 drop
				udp dport 7201 jump sub
			}
			chain input {
				type filter hook input priority filter
				tcp dport 7202 drop
			}
			chain output {
				type filter hook output priority filter
				ip6 daddr . udp dport vmap { $OUTSIDE6 . 7203 : drop }
			}
		}
		table inet fw {
			chain forward {
				type filter hook forward priority filter + 5
				meta nfproto ipv6 udp dport 7204 drop
				meta nfproto ipv4 udp dport 7205 drop
				udp dport 7206 drop
				ip6 daddr $POD_C6 udp dport 7207 drop
				ip daddr $POD_C udp dport 7208 drop
			}
			chain prerouting {
				type filter hook prerouting priority mangle
				ip6 saddr $POD_A6 tcp dport 7209 drop
			}
		}
		table bridge fw {
			chain sub {
				ether saddr != 02:00:00:00:00:01 udp dport 7212 drop
			}
			chain prerouting {
				type filter hook prerouting priority 0
				udp dport 7210 drop
			}
			chain input {
				type filter hook input priority 0
				udp dport 7211 drop
			}
			chain forward {
				type filter hook forward priority 300
				ether type ip udp dport 7212 jump sub
				ether type ip6 udp dport 7213 drop
				iifname "vetha" oifname "vethb" ip daddr $POD_B tcp dport 7214 drop
			}
			chain postrouting {
				type filter hook postrouting priority 0
				udp dport 7215 drop
			}
		}
		table arp fw {
			chain input {
				type filter hook input priority filter
				arp daddr ip 10.244.1.78 drop
				arp operation request arp daddr ip 10.244.1.77 drop
			}
		}
		table netdev fw {
			chain vetha {
				type filter hook ingress device vetha priority 0
				udp dport 7216 drop
				ip6 daddr $POD_C6 udp dport 7217 drop
			}
		}
	END
	way ip6 "udp poda $POD_C6 7200" 'node1 ip6 forward' 'nft ip6 fw forward' "ip6 daddr $POD_C6" 'dport 7200' drop
	way 'ip6 jump' "udp poda $POD_C6 7201" 'node1 ip6 forward' 'nft ip6 fw sub' 'udp dport 7201' drop
	way 'ip6 input' 'tcp poda fd00:244:1::1 7202' 'node1 ip6 input' 'nft ip6 fw input' 'tcp dport 7202' drop
	way 'ip6 output' "udp node1 $OUTSIDE6 7203" 'node1 ip6 output' 'nft ip6 fw output' '7203 : drop'
	way 'inet, nfproto ipv6' "udp poda $POD_C6 7204" 'node1 ip6 forward' 'nft inet fw forward' 'dport 7204' drop
	way 'inet, nfproto ipv4' "udp poda $POD_C 7205" 'node1 ip forward' 'nft inet fw forward' 'dport 7205' drop
	way 'inet, both: ip' "udp poda $POD_C 7206" 'node1 ip forward' 'nft inet fw forward' 'dport 7206' drop
	way 'inet, ip6' "udp poda $POD_C6 7207" 'node1 ip6 forward' 'nft inet fw forward' 'dport 7207' drop
	way 'inet, ip' "udp poda $POD_C 7208" 'node1 ip forward' 'nft inet fw forward' 'dport 7208' drop
	way 'inet prerouting, ip6' "tcp poda $POD_C6 7209" 'node1 ip6 prerouting' 'nft inet fw prerouting' 'dport 7209' drop
	# br_handle_frame() runs this hook itself
	way 'bridge prerouting' "udp poda $POD_B 7210" 'node1 bridge prerouting' 'nft bridge fw prerouting' 'dport 7210' drop
	way 'bridge input' 'udp poda 10.244.1.1 7211' 'node1 bridge input' 'nft bridge fw input' 'dport 7211' drop
	way 'bridge jump' "udp poda $POD_B 7212" 'node1 bridge forward' 'nft bridge fw sub' 'dport 7212' drop
	way 'bridge, ip6' "udp poda $POD_B6 7213" 'node1 bridge forward' 'nft bridge fw forward' 'dport 7213' drop
	way 'bridge ports' "tcp poda $POD_B 7214" 'node1 bridge forward' 'nft bridge fw forward' 'dport 7214' '"vetha"' drop
	way 'bridge postrouting' "udp poda $POD_B 7215" 'node1 bridge postrouting' 'nft bridge fw postrouting' 'dport 7215' drop
	way arp 'arp poda 10.244.1.77' 'node1 arp input' 'nft arp fw input' 10.244.1.77 drop
	way ingress "udp poda $POD_C 7216" 'node1 netdev ingress' 'nft netdev fw vetha' 'dport 7216' drop
	way 'ingress, ip6' "udp poda $POD_C6 7217" 'node1 netdev ingress' 'nft netdev fw vetha' 'dport 7217' drop
	if nft_try 'netdev egress' node1 <<-END; then
		table netdev out {
			chain vethb {
				type filter hook egress device vethb priority 0
				udp dport 7218 drop
			}
		}
	END
		way egress "udp poda $POD_B 7218" 'node1 netdev egress' 'nft netdev out vethb' 'dport 7218' drop
	fi
	if nft_try 'inet ingress' node1 <<-END; then
		table inet early {
			chain eth0 {
				type filter hook ingress device eth0 priority 0
				udp dport 7219 drop
			}
		}
	END
		way 'inet ingress' "udp host $NODE1 7219" 'node1 netdev ingress' 'nft inet early eth0' 'dport 7219' drop
	fi
	trace_ways --deep
}

# A rule that looks as if it dropped the packet, and ends before: at what nft asks and does not print, at a
# set that is full, at what a set's element has.
variant_nft_ends_early()
{
	lab_up
	nft_in node1 <<-END
		table inet asleep {
			flags dormant
			chain forward {
				type filter hook forward priority filter
				udp dport 7220 counter drop
			}
		}
		table inet fw {
			set met4 {
				type ipv4_addr
				size 1000
				flags dynamic,timeout
				timeout 1h
			}
			set met6 {
				type ipv6_addr
				size 1000
				flags dynamic,timeout
				timeout 1h
			}
			set full {
				type ipv4_addr
				size 1
				flags dynamic,timeout
				timeout 1h
			}
			chain forward {
				type filter hook forward priority filter + 1
				udp dport 7220 counter drop
				udp dport 7221 add @met4 { ip daddr } counter drop
				udp dport 7221 add @met6 { ip6 daddr } counter drop
				udp dport 7222 add @full { ip daddr } counter drop
				udp dport 7222 counter drop
			}
			chain output {
				type filter hook output priority filter
				ether type ip udp dport 7223 counter drop
				udp dport { 7223, 7298 } counter drop
			}
		}
	END
	in_ns node1 nft add element inet fw full '{ 192.0.2.1 }'
	local at='node1 ip forward' of='nft inet fw forward'
	way 'dormant table' "udp poda $POD_C 7220" "$at" "$of" 'udp dport 7220' drop
	way 'key of the other family' "udp poda $POD_C6 7221" 'node1 ip6 forward' "$of" '@met6' drop
	way_open 'full set' "udp poda $POD_C 7222" "$at" "$of" '7222 counter' drop
	way 'no Ethernet device' "udp node1 $OUTSIDE 7223" 'node1 ip output' 'nft inet fw output' '7223, 7298' drop
	if nft_try 'quota of a set' node1 <<-END; then
		table ip spent {
			set ports {
				type inet_service
				quota over 100 mbytes
				elements = { 7224 }
			}
			chain forward {
				type filter hook forward priority filter
				udp dport @ports counter drop
				udp dport 7224 counter drop
			}
		}
	END
		way_open 'quota of a set' "udp poda $POD_C 7224" "$at" 'nft ip spent forward' 'udp dport 7224' drop
	fi
	if nft_try 'reset of a TCP option' node1 <<-END; then
		table ip strip {
			chain forward {
				type filter hook forward priority filter
				reset tcp option sack-perm counter jump stripped
			}
			chain stripped {
				meta l4proto udp th dport 7225 counter drop
			}
		}
		table ip later {
			chain forward {
				type filter hook forward priority filter + 2
				udp dport 7225 counter drop
			}
		}
	END
		way 'reset of a TCP option' "udp poda $POD_C 7225" "$at" 'nft ip later forward' 'udp dport 7225' drop
	fi
	trace_ways --deep
}

variant_nft_reject()
{
	lab_up
	nft_in node1 <<-END
		table ip fw {
			chain refuse {
				reject with icmp type admin-prohibited
			}
			chain forward {
				type filter hook forward priority filter
				tcp dport 7300 reject with tcp reset
				udp dport 7301 reject with icmp type host-unreachable
				udp dport 7302 jump refuse
			}
			chain output {
				type filter hook output priority filter
				tcp dport 7308 reject
			}
		}
		table ip6 fw {
			chain forward {
				type filter hook forward priority filter
				udp dport 7303 reject with icmpv6 type admin-prohibited
				tcp dport 7304 reject with tcp reset
			}
		}
		table inet fw {
			chain input {
				type filter hook input priority filter
				udp dport 7305 reject
				meta nfproto ipv6 udp dport 7306 reject with icmpx type port-unreachable
				meta l4proto tcp tcp dport 7307 reject with tcp reset
			}
		}
	END
	local at='node1 ip forward'
	way 'tcp reset' "tcp poda $POD_C 7300" "$at" 'nft ip fw forward' 'tcp dport 7300' 'reject with tcp reset'
	way icmp "udp poda $POD_C 7301" "$at" 'nft ip fw forward' 'udp dport 7301' reject host-unreachable
	way 'icmp, jump' "udp poda $POD_C 7302" "$at" 'nft ip fw refuse' reject admin-prohibited
	way icmpv6 "udp poda $POD_C6 7303" 'node1 ip6 forward' 'nft ip6 fw forward' 'udp dport 7303' reject
	way 'tcp reset, ip6' "tcp poda $POD_C6 7304" 'node1 ip6 forward' 'nft ip6 fw forward' 'tcp dport 7304' reject
	way 'inet, ip' 'udp poda 10.244.1.1 7305' 'node1 ip input' 'nft inet fw input' 'udp dport 7305' reject
	way 'inet, ip6' 'udp poda fd00:244:1::1 7306' 'node1 ip6 input' 'nft inet fw input' 'udp dport 7306' reject
	way 'inet, tcp reset' 'tcp poda 10.244.1.1 7307' 'node1 ip input' 'nft inet fw input' 'tcp dport 7307' reject
	way output "tcp node1 $OUTSIDE 7308" 'node1 ip output' 'nft ip fw output' 'tcp dport 7308' reject
	if nft_try 'bridge reject' node1 <<-END; then
		table bridge fw {
			chain prerouting {
				type filter hook prerouting priority 0
				ether type ip udp dport 7309 reject with icmp type port-unreachable
			}
		}
	END
		way bridge "udp poda $POD_B 7309" 'node1 bridge prerouting' 'nft bridge fw prerouting' 'udp dport 7309' reject
	fi
	trace_ways --deep
}

# br_netfilter runs IP's hooks on bridged frames: their interface is the bridge, not the port.
variant_nft_bridged()
{
	need_bridge_nf
	lab_up
	nft_in node1 <<-END
		table ip fw {
			chain prerouting {
				type filter hook prerouting priority raw
				iifname "vetha" udp dport 7350 counter drop
				iifname "cni0" udp dport 7350 counter drop
				udp dport 7350 counter drop
				udp dport 7351 counter drop
			}
			chain forward {
				type filter hook forward priority filter
				iifname "vetha" udp dport 7352 counter drop
				oifname "vethb" udp dport 7352 counter drop
				iifname "cni0" oifname "cni0" udp dport 7352 counter drop
				udp dport 7352 counter drop
				tcp dport 7353 counter drop
			}
			chain postrouting {
				type filter hook postrouting priority 10
				oifname "vethb" udp dport 7354 counter drop
				oifname "cni0" udp dport 7354 counter drop
				udp dport 7354 counter drop
			}
		}
		table inet fw {
			chain forward {
				type filter hook forward priority filter
				meta nfproto ipv6 udp dport 7355 counter drop
			}
		}
	END
	in_ns node1 iptables-nft-restore -w <<-END
		*filter
		-A FORWARD -i vetha -p udp --dport 7356 -j DROP
		-A FORWARD -m physdev --physdev-in vethb -p udp --dport 7356 -j DROP
		-A FORWARD -m physdev --physdev-in vetha --physdev-out vethb -p udp --dport 7356 -j DROP
		-A FORWARD -p udp --dport 7356 -j DROP
		COMMIT
	END
	local at='node1 ip forward'
	way_open 'prerouting, iif' "udp poda $POD_B 7350" 'node1 ip prerouting' 'nft ip fw prerouting' '"cni0" udp dport 7350' drop
	way prerouting "udp poda $POD_B 7351" 'node1 ip prerouting' 'nft ip fw prerouting' 'udp dport 7351' drop
	way_open 'forward, iif and oif' "udp poda $POD_B 7352" "$at" 'nft ip fw forward' '"cni0" udp dport 7352' drop
	way forward "tcp poda $POD_B 7353" "$at" 'nft ip fw forward' 'tcp dport 7353' drop
	way_open 'postrouting, oif' "udp poda $POD_B 7354" 'node1 ip postrouting' 'nft ip fw postrouting' '"cni0" udp dport 7354' drop
	way 'forward, ip6' "udp poda $POD_B6 7355" 'node1 ip6 forward' 'nft inet fw forward' 'udp dport 7355' drop
	way_open physdev "udp poda $POD_B 7356" "$at" 'iptables-nft ip filter FORWARD' '--physdev-out vethb' '-j DROP'
	trace_ways --deep
}

# What goes into a tunnel still has the tunnel's device in the output hook, whose own is the route's.
into_tunnel()
{
	lab_up
	nft_in node1 <<-END
		table ip fw {
			chain output {
				type filter hook output priority filter
				oifname "eth0" udp dport 8472 counter drop
				oifname "flannel.1" udp dport 8472 drop
			}
		}
	END
	way output "udp node1 $NODE2 8472" 'node1 ip output' 'nft ip fw output' '"eth0"' drop
	trace_start --netns "$LAB-node1" "$@"
	send_flows
	in_ns poda "$TRAFFIC" burst "udp,$POD_C,7260"
	trace_stop
	check_ways
	[[ $(query '[.drops[] | select(.flow.dport == 8472 and .out == "eth0")] | length') == 2 ]] ||
		fail "not both, or not by eth0: $(query '[.drops[] | del(.stack)]' -c)"
}

variant_tunnel_output()
{
	WHYDROP_TEST=rung=stack into_tunnel
}

variant_tunnel_output_seen()
{
	into_tunnel --deep
}

# fragment FROM TO: a later fragment of UDP, whose payload looks like the port 31097
fragment()
{
	in_ns "$1" python3 - "$2" <<-END
		import socket, sys
		to = sys.argv[1]
		s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
		header = bytes.fromhex("45000000 00070005 40110000 00000000") + socket.inet_aton(to)
		s.sendto(header + b"y" * 16, (to, 0))
	END
}

# Some kernels take a later fragment's payload for ports: whether this one does, the counter tells.
variant_nft_later_fragment()
{
	local NAME=fragment WORD='udp dport 31097' want got
	lab_up
	nft_in node1 <<-END
		table ip fw {
			chain prerouting {
				type filter hook prerouting priority -450
				udp dport 31097 counter drop
				meta l4proto udp drop
			}
		}
	END
	trace_start --netns "$LAB-node1" --deep
	fragment poda "$POD_C"
	trace_stop
	rules_of node1 nft ip fw prerouting | grep -q 'packets 1 ' || WORD='meta l4proto udp'
	want=$(where_is node1 nft ip fw prerouting)
	got=$(query "[.drops[] | select(.flow.proto == \"udp\" and .flow.dst == \"$POD_C\")]" -c)
	[[ $got != '[]' ]] || fail "no drop"
	jq -e "all(.[].rule; . == null or ($want))" <<<"$got" >/dev/null || fail "wanted $want, got $got"
	! nft_is_seen || jq -e 'all(.[].rule; . != null)' <<<"$got" >/dev/null || fail "not seen: $got"
}

# A policy drops whatever else comes, so each has a namespace of its own.
variant_nft_policy()
{
	lab_up
	nft_in host <<-END
		table inet fw {
			chain input {
				type filter hook input priority filter; policy drop;
				iif lo accept
				ct state established,related accept
				meta l4proto { icmp, ipv6-icmp } accept
				tcp dport { 22, 7499 } accept
				udp dport 7401 drop
			}
		}
	END
	nft_in node2 <<-END
		table ip fw {
			chain sub {
				udp dport 7499 accept
				udp dport 7498 drop
			}
			chain forward {
				type filter hook forward priority filter; policy drop;
				udp dport 7497 drop
				jump sub
			}
		}
		table ip first {
			chain forward {
				type filter hook forward priority filter - 5
				accept
			}
		}
		table ip6 fw {
			chain forward {
				type filter hook forward priority filter + 5; policy drop;
				tcp dport 7499 accept
			}
		}
	END
	nft_in podb <<-END
		table ip fw {
			chain output {
				type filter hook output priority filter; policy drop;
				tcp dport 7499 accept
			}
		}
	END
	nft_in podc <<-END
		table netdev fw {
			chain eth0 {
				type filter hook ingress device eth0 priority 0; policy drop;
				udp dport != 7405 accept
				meta protocol != ip accept
				meta l4proto != udp accept
			}
		}
	END
	way 'input, inet: ip' "udp poda $OUTSIDE 7400" 'host ip input' 'nft inet fw input policy'
	way 'input, inet: a rule' "udp poda $OUTSIDE 7401" 'host ip input' 'nft inet fw input' 'udp dport 7401' drop
	way 'input, inet: ip6' "tcp poda $OUTSIDE6 7402" 'host ip6 input' 'nft inet fw input policy'
	way 'forward, after a jump' "udp poda $POD_C 7403" 'node2 ip forward' 'nft ip fw forward policy'
	way 'forward, ip6' "udp poda $POD_C6 7404" 'node2 ip6 forward' 'nft ip6 fw forward policy'
	way output "udp podb $POD_A 7406" 'podb ip output' 'nft ip fw output policy'
	way ingress "udp node2 $POD_C 7405" 'podc netdev ingress' 'nft netdev fw eth0 policy'
	trace_ways --deep
}

# Tables of nft's with the names of iptables': its tool prints rules that look something up in a set without
# that.
variant_nft_in_iptables_tables()
{
	lab_up
	nft_in node1 <<-END
		table ip filter {
			set blk {
				type ipv4_addr
				elements = { 192.0.2.3 }
			}
			chain FORWARD {
				type filter hook forward priority filter
				ip saddr @blk counter drop comment "block list"
				tcp dport { 22, 80 } counter accept
				udp dport vmap { 7471 : drop, 7499 : accept } comment "map"
				ip daddr . udp dport { $POD_C . 7472 } counter drop
				udp dport 7470 counter drop comment "REAL"
			}
		}
		table ip6 filter {
			chain FORWARD {
				type filter hook forward priority filter
				udp length 9999 drop
				udp dport 7473 drop
			}
		}
	END
	nft_in node2 <<-END
		table ip filter {
			chain FORWARD {
				type filter hook forward priority filter; policy drop;
				meta l4proto != udp accept
				udp dport { 53, 123 } counter accept
			}
		}
	END
	local at='node1 ip forward'
	way 'behind a named set' "udp poda $POD_C 7470" "$at" 'nft ip filter FORWARD' 'udp dport 7470' REAL drop
	way map "udp poda $POD_C 7471" "$at" 'nft ip filter FORWARD' '7471 : drop' vmap
	way 'set of pairs' "udp poda $POD_C 7472" "$at" 'nft ip filter FORWARD' '7472' 'ip daddr .' drop
	way_open 'behind a length' "udp poda $POD_C6 7473" 'node1 ip6 forward' 'nft ip6 filter FORWARD' 'udp dport 7473' drop
	way policy "udp poda $POD_C 7474" 'node2 ip forward' 'nft ip filter FORWARD policy'
	trace_ways --deep
}

all_explained()
{
	grep -q 'explained by .* > .*:7450' "$LAB_DIR/trace.err" &&
		grep -q 'explained by .* > .*:7451' "$LAB_DIR/trace.err"
}

# Armed by the first drops, seen or deduced in the next.
variant_on_demand()
{
	local rounds=1 round
	lab_up
	nft_in node1 <<-END
		table inet fw {
			chain sub {
				ip6 daddr $POD_C6 udp dport 7451 drop
			}
			chain forward {
				type filter hook forward priority 5
				udp dport 7450 drop
				udp dport 7451 jump sub
			}
		}
	END
	way rule "udp poda $POD_C 7450" 'node1 ip forward' 'nft inet fw forward' 'udp dport 7450' drop
	way 'rule, ip6' "udp poda $POD_C6 7451" 'node1 ip6 forward' 'nft inet fw sub' 'udp dport 7451' drop
	! can_probe nft_do_chain || rounds=20 # attaching takes many seconds where all is emulated
	trace_start -v --netns "$LAB-node1"
	for ((round = 0; round < rounds; round++)); do
		send_flows --count 40
		! all_explained || break
	done
	trace_stop
	if ((rounds == 1)); then
		skip_part armed "no program on nft_do_chain"
	else
		armed_on_demand nft_do_chain
	fi
	check_ways
}

# No program at all: everything is deduced, and nothing is certain.
variant_stack()
{
	lab_up
	nft_in node1 <<-END
		table inet fw {
			map verdicts {
				type ipv4_addr . inet_service : verdict
				elements = { $POD_C . 7460 : jump sub, $POD_B . 7460 : drop }
			}
			chain sub {
				udp dport 7460 drop
			}
			chain forward {
				type filter hook forward priority 5
				ip daddr . udp dport vmap @verdicts
				tcp dport 7461 reject with tcp reset
			}
		}
	END
	nft_in host <<-END
		table ip6 fw {
			chain input {
				type filter hook input priority 5; policy drop;
				meta l4proto ipv6-icmp accept
			}
		}
	END
	way map "udp poda $POD_C 7460" 'node1 ip forward' 'nft inet fw sub' 'udp dport 7460' drop
	way reject "tcp poda $POD_C6 7461" 'node1 ip6 forward' 'nft inet fw forward' 'tcp dport 7461' reject
	way policy "udp poda $OUTSIDE6 7462" 'host ip6 input' 'nft ip6 fw input policy'
	export WHYDROP_TEST=rung=stack
	trace_ways --deep
}

# ---- iptables

# iptables_rules BACKEND: the same rules for both
iptables_rules()
{
	in_ns node1 "iptables-$1-restore" -w <<-END
		*raw
		-A PREROUTING -p udp --dport 7500 -j DROP
		COMMIT
		*mangle
		:LATE - [0:0]
		-A POSTROUTING -p udp --dport 7501 -j LATE
		-A LATE -p tcp -j DROP
		-A LATE -o flannel.1 -p udp --dport 7501 -j DROP
		COMMIT
		*filter
		:KUBE-FORWARD - [0:0]
		:deep - [0:0]
		:goto - [0:0]
		-A INPUT -p udp --dport 7599 -j DROP
		-A INPUT -p udp --dport 7502 -j DROP
		-A FORWARD -p udp --dport 7599 -j DROP
		-A FORWARD -p udp --dport 7503 -j DROP
		-A FORWARD -p udp -m multiport --dports 7504,7508 -j KUBE-FORWARD
		-A FORWARD -p udp --dport 7505 -j REJECT --reject-with icmp-host-prohibited
		-A FORWARD -p tcp --dport 7506 -j REJECT --reject-with tcp-reset
		-A FORWARD -p udp --dport 7507 -m comment --comment "it's \"odd\": #\$(x) %s é -j ACCEPT" -j DROP
		-A FORWARD ! -s $POD_B/32 -d 10.244.2.0/24 -p tcp -m tcp --dport 7509:7510 -j DROP
		-A FORWARD -i cni+ -o flannel.1 -p udp --dport 7511 -j DROP
		-A FORWARD -p udp --dport 7512 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A FORWARD -p udp --dport 7512 -m conntrack --ctstate NEW -j DROP
		-A FORWARD -p udp --dport 7513 -g goto
		-A FORWARD -p udp --dport 7513 -j DROP
		-A FORWARD -p icmp -m icmp --icmp-type 8 -j DROP
		-A OUTPUT -p udp --dport 7514 -j DROP
		-A KUBE-FORWARD -p udp --dport 7599 -j DROP
		-A KUBE-FORWARD -p udp --dport 7508 -j deep
		-A KUBE-FORWARD -p udp --dport 7504 -j DROP
		-A deep -p udp --dport 7599 -j RETURN
		-A deep -p udp --dport 7508 -j DROP
		-A goto -p udp --dport 7599 -j DROP
		-A goto -p udp --dport 7513 -j DROP
		COMMIT
	END
	local at='node1 ip forward' of="iptables-$1 ip filter FORWARD"
	way 'raw PREROUTING' "udp poda $POD_C 7500" 'node1 ip prerouting' "iptables-$1 ip raw PREROUTING" '--dport 7500' '-j DROP'
	way 'mangle user chain' "udp poda $POD_C 7501" 'node1 ip postrouting' "iptables-$1 ip mangle LATE" '--dport 7501' '-j DROP'
	way INPUT 'udp poda 10.244.1.1 7502' 'node1 ip input' "iptables-$1 ip filter INPUT" '--dport 7502' '-j DROP'
	way FORWARD "udp poda $POD_C 7503" "$at" "$of" '--dport 7503' '-j DROP'
	way 'user chain' "udp poda $POD_C 7504" "$at" "iptables-$1 ip filter KUBE-FORWARD" '--dport 7504' '-j DROP'
	way REJECT "udp poda $POD_C 7505" "$at" "$of" '--dport 7505' '-j REJECT'
	way 'tcp-reset' "tcp poda $POD_C 7506" "$at" "$of" '--dport 7506' '-j REJECT'
	way comment "udp poda $POD_C 7507" "$at" "$of" '--dport 7507' --comment é '-j DROP'
	way 'user chain of a user chain' "udp poda $POD_C 7508" "$at" "iptables-$1 ip filter deep" '--dport 7508' '-j DROP'
	way 'negation and range' "tcp poda $POD_C 7510" "$at" "$of" '--dport 7509:7510' '-j DROP'
	way interfaces "udp poda $POD_C 7511" "$at" "$of" '--dport 7511' '-j DROP'
	way ctstate "udp poda $POD_C 7512" "$at" "$of" '--ctstate NEW' '-j DROP'
	way goto "udp poda $POD_C 7513" "$at" "iptables-$1 ip filter goto" '--dport 7513' '-j DROP'
	way icmp "icmp poda $POD_C" "$at" "$of" '-p icmp' '-j DROP'
	way OUTPUT "udp node1 $OUTSIDE 7514" 'node1 ip output' "iptables-$1 ip filter OUTPUT" '--dport 7514' '-j DROP'
}

ip6tables_rules()
{
	in_ns node1 "ip6tables-$1-restore" -w <<-END
		*filter
		:user - [0:0]
		-A INPUT -p tcp --dport 7522 -j REJECT --reject-with tcp-reset
		-A FORWARD -p udp --dport 7599 -j DROP
		-A FORWARD -d $POD_C6/128 -p udp --dport 7520 -j DROP
		-A FORWARD -p udp --dport 7521 -j user
		-A FORWARD -p udp --dport 7523 -j REJECT
		-A user -p udp --dport 7599 -j DROP
		-A user -p udp --dport 7521 -m comment --comment "six" -j DROP
		COMMIT
	END
	local at='node1 ip6 forward'
	way 'FORWARD, ip6' "udp poda $POD_C6 7520" "$at" "iptables-$1 ip6 filter FORWARD" '--dport 7520' '-j DROP'
	way 'user chain, ip6' "udp poda $POD_C6 7521" "$at" "iptables-$1 ip6 filter user" '--dport 7521' six '-j DROP'
	way 'INPUT, ip6' 'tcp poda fd00:244:1::1 7522' 'node1 ip6 input' "iptables-$1 ip6 filter INPUT" '--dport 7522' '-j REJECT'
	way 'REJECT, ip6' "udp poda $POD_C6 7523" "$at" "iptables-$1 ip6 filter FORWARD" '--dport 7523' '-j REJECT'
}

iptables_policies()
{
	in_ns host "iptables-$1-restore" -w <<-END
		*filter
		:INPUT DROP [0:0]
		:user - [0:0]
		-A INPUT -i lo -j ACCEPT
		-A INPUT -p tcp --dport 22 -j ACCEPT
		-A INPUT -p udp --dport 7531 -j DROP
		-A INPUT -j user
		-A user -p udp --dport 7599 -j DROP
		COMMIT
	END
	in_ns host "ip6tables-$1-restore" -w <<-END
		*filter
		:INPUT DROP [0:0]
		-A INPUT -p ipv6-icmp -j ACCEPT
		COMMIT
	END
	in_ns node2 "iptables-$1" -w -P FORWARD DROP
	way 'INPUT policy' "udp poda $OUTSIDE 7530" 'host ip input' "iptables-$1 ip filter INPUT policy"
	way 'a rule before the policy' "udp poda $OUTSIDE 7531" 'host ip input' "iptables-$1 ip filter INPUT" '--dport 7531' '-j DROP'
	way 'INPUT policy, ip6' "udp poda $OUTSIDE6 7532" 'host ip6 input' "iptables-$1 ip6 filter INPUT policy"
	way 'FORWARD policy' "tcp poda $POD_C 7533" 'node2 ip forward' "iptables-$1 ip filter FORWARD policy"
}

iptables_ways()
{
	lab_up
	need_iptables "$1"
	need_ip6tables "$1"
	iptables_rules "$1"
	ip6tables_rules "$1"
	iptables_policies "$1"
	trace_ways --deep
}

variant_iptables_nft()
{
	iptables_ways nft
}

variant_iptables_legacy()
{
	iptables_ways legacy
}

# ebtables_ways nft|legacy
ebtables_ways()
{
	local rule
	lab_up
	has_tool "ebtables-$1" || skip "the kernel has no ebtables-$1"
	while read -r rule; do
		in_ns node1 "ebtables-$1" $rule
	done <<-END
		-N user
		-A INPUT -p IPv4 --ip-protocol udp --ip-destination-port 7602 -j DROP
		-A FORWARD -p IPv4 --ip-protocol udp --ip-destination-port 7699 -j DROP
		-A FORWARD -p IPv4 --ip-protocol udp --ip-destination-port 7600 -j DROP
		-A FORWARD -p IPv4 --ip-protocol udp --ip-destination-port 7601 -j user
		-A FORWARD -p IPv6 --ip6-protocol udp --ip6-destination-port 7603 -j DROP
		-A user -p IPv4 --ip-protocol udp --ip-destination-port 7699 -j DROP
		-A user -p IPv4 --ip-protocol udp --ip-destination-port 7601 -j DROP
	END
	in_ns wire "ebtables-$1" -A FORWARD -p ARP -j ACCEPT
	in_ns wire "ebtables-$1" -A FORWARD -p IPv6 -j ACCEPT
	in_ns wire "ebtables-$1" -P FORWARD DROP
	# Of nft it is a set, as native rules have them.
	if [[ $1 == nft ]]; then
		in_ns node1 ebtables-nft -A FORWARD -p IPv4 --among-src ! 02:00:00:00:00:99,02:00:00:00:00:98 \
			--ip-protocol udp --ip-destination-port 7605 -j DROP
		way_open among "udp poda $POD_B 7605" 'node1 bridge forward' 'ebtables-nft bridge filter FORWARD' 7605 among DROP
	fi
	way FORWARD "udp poda $POD_B 7600" 'node1 bridge forward' "ebtables-$1 bridge filter FORWARD" 7600 DROP
	way 'user chain' "udp poda $POD_B 7601" 'node1 bridge forward' "ebtables-$1 bridge filter user" 7601 DROP
	way INPUT 'udp poda 10.244.1.1 7602' 'node1 bridge input' "ebtables-$1 bridge filter INPUT" 7602 DROP
	way ip6 "udp poda $POD_B6 7603" 'node1 bridge forward' "ebtables-$1 bridge filter FORWARD" 7603 DROP
	way policy "udp node1 $OUTSIDE 7604" 'wire bridge forward' "ebtables-$1 bridge filter FORWARD policy"
	trace_ways --deep
}

variant_ebtables_nft()
{
	ebtables_ways nft
}

variant_ebtables_legacy()
{
	ebtables_ways legacy
}

# One accepts what the other drops, or both would drop it and one comes first.
variant_two_backends()
{
	local tool
	lab_up
	need_iptables legacy
	need_ip6tables legacy
	for tool in iptables ip6tables; do
		in_ns node1 $tool-legacy-restore -w <<-END
			*filter
			-A FORWARD -p udp --dport 7700 -j DROP
			-A FORWARD -p udp --dport 7701 -j ACCEPT
			-A FORWARD -p udp --dport 7702 -j DROP
			-A FORWARD -p udp --dport 7703 -j DROP
			-A FORWARD -p udp --dport 7704 -j ACCEPT
			-A FORWARD -p udp --dport 7705 -j DROP
			-A FORWARD -p udp --dport 7706 -j ACCEPT
			COMMIT
		END
	done
	nft_in node1 <<-END
		table inet early {
			chain forward {
				type filter hook forward priority filter - 5
				udp dport { 7700, 7704, 7705, 7706 } accept
				udp dport 7702 drop
			}
		}
		table inet late {
			chain forward {
				type filter hook forward priority filter + 5
				udp dport 7700 accept
				udp dport 7701 drop
				udp dport 7703 drop
				udp dport 7706 drop
			}
		}
	END
	in_ns node1 iptables-nft-restore -w <<-END
		*filter
		-A FORWARD -p udp --dport 7704 -j DROP
		-A FORWARD -p udp --dport 7705 -j ACCEPT
		-A FORWARD -p udp --dport 7706 -j ACCEPT
		COMMIT
	END
	local at='node1 ip forward' at6='node1 ip6 forward' legacy='iptables-legacy ip filter FORWARD'
	way 'legacy drops, nft accepts' "udp poda $POD_C 7700" "$at" "$legacy" '--dport 7700' '-j DROP'
	way 'nft drops, legacy accepts' "udp poda $POD_C 7701" "$at" 'nft inet late forward' 'dport 7701' drop
	way 'both, nft first' "udp poda $POD_C 7702" "$at" 'nft inet early forward' 'dport 7702' drop
	way 'both, legacy first' "udp poda $POD_C 7703" "$at" "$legacy" '--dport 7703' '-j DROP'
	way 'iptables-nft drops, two accept' "udp poda $POD_C 7704" "$at" 'iptables-nft ip filter FORWARD' '--dport 7704' '-j DROP'
	way 'legacy drops, two accept' "udp poda $POD_C 7705" "$at" "$legacy" '--dport 7705' '-j DROP'
	way 'three accept, nft drops' "udp poda $POD_C 7706" "$at" 'nft inet late forward' 'dport 7706' drop
	legacy=${legacy/ ip / ip6 }
	way 'ip6: legacy drops, nft accepts' "udp podb $POD_C6 7700" "$at6" "$legacy" '--dport 7700' '-j DROP'
	way 'ip6: nft drops, legacy accepts' "udp podb $POD_C6 7701" "$at6" 'nft inet late forward' 'dport 7701' drop
	trace_ways --deep
}

# Nobody listens to the queue, and the rule lets the packet go on then: to the next table, or base chain.
variant_queue_bypass()
{
	lab_up
	need_iptables legacy
	in_ns node1 iptables-legacy-restore -w 2>/dev/null <<-END || skip "the kernel has no NFQUEUE"
		*mangle
		-A FORWARD -p udp --dport 7750 -j NFQUEUE --queue-num 3 --queue-bypass
		COMMIT
		*filter
		-A FORWARD -p udp --dport 7799 -j DROP
		-A FORWARD -p udp --dport 7750 -j DROP
		COMMIT
	END
	way 'legacy drops' "udp poda $POD_C 7750" 'node1 ip forward' 'iptables-legacy ip filter FORWARD' '--dport 7750' '-j DROP'
	if nft_try queue node1 <<-END; then
		table ip early {
			chain forward {
				type filter hook forward priority filter - 5
				udp dport 7751 counter queue flags bypass to 3
			}
		}
		table ip late {
			chain forward {
				type filter hook forward priority filter + 5
				udp dport 7751 counter drop
			}
		}
	END
		way 'nft drops' "udp poda $POD_C 7751" 'node1 ip forward' 'nft ip late forward' 'dport 7751' drop
	fi
	trace_ways --deep
}

# One sets a mark behind the rule of the other that asks for it.
variant_marks_of_another()
{
	lab_up
	need_iptables legacy
	optional MARK in_ns node1 iptables-legacy-restore -w <<-END || skip "iptables-legacy has no MARK here"
		*mangle
		-A FORWARD -p udp --dport 7710 -j MARK --set-xmark 0x1/0x1
		-A FORWARD -p udp --dport 7711 -m mark --mark 0x2/0x2 -j DROP
		-A FORWARD -p udp --dport 7712 -j MARK --set-xmark 0x4/0x4
		COMMIT
		*filter
		-A FORWARD -p udp --dport 7711 -j DROP
		COMMIT
	END
	nft_in node1 <<-END
		table inet fw {
			chain early {
				type filter hook forward priority mangle - 10
				udp dport 7710 meta mark & 0x1 == 0x1 counter drop
			}
			chain middle {
				type filter hook forward priority mangle + 10
				udp dport 7711 meta mark set meta mark | 0x2
			}
			chain late {
				type filter hook forward priority filter + 10
				udp dport 7710 counter drop
				udp dport 7712 meta mark & 0x4 == 0x4 counter drop
				udp dport 7712 counter drop
			}
		}
	END
	local at='node1 ip forward'
	way_open 'iptables marks after nft asked' "udp poda $POD_C 7710" "$at" 'nft inet fw late' 'udp dport 7710' drop
	way_open 'nft marks after iptables asked' "udp poda $POD_C 7711" "$at" 'iptables-legacy ip filter FORWARD' '--dport 7711' '-j DROP'
	way 'iptables marks, then nft asks' "udp poda $POD_C 7712" "$at" 'nft inet fw late' '0x00000004' 'udp dport 7712' drop
	trace_ways --deep
}

# ---- five hundred that differ in one field: the right one or none

# numbered FIRST LAST TEXT: with the number for each N of the text
numbered()
{
	local i
	for ((i = $1; i <= $2; i++)); do
		echo "${3//@N/$i}"
	done
}

variant_lookalikes_nft()
{
	lab_up
	nft_in node1 <<-END
		table ip fw {
			chain ports {
				$(numbered 20000 20499 "ip saddr $POD_A ip daddr $POD_C udp dport @N drop")
			}
			chain addresses {
				$(numbered 0 249 "ip saddr $POD_A ip daddr 10.244.2.@N udp dport 7801 drop")
				$(numbered 0 249 "ip saddr $POD_A ip daddr 10.244.3.@N udp dport 7801 drop")
			}
			chain sources {
				$(numbered 30000 30499 "udp sport @N udp dport 7802 drop")
			}
			chain marks {
				meta mark set jhash ip saddr . udp dport mod 500 seed 0x1
				$(numbered 0 499 "meta mark @N counter drop")
			}
			chain ctmarks {
				ct mark set jhash ip saddr . udp dport mod 500 seed 0x2
				$(numbered 0 499 "ct mark @N counter drop")
			}
			chain forward {
				type filter hook forward priority filter
				udp dport 20000-20499 jump ports
				udp dport vmap { 7801 : jump addresses, 7802 : jump sources, 7803 : jump marks, 7804 : jump ctmarks }
			}
		}
	END
	local at='node1 ip forward'
	way_open 'first port' "udp poda $POD_C 20000" "$at" 'nft ip fw ports' 'dport 20000' drop
	way_open port "udp poda $POD_C 20321" "$at" 'nft ip fw ports' 'dport 20321' drop
	way_open 'last port' "udp poda $POD_C 20499" "$at" 'nft ip fw ports' 'dport 20499' drop
	way_open address "udp poda $POD_C 7801" "$at" 'nft ip fw addresses' "ip daddr $POD_C udp" 7801 drop
	way_open 'source port' "udp poda $POD_C 7802 30444" "$at" 'nft ip fw sources' 'udp sport 30444' drop
	way_open mark "udp poda $POD_C 7803" "$at" 'nft ip fw marks counted'
	way_open 'connection mark' "udp poda $POD_C 7804" "$at" 'nft ip fw ctmarks counted'
	trace_ways --deep
	((NAMED)) || fail "no rule is named"
}

lookalikes_iptables()
{
	lab_up
	need_iptables "$1"
	# Each of the two hashes the packet into one of 500 rules.
	local at='node1 ip forward' hash='-j HMARK --hmark-tuple src,dport --hmark-mod 500 --hmark-rnd' hashed=0
	in_ns node1 "iptables-$1-restore" -w <<-END
		*filter
		:ports - [0:0]
		:addresses - [0:0]
		:sources - [0:0]
		-A FORWARD -p udp --dport 20000:20499 -j ports
		-A FORWARD -p udp --dport 7801 -j addresses
		-A FORWARD -p udp --dport 7802 -j sources
		$(numbered 20000 20499 "-A ports -s $POD_A/32 -d $POD_C/32 -p udp --dport @N -j DROP")
		$(numbered 0 249 "-A addresses -s $POD_A/32 -d 10.244.2.@N/32 -p udp --dport 7801 -j DROP")
		$(numbered 0 249 "-A addresses -s $POD_A/32 -d 10.244.3.@N/32 -p udp --dport 7801 -j DROP")
		$(numbered 30000 30499 "-A sources -p udp --sport @N --dport 7802 -j DROP")
		COMMIT
	END
	if optional HMARK in_ns node1 "iptables-$1-restore" -w -n <<-END; then
		*mangle
		-A PREROUTING -p udp --dport 7803 $hash 1
		-A PREROUTING -p udp --dport 7804 $hash 2
		-A PREROUTING -p udp --dport 7804 -j CONNMARK --save-mark
		COMMIT
		*filter
		:marks - [0:0]
		:ctmarks - [0:0]
		-A FORWARD -p udp --dport 7803 -j marks
		-A FORWARD -p udp --dport 7804 -j ctmarks
		$(numbered 0 499 "-A marks -m mark --mark @N -j DROP")
		$(numbered 0 499 "-A ctmarks -m connmark --mark @N -j DROP")
		COMMIT
	END
		hashed=1
	fi
	way_open 'first port' "udp poda $POD_C 20000" "$at" "iptables-$1 ip filter ports" '--dport 20000' '-j DROP'
	way_open port "udp poda $POD_C 20321" "$at" "iptables-$1 ip filter ports" '--dport 20321' '-j DROP'
	way_open 'last port' "udp poda $POD_C 20499" "$at" "iptables-$1 ip filter ports" '--dport 20499' '-j DROP'
	way_open address "udp poda $POD_C 7801" "$at" "iptables-$1 ip filter addresses" "-d $POD_C/32" '-j DROP'
	way_open 'source port' "udp poda $POD_C 7802 30444" "$at" "iptables-$1 ip filter sources" '--sport 30444' '-j DROP'
	if ((hashed)); then
		way_open mark "udp poda $POD_C 7803" "$at" "iptables-$1 ip filter marks counted"
		way_open 'connection mark' "udp poda $POD_C 7804" "$at" "iptables-$1 ip filter ctmarks counted"
	fi
	trace_ways --deep
	((NAMED)) || fail "no rule is named"
}

variant_lookalikes_iptables_nft()
{
	lookalikes_iptables nft
}

variant_lookalikes_legacy()
{
	lookalikes_iptables legacy
}

# ---- what only counters tell

# Each rule asks for something that no sample has, and either may have dropped the packet.
variant_counters()
{
	local at='node1 ip forward' ways=("udp poda $POD_C 7950") round
	lab_up
	need_iptables legacy
	optional limit in_ns node1 iptables-legacy-restore -w <<-END || skip "iptables-legacy has no limit here"
		*filter
		-A FORWARD -p udp --dport 7950 -m limit --limit 1/day --limit-burst 1 -j DROP
		-A FORWARD -p udp --dport 7950 -m limit --limit 1000/second --limit-burst 1000 -j DROP
		COMMIT
	END
	way 'the one that counts' "udp poda $POD_C 7950" "$at" 'iptables-legacy ip filter FORWARD' '--limit 1000/sec' '-j DROP'
	if nft_try limit node1 <<-END; then
		table ip fw {
			chain forward {
				type filter hook forward priority filter + 1
				udp dport 7951 limit rate 1/day burst 1 packets counter drop
				udp dport 7951 limit rate 1000/second burst 1000 packets counter drop
			}
		}
	END
		way 'the one that counts, nft' "udp poda $POD_C 7951" "$at" 'nft ip fw forward' 'rate 1000/second' drop
		ways+=("udp poda $POD_C 7951")
	fi
	send_flows # the first of each pair is used up
	trace_start -v --netns "$LAB-node1"
	# where all is emulated, a reading takes seconds, and the next one comes only after ten times that
	for ((round = 0; round < 30; round++)); do
		flows_die 4 "${ways[@]}"
		(($(grep -c 'rule known' "$LAB_DIR/trace.err") < ${#ways[@]})) || break
	done
	trace_stop
	check_ways
}

# What a rule asks of the packet is not known, but it is alone, and nobody else in the hook drops such packets.
variant_alone()
{
	local at='node1 ip output' of='iptables-legacy ip filter'
	lab_up
	need_iptables legacy
	in_ns node1 iptables-legacy-restore -w <<-END || skip "iptables-legacy has no addrtype here"
		*filter
		:user - [0:0]
		-A OUTPUT -p udp --dport 7960 -j user
		-A OUTPUT -p udp --dport 7961 -m addrtype ! --dst-type LOCAL -j DROP
		-A user -m addrtype --dst-type LOCAL -j RETURN
		-A user -j DROP
		COMMIT
	END
	way 'behind a return' "udp node1 $OUTSIDE 7960" "$at" "$of user" '-j DROP' '-A user'
	way 'one that may match' "udp node1 $OUTSIDE 7961" "$at" "$of OUTPUT" '--dport 7961' '-j DROP'
	trace_ways
}

# ---- nothing is changed by asking

# state NETNS…: what listing rules could change, to be compared
state()
{
	local name
	for name; do
		# shellcheck disable=SC2016 # it is that shell's
		in_ns "$name" sh -c '
			for list in ip_tables_names ip6_tables_names arp_tables_names; do
				echo "$0 $list: $(cat /proc/net/$list 2>/dev/null)"
			done
			echo "$0 tables: $(nft list tables | tr "\n" ";")"
			echo "$0 ruleset: $(nft -s list ruleset | sha256sum)"' "$name"
	done
	# Only where there is such a table: the tool would make one.
	[[ ! ${LEGACY_IN:-} ]] ||
		echo "legacy: $(in_ns "$LEGACY_IN" iptables-legacy-save | sed '/^#/d; s/\[[0-9:]*\]//')"
	echo "modules: $(cut -d' ' -f1 /proc/modules 2>/dev/null | sort | tr '\n' ' ')"
}

# unchanged_by_trace NETNS…: the drops of the ways happen, and the state is that of before
unchanged_by_trace()
{
	local name before during after only=()
	for name; do
		only+=(--netns "$LAB-$name")
	done
	before=$(state "$@")
	trace_start "${only[@]}" --deep
	send_flows
	during=$(state "$@")
	trace_stop
	after=$(state "$@")
	[[ $before == "$during" ]] || fail "changed during the trace: $(diff <(echo "$before") <(echo "$during"))"
	[[ $before == "$after" ]] || fail "changed by the trace: $(diff <(echo "$before") <(echo "$after"))"
}

# The way back to pod a leads elsewhere.
variant_reverse_path()
{
	lab_up
	ip -n "$LAB-node1" route add "$POD_A/32" dev eth0
	if nft_try fib node1 <<-END; then
		table ip fw {
			chain prerouting {
				type filter hook prerouting priority raw
				udp dport 7960 fib saddr . iif oif missing counter drop
				udp dport 7961 fib saddr . iif oif exists drop
				udp dport 7961 meta mark 0 drop
			}
		}
	END
		way_open fib "udp poda $POD_C 7960" 'node1 ip prerouting' 'nft ip fw prerouting' 'udp dport 7960' fib drop
		way_open 'fib, other' "udp poda $POD_C 7961" 'node1 ip prerouting' 'nft ip fw prerouting' '7961 meta mark' drop
	fi
	if has_tool iptables-legacy && optional rpfilter in_ns node1 iptables-legacy -w -t raw -A PREROUTING -p udp --dport 7962 \
		-m rpfilter --invert -j DROP; then
		way rpfilter "udp poda $POD_C 7962" 'node1 ip prerouting' 'iptables-legacy ip raw PREROUTING' '--dport 7962' rpfilter
	fi
	trace_ways --deep
}

# An ACK of no connection that SYNPROXY has a cookie of.
send_stray_ack()
{
	in_ns poda "$PYTHON" - "$POD_A" "$POD_C" "$1" <<-'END'
		import socket, struct, sys
		source, to, port = socket.inet_aton(sys.argv[1]), socket.inet_aton(sys.argv[2]), int(sys.argv[3])
		head = struct.pack("!HHIIBBHHH", 40000, port, 1000, 2000, 5 << 4, 0x10, 1024, 0, 0)
		whole = source + to + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(head)) + head
		total = sum(struct.unpack("!%dH" % (len(whole) // 2), whole))
		total = (total & 0xffff) + (total >> 16)
		check = ~((total & 0xffff) + (total >> 16)) & 0xffff
		raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
		raw.sendto(head[:16] + struct.pack("!H", check) + head[18:], (sys.argv[2], 0))
	END
}

# What is dropped by SYNPROXY is dropped by the rule that has it as its target.
variant_synproxy()
{
	lab_up
	nft_try synproxy node1 <<-END || skip "this kernel has no synproxy in nft"
		table ip fw {
			chain forward {
				type filter hook forward priority filter
				tcp dport 7970 counter synproxy mss 1460 wscale 7 timestamp sack-perm
			}
		}
	END
	local rule
	trace_start --netns "$LAB-node1"
	send_stray_ack 7970
	trace_stop
	rule=$(query '.drops[] | ours | select(.flow.dport == 7970) |
		"\(.hook) \(.rule.chain) \(.rule.verdict) \(.rule.text)"')
	[[ $rule == "forward forward drop "*synproxy* ]] || fail "wanted the rule with synproxy: $(query '.drops[] | ours' -c)"
}

# two_of_one_group PORT: one packet of a flow, and then others by another rule, which only the client's
# port tells apart. Both rules are named, and for how many packets that is known.
two_of_one_group()
{
	local rules
	in_ns poda "$TRAFFIC" burst --count 1 "udp,$POD_C,$1,30001"
	in_ns poda "$TRAFFIC" burst --count 7 --interval 0.3 "udp,$POD_C,$1,30002"
	trace_stop
	rules=$(query "[.drops[] | ours | select(.flow.dport == $1)] | unique_by(.flow.dport) | .[] |
		[.rule, .rules_also[]?] | map(.text | capture(\"sport (?<port>[0-9]+)\").port) | sort | join(\" \")")
	[[ $rules == "30001 30002" ]] || fail "wanted both rules: $(query ".drops[] | ours | select(.flow.dport == $1) | del(.stack)" -c)"
	rules=$(query ".drops[] | ours | select(.flow.dport == $1) | (.packets == 8 and .rule.certain == false and
		.rule.seen >= 1 and .rules_also[0].seen >= 1 and .rule.seen + .rules_also[0].seen <= .packets)")
	[[ $rules == true ]] || fail "wrong numbers: $(query ".drops[] | ours | select(.flow.dport == $1) | del(.stack)" -c)"
}

variant_two_rules_one_group()
{
	lab_up
	nft_in node1 <<-END
		table inet fw {
			chain forward {
				type filter hook forward priority 5
				udp sport 30001 udp dport 7950 drop
				udp sport 30002 udp dport 7950 drop
			}
		}
	END
	trace_start --netns "$LAB-node1"
	two_of_one_group 7950
	has_tool iptables-legacy || return 0
	in_ns node1 iptables-legacy -w -A FORWARD -p udp --sport 30001 --dport 7951 -j DROP
	in_ns node1 iptables-legacy -w -A FORWARD -p udp --sport 30002 --dport 7951 -j DROP
	trace_start --netns "$LAB-node1"
	two_of_one_group 7951
}

# The last one in this file: what others load in parallel is loaded by then.
variant_unchanged()
{
	local names
	lab_up
	nft_in node1 <<-END
		table inet fw {
			set named {
				type inet_service
				elements = { 7901 }
			}
			chain forward {
				type filter hook forward priority 5
				udp dport 7900 counter drop
				udp dport @named counter drop
			}
		}
	END
	way rule "udp poda $POD_C 7900" 'node1 ip forward' 'nft inet fw forward' 'udp dport 7900' drop
	way 'rule, ip6' "udp poda $POD_C6 7901" 'node1 ip6 forward' 'nft inet fw forward' '@named' drop
	unchanged_by_trace node1 node2 poda
	# Older kernels have no such file until the module is there.
	for names in ip ip6; do
		[[ ! $(in_ns node1 cat /proc/net/${names}_tables_names 2>/dev/null) ]] ||
			fail "node1 has ${names}tables-legacy: $(in_ns node1 cat /proc/net/${names}_tables_names)"
	done
	if has_tool iptables-legacy; then
		in_ns node2 iptables-legacy -w -A FORWARD -p udp --dport 7902 -j DROP
		way legacy "udp poda $POD_C 7902" 'node2 ip forward' 'iptables-legacy ip filter FORWARD' '--dport 7902' '-j DROP'
		LEGACY_IN=node2 unchanged_by_trace node1 node2 poda
	else
		note "the kernel has no iptables-legacy"
	fi
	check_ways
}

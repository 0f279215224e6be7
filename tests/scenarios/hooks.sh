# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# What the programs on netfilter's and the bridge's functions add to a drop, on every rung that this
# kernel allows; where it allows none, what the stack of the sample proves.
# alone: stack
# since before 5.15 stacks end at the kretprobes of another test's whydrop

# drop_of SELECTION FILTER: of the drops that match, each answer once
drop_of()
{
	query "[.drops[] | ours | select($1) | $2] | unique | .[] | tostring"
}

is_probed()
{
	[[ $(probe_how "$1") == fexit || $(probe_how "$1") == kprobe ]]
}

# same WHAT GOT WANTED
same()
{
	[[ $2 == "$3" ]] || fail "$1: '$2' instead of '$3'; $(query '.drops[] | select(.class != "noise") | del(.stack) | tostring')"
}

# A rule in a chain that the base chain jumps to.
break_forward()
{
	in_ns node1 nft -f - <<-END
		table inet fw {
			chain sub {
				counter drop
			}
			chain forward {
				type filter hook forward priority 5
				ip daddr $POD_C meta l4proto { tcp, udp } th dport $LAB_PORT jump sub
			}
		}
	END
}

isolate()
{
	expect_ok tcp poda $POD_B $LAB_PORT
	in_ns node1 bridge link set dev vetha isolated on
	in_ns node1 bridge link set dev vethb isolated on
}

to_pod_b=".flow.dst == \"$POD_B\" and (.flow.proto == \"tcp\" or .flow.proto == \"udp\")"
to_pod_c=".flow.dst == \"$POD_C\" and .flow.dport == $LAB_PORT and .hook != null"

check_forward()
{
	same hook "$(drop_of "$to_pod_c" '.family + " " + .hook')" "ip forward"
	if ! is_probed nft_do_chain; then
		note "without a program on nft_do_chain: $(probe_how nft_do_chain)"
		same verdict "$(drop_of "$to_pod_c" '.verdict.function // "unknown"')" unknown
		return
	fi
	same function "$(drop_of "$to_pod_c" .verdict.function)" nft_do_chain
	same devices "$(drop_of "$to_pod_c" '.in + " " + .out')" "cni0 flannel.1"
	# 5.10 has no BTF of modules, so the chain cannot be read there
	[[ ! -e /sys/kernel/btf/nf_tables && -e /sys/module/nf_tables ]] ||
		same chain "$(drop_of "$to_pod_c" '.verdict | .family + " " + .table + " " + .base_chain')" \
			"inet fw forward"
}

# die_until_explained PATTERN FLOW: by whom, and which packets; attaching takes many seconds where all is
# emulated
die_until_explained()
{
	local round
	for ((round = 0; round < 20; round++)); do
		flows_die 1.5 "$2" # several packets a second
		! grep -q "explained by $1" "$LAB_DIR/trace.err" || return 0
	done
	fail "not explained by $1: $(<"$LAB_DIR/trace.err")"
}

# Armed by the first drop, explained by one of the next.
variant_on_demand()
{
	local can=no
	lab_up
	break_forward
	! can_probe nft_do_chain || can=yes
	trace_start -v --netns "$LAB-node1"
	if [[ $can == yes ]]; then
		die_until_explained ".*: udp .*> $POD_C:$LAB_PORT" "udp poda $POD_C $LAB_PORT"
	else
		flows_die 1.5 "udp poda $POD_C $LAB_PORT"
	fi
	trace_stop
	if [[ $can == yes ]]; then
		armed_on_demand nft_do_chain
	else
		skip_part armed "no program on nft_do_chain"
	fi
	check_forward
}

# The other family: where in the bridge it died, and the port that it was for.
variant_on_demand_bridge()
{
	local told="$to_pod_b and .decided_by" # not what died before it was armed
	lab_up
	can_probe br_forward || skip "no program on br_forward"
	isolate
	know_pod_b
	trace_start -v --netns "$LAB-node1"
	die_until_explained "br_forward: udp .*> $POD_B:$LAB_PORT" "udp poda $POD_B $LAB_PORT"
	trace_stop
	armed_on_demand br_forward
	same function "$(drop_of "$told" .decided_by)" br_forward
	# 5.10 has no BTF of modules
	[[ ! -e /sys/kernel/btf/bridge && -e /sys/module/bridge ]] ||
		same port "$(drop_of "$told" '.out + " " + (.port.isolated | tostring)')" "vethb true"
}

# With --deep the first packet is enough.
variant_deep()
{
	lab_up
	break_forward
	trace_start -v --deep
	traffic tcp poda $POD_C $LAB_PORT --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	# what fails costs the others a load each, so what is bound to fail is not tried
	! can_probe nft_do_chain || ! grep 'failed to load' "$LAB_DIR/trace.err" || fail "a program did not load"
	same packets "$(drop_of "$to_pod_c" .packets)" 1
	check_forward
	[[ ! -e /sys/bus/event_source/devices/kprobe ]] || is_probed nft_do_chain ||
		fail "neither fexit nor kprobe: $(probe_how nft_do_chain)"
}

# Where addresses are hidden the stack has no names, and a record tells the hook all the same.
variant_hidden_addresses()
{
	lab_up
	can_probe nf_hook_slow || skip "no program on nf_hook_slow"
	break_forward
	hide_addresses
	trace_start --deep --netns "$LAB-node1"
	traffic tcp poda $POD_C $LAB_PORT --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	same location "$(drop_of "$to_pod_c" .location)" "(address hidden)"
	same hook "$(drop_of "$to_pod_c" '.family + " " + .hook')" "ip forward"
}

# The second rung, where there is a first one, too.
variant_kprobe()
{
	[[ -e /sys/bus/event_source/devices/kprobe ]] || skip "this kernel has no kprobes"
	lab_up
	break_forward
	WHYDROP_TEST=rung=kprobe trace_start --deep
	traffic tcp poda $POD_C $LAB_PORT --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	same rung "$(probe_how nf_hook_slow) $(probe_how nft_do_chain)" "kprobe kprobe"
	check_forward
}

# Another tracer comes when the symbols have been read: its trampolines, in the stack of every later
# drop, are no functions that are known, and no module's last one.
variant_two_tracers()
{
	local other tcp=".flow.dst == \"$POD_C\" and .flow.dport == $LAB_PORT and .flow.proto == \"tcp\""
	lab_up
	can_probe nf_hook_slow || skip "no program on nf_hook_slow"
	break_forward
	WHYDROP_TEST=rung=stack trace_start --netns "$LAB-node1"
	flows_die 0.3 "udp poda $POD_C $LAB_PORT"
	env --default-signal=INT,TERM "$WHYDROP" trace --deep -q --netns "$LAB-node1" --ready-file "$LAB_DIR/other.ready" \
		>/dev/null &
	other=$!
	wait_for "${LAB_RUN_DEADLINE:-60}" test -e "$LAB_DIR/other.ready" || fail "the other one did not become ready"
	flows_die 0.3 "tcp poda $POD_C $LAB_PORT"
	kill -INT "$other"
	wait "$other" || fail "the other one failed"
	trace_stop
	same hook "$(drop_of "$tcp" '.family + " " + .hook')" "ip forward"
}

# location_of FILTER: the function that freed the packet
location_of()
{
	drop_of "$1" '.location | sub("[+].*"; "")'
}

# No program at all: the stack names function and hook, of nft, iptables and the bridge.
variant_stack()
{
	local nft=nf_hook_slow legacy=no
	# which frees what it drops since then, and where that was backported
	! kernel_at_least 6 7 || nft=nft_do_chain
	lab_up
	break_forward
	isolate
	! in_ns node1 iptables-legacy -w -A FORWARD -p udp --dport 4438 -j DROP 2>/dev/null || legacy=yes
	WHYDROP_TEST=rung=stack trace_start --deep
	traffic tcp poda $POD_C $LAB_PORT --deadline 0.3 2>/dev/null && fail "it is not broken"
	traffic tcp poda $POD_B $LAB_PORT --deadline 0.3 2>/dev/null && fail "it is not broken"
	traffic udp poda $POD_C 4438 --deadline 0.3 2>/dev/null && [[ $legacy == yes ]] && fail "it is not broken"
	trace_stop
	same rung "$(probe_how nf_hook_slow) $(probe_how br_forward) $(probe_how nft_lookup_eval)" "stack stack off"
	check_forward
	[[ $(location_of "$to_pod_c") =~ ^($nft|nft_do_chain)$ ]] || fail "function (nft): $(location_of "$to_pod_c")"
	# where it jumps to the free, its caller is seen
	[[ $(location_of "$to_pod_b") =~ ^(br_forward|br_handle_frame_finish)$ ]] ||
		fail "function (bridge): $(location_of "$to_pod_b")"
	same 'hook (bridge)' "$(drop_of "$to_pod_b" '.hook // "none"')" none
	if [[ $legacy == no ]]; then
		skip_part iptables "no iptables-legacy"
		return
	fi
	same 'function (iptables)' "$(location_of '.flow.dport == 4438')" nf_hook_slow
	same 'hook (iptables)' "$(drop_of '.flow.dport == 4438' '.family + " " + .hook')" "ip forward"
}

# how_all: each probe and how it is attached
how_all()
{
	jq -r '.probes[] | .name + " " + .how'
}

# One program that the kernel does not take costs no other one: those of its family load without it.
variant_refused()
{
	local before all
	lab_up
	break_forward
	can_probe nf_conntrack_in || skip "no program on nf_conntrack_in"
	before=$(whydrop probes -o json | how_all | sort)
	WHYDROP_TEST=refuse=nf_conntrack_in trace_start -v --deep
	traffic tcp poda $POD_C $LAB_PORT --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	# what came with a module that another test loaded meanwhile is left out
	all=$(comm -12 <(echo "$before") <(whydrop probes -o json | how_all | sort) | grep -v '^nf_conntrack_in ')
	same others "$(comm -12 <(how_all <"$REPORT" | sort) <(echo "$all"))" "$all"
	same refused "$(probe_how nf_conntrack_in)" off
	grep -q 'nf_conntrack_in: .*fexit\|nf_conntrack_in: .*kprobe' "$LAB_DIR/trace.err" || fail "it does not say why"
	check_forward
}

# What `whydrop probes` prints: never `stack` for what has returned when the packet is freed; of each what
# it cannot see; with -v every reason.
variant_listed()
{
	local name how notes
	lab_up
	WHYDROP_TEST=rung=stack whydrop probes -o json >"$LAB_DIR/json" 2>/dev/null
	for name in nft_immediate_eval nft_lookup_eval nft_target_eval_xt nft_reject_inet_eval ipt_do_table ip6t_do_table \
		arpt_do_table ebt_do_table nf_conntrack_in __nf_conntrack_confirm nf_nat_inet_fn; do
		how=$(jq -r ".probes[] | select(.name == \"$name\") | .how" "$LAB_DIR/json")
		[[ $how == off ]] || fail "$name has returned when the packet is freed, but: $how"
	done
	for name in nf_hook_slow br_forward $(! kernel_at_least 6 7 || echo br_nf_pre_routing); do
		how=$(jq -r ".probes[] | select(.name == \"$name\") | .how" "$LAB_DIR/json")
		[[ $how == stack ]] || fail "$name is on the stack when the packet is freed, but: $how"
	done
	notes=$(jq -r '.probes[] | select(.note | test("sees |cannot see ") | not) | .name' "$LAB_DIR/json")
	[[ ! $notes ]] || fail "these do not say what they cannot see: $notes"
	notes=$(jq -r '.probes[] | select(.how == "off" and (.note | test("no such function|deduced|not told") | not)) | .name' \
		"$LAB_DIR/json")
	[[ ! $notes ]] || fail "these do not say what off means: $notes"
	WHYDROP_TEST=rung=stack whydrop probes >"$LAB_DIR/text" 2>/dev/null
	# each probe has a number, each number a footnote
	while read -r name; do
		grep -qE "^\\[$name\\] .*sees " "$LAB_DIR/text" ||
			fail "no footnote $name that says what is not seen: $(<"$LAB_DIR/text")"
	done < <(sed -nE 's/.* (stack|off) +\[([0-9]+)\]$/\2/p' "$LAB_DIR/text" | sort -u)
	[[ $(grep -cE '^[a-z0-9_]+ +(stack|off)' "$LAB_DIR/text") == $(grep -cE '^[a-z0-9_]+ +(stack|off) +\[' "$LAB_DIR/text") ]] ||
		fail "some have no footnote: $(<"$LAB_DIR/text")"
	WHYDROP_TEST=rung=stack whydrop probes -v >"$LAB_DIR/text" 2>/dev/null
	while read -r name; do
		grep -qw -- "$name" "$LAB_DIR/text" || fail "-v does not list the reason $name"
	done < <(jq -r '.reasons[]' "$LAB_DIR/json")
}

variant_legacy_input()
{
	lab_up
	need_iptables legacy
	in_ns host iptables-legacy -w -A INPUT -p udp --dport 4433 -j DROP
	trace_start --deep
	traffic udp poda $OUTSIDE 4433 --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	same hook "$(drop_of '.flow.dport == 4433' '.family + " " + .hook + " " + .in')" "ip input eth0"
	! is_probed ipt_do_table ||
		same verdict "$(drop_of '.flow.dport == 4433' '.verdict.function + " " + (.verdict.table // "filter")')" \
			"ipt_do_table filter"
}

# Hooks nest: the bridge's forward hook calls that of IPv4.
variant_nested()
{
	need_bridge_nf
	lab_up
	lab_sysctl node1 net.bridge.bridge-nf-call-iptables=1
	in_ns node1 nft -f - <<-END
		table ip fw {
			chain forward {
				type filter hook forward priority 5
				tcp dport 4434 drop
			}
		}
		table bridge l2 {
			chain forward {
				type filter hook forward priority 300
				ip protocol udp udp dport 4435 drop
			}
		}
	END
	trace_start --deep
	traffic tcp poda $POD_B 4434 --deadline 0.3 2>/dev/null && fail "it is not broken"
	traffic udp poda $POD_B 4435 --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	same inner "$(drop_of '.flow.dport == 4434' '.family + " " + .hook')" "ip forward"
	same outer "$(drop_of '.flow.dport == 4435' '.family + " " + .hook')" "bridge forward"
	is_probed nft_do_chain || return 0
	same devices "$(drop_of '.flow.dport == 4435' '.in + " " + .out')" "vetha vethb"
	[[ ! -e /sys/kernel/btf/nf_tables && -e /sys/module/nf_tables ]] || {
		same table "$(drop_of '.flow.dport == 4434' .verdict.table)" fw
		same table "$(drop_of '.flow.dport == 4435' .verdict.table)" l2
	}
}

stale_exit()
{
	[[ ! ${QUEUE_PID:-} ]] || kill "$QUEUE_PID" 2>/dev/null
	scenario_exit
}

# The memory of a packet is the next one's within microseconds. Nobody takes the verdict on a packet that
# dies once a queue has let it go on: it is not that on the next one, in another hook.
variant_verdict_of_another()
{
	lab_up
	can_probe nft_do_chain || skip "no program on nft_do_chain"
	# shellcheck disable=SC2034 # scripts/lab.sh calls it
	LAB_EXIT_HOOK=stale_exit
	in_ns node1 nft -f - <<-END 2>/dev/null || skip "the kernel has no nft queue"
		table ip let_go {
			chain q {
				type filter hook prerouting priority -10
				udp dport 4436 queue num 7
			}
			chain late {
				type filter hook prerouting priority 10
				udp dport 4436 drop
			}
		}
		table ip fw {
			chain forward {
				type filter hook forward priority 5
				udp dport 4437 drop
			}
		}
	END
	# on one CPU, where what is freed is taken again at once
	in_ns node1 taskset -c 0 "$PYTHON" "$LAB_ROOT/tests/lib/hold_packets.py" 7 1 >"$LAB_DIR/queue" &
	QUEUE_PID=$!
	wait_for 30 test -s "$LAB_DIR/queue" || skip "the kernel has no nfnetlink_queue"
	trace_start --deep --netns "$LAB-node1"
	in_ns poda taskset -c 0 "$TRAFFIC" burst --interval 0.03 --count 150 \
		udp,$POD_C,4436 udp,$POD_C,4437
	trace_stop
	[[ $(drop_of '.flow.dport == 4436' .reason) ]] || fail "nothing died after the queue"
	same hook "$(drop_of '.flow.dport == 4437' '.family + " " + .hook')" "ip forward"
	same verdicts "$(drop_of '.flow.dport == 4437' '.verdicts_differ // false')" false
	[[ -e /sys/kernel/btf/nf_tables || ! -e /sys/module/nf_tables ]] || return 0
	same table "$(drop_of '.flow.dport == 4437' '.verdict.table + " " + (.rule.table // "")')" "fw fw"
}

# The port that a frame was for, as it was at that moment.
variant_bridge_port()
{
	lab_up
	isolate
	trace_start --deep
	traffic tcp poda $POD_B $LAB_PORT --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	same bridge "$(drop_of "$to_pod_b" .bridge)" cni0
	is_probed br_forward || return 0
	same function "$(drop_of "$to_pod_b" .decided_by)" br_forward
	[[ ! -e /sys/kernel/btf/bridge && -e /sys/module/bridge ]] ||
		same port "$(drop_of "$to_pod_b" \
			'.out + " " + .port.state + " " + (.port.isolated | tostring)')" "vethb forwarding true"
}

# br_netfilter drops what is too long for the port and may not be fragmented, behind all hooks.
variant_bridge_too_long()
{
	local too_long=".flow.dst == \"$POD_B\" and .flow.proto == \"udp\""
	need_bridge_nf
	lab_up
	lab_sysctl node1 net.bridge.bridge-nf-call-iptables=1
	expect_ok udp poda $POD_B $LAB_PORT
	ip -n "$LAB-node1" link set vethb mtu 1300
	trace_start --deep
	traffic udp poda $POD_B $LAB_PORT --size 1400 --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	[[ $(location_of "$too_long") =~ ^br_nf_(dev_queue_xmit|ip_fragment)$ ]] || fail "location: $(location_of "$too_long")"
	if ! is_probed br_nf_dev_queue_xmit; then
		skip_part probe "no program on br_nf_dev_queue_xmit"
		return
	fi
	same function "$(drop_of "$too_long" .decided_by)" br_nf_dev_queue_xmit
}

# A healthy packet runs no hook program: nothing is armed without a drop that needs it.
variant_unarmed()
{
	lab_up
	trace_start --netns "$LAB-node1" --netns "$LAB-poda"
	expect_ok tcp poda $POD_C $LAB_PORT --size 2000000
	traffic refused poda $POD_B 4444
	trace_stop
	report none
	same armed "$(query '[.probes[] | select(.armed == "on-demand") | .name] | tostring')" "[]"
	same note "$(query '.probes[] | select(.name == "nf_hook_slow") | .note | split(";")[0]')" "no drop needed it"
}

is_disarmed()
{
	grep -q 'netfilter probes disarmed' "$LAB_DIR/trace.err"
}

# Disarmed when nothing is left to explain, though the run goes on.
variant_disarmed()
{
	local ms whole
	lab_up
	break_forward
	can_probe nft_do_chain || skip "no program on nft_do_chain"
	trace_start -v --netns "$LAB-node1"
	die_until_explained ".*: udp .*> $POD_C:$LAB_PORT" "udp poda $POD_C $LAB_PORT"
	wait_for 60 is_disarmed || fail "it is not disarmed: $(<"$LAB_DIR/trace.err")"
	expect_ok tcp poda $POD_B $LAB_PORT
	trace_stop
	armed_on_demand nft_do_chain
	ms=$(query '.probes[] | select(.name == "nf_hook_slow") | .armed_ms')
	whole=$(query '.window.seconds * 1000 | floor')
	note "armed for $ms ms of $whole"
	((ms < whole)) || fail "armed for $ms ms of $whole"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# What the programs on netfilter's and the bridge's functions add to a drop, on every rung that this
# kernel allows; where it allows none, what the stack of the sample proves.

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

# Armed by the first drop, explained by one of the next.
variant_on_demand()
{
	local rounds=1 round
	! can_probe nft_do_chain || rounds=20 # attaching takes many seconds where all is emulated
	lab_up
	break_forward
	trace_start -v --netns "$LAB-node1"
	for ((round = 0; round < rounds; round++)); do
		flows_die 1.5 "udp poda $POD_C $LAB_PORT" # several packets a second
		! grep -q "explained by .*: udp .*> $POD_C:$LAB_PORT" "$LAB_DIR/trace.err" || break
	done
	trace_stop
	check_forward
	! is_probed nft_do_chain || same armed "$(query '.probes[] | select(.name == "nft_do_chain") | .armed')" on-demand
}

# With --deep the first packet is enough.
variant_deep()
{
	lab_up
	break_forward
	trace_start --deep
	traffic tcp poda $POD_C $LAB_PORT --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	same packets "$(drop_of "$to_pod_c" .packets)" 1
	check_forward
	[[ ! -e /sys/bus/event_source/devices/kprobe ]] || is_probed nft_do_chain ||
		fail "neither fexit nor kprobe: $(probe_how nft_do_chain)"
}

# on_rung RUNG: whatever holds above it
on_rung()
{
	lab_up
	break_forward
	WHYDROP_TEST=rung=$1 trace_start --deep
	traffic tcp poda $POD_C $LAB_PORT --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	same rung "$(probe_how nf_hook_slow) $(probe_how nft_do_chain)" "$1 $1"
	check_forward
}

# The second rung, where there is a first one, too.
variant_kprobe()
{
	[[ -e /sys/bus/event_source/devices/kprobe ]] || skip "this kernel has no kprobes"
	on_rung kprobe
}

# No program at all: the stack names function and hook.
variant_stack()
{
	on_rung stack
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
	expect_ok tcp poda $POD_B $LAB_PORT
	in_ns node1 bridge link set dev vetha isolated on
	in_ns node1 bridge link set dev vethb isolated on
	trace_start --deep
	traffic tcp poda $POD_B $LAB_PORT --deadline 0.3 2>/dev/null && fail "it is not broken"
	trace_stop
	same bridge "$(drop_of ".flow.dst == \"$POD_B\" and .flow.proto == \"tcp\"" .bridge)" cni0
	is_probed br_forward || return 0
	same function "$(drop_of ".flow.dst == \"$POD_B\" and .flow.proto == \"tcp\"" .decided_by)" br_forward
	[[ ! -e /sys/kernel/btf/bridge && -e /sys/module/bridge ]] ||
		same port "$(drop_of ".flow.dst == \"$POD_B\" and .flow.proto == \"tcp\"" \
			'.out + " " + .port.state + " " + (.port.isolated | tostring)')" "vethb forwarding true"
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
}

# Disarmed when nothing is left to explain, though the run goes on.
variant_disarmed()
{
	lab_up
	break_forward
	trace_start --netns "$LAB-node1"
	flows_die 5 "udp poda $POD_C $LAB_PORT"
	for _ in 1 2 3 4 5 6; do
		expect_ok tcp poda $POD_B $LAB_PORT
		sleep 0.7
	done
	trace_stop
	is_probed nft_do_chain || return 0
	local ms whole
	ms=$(query '.probes[] | select(.name == "nf_hook_slow") | .armed_ms')
	whole=$(query '.window.seconds * 1000 | floor')
	note "armed for $ms ms of $whole"
	((ms > 0 && ms < whole - 2500)) || fail "armed for $ms ms of $whole"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086,SC2046 # addresses and ports are single words, commands are several
# The exit codes of `whydrop assert`, what it does with its command, and its outputs. Where no verdict
# hangs on hook programs, WHYDROP_TEST=on-demand spares a slow machine their loading.

# assertion ARGUMENTS…: $STATUS, $LAB_DIR/out, $LAB_DIR/err
assertion()
{
	STATUS=0
	timeout -k 5 60 env --default-signal=INT,TERM,PIPE "$WHYDROP" assert "$@" </dev/null \
		>"$LAB_DIR/out" 2>"$LAB_DIR/err" || STATUS=$?
}

# ends_with STATUS ARGUMENTS…: what other labs do to the machine may make a run inconclusive, and then
# it is made again.
ends_with()
{
	local want=$1
	shift
	for _ in 1 2 3; do
		assertion "$@"
		((STATUS == 4 && want != 4)) || break
		note "inconclusive, once more"
	done
	((STATUS == want)) ||
		fail "$* ended with exit code $STATUS, not $want: $(cat "$LAB_DIR/out" "$LAB_DIR/err")"
}

# client ARGUMENTS…: the traffic program in pod a, as the words of a command
client()
{
	echo "ip netns exec $LAB-poda $TRAFFIC $*"
}

# flood N: packets to a closed port of pod b
flood()
{
	client flood $POD_B 9 --count "$1"
}

# A packet to each of 40 closed ports of pod b, quickly also in an emulated VM; exits with $CODE.
# shellcheck disable=SC2016 # for that shell
FORTY='for port in {20..52} {54..60}; do echo >"/dev/udp/$0/$port"; done 2>/dev/null; exit ${CODE:-0}'

# forty STATUS ARGUMENTS…: as the command of an assertion
forty()
{
	ends_with "$1" --netns "$LAB-podb" "${@:2}" -- \
		ip netns exec "$LAB-poda" "$BASH" -c "$FORTY" $POD_B
}

says()
{
	grep -qF -- "$1" "$LAB_DIR/out" || fail "'$1' is not in: $(<"$LAB_DIR/out")"
}

variant_held()
{
	export WHYDROP_TEST=on-demand
	lab_up
	ends_with 0 --netns "$LAB-podb" --forbid reason=NETFILTER_DROP --forbid fault=* \
		--expect "proto=udp,dst=$POD_B,port=9,count>=20,count<=20" -- $(flood 20)
	says "HELD          forbid fault=*: count 0"
	says "count 20 (1 group of drops"

	# Noise is not forbidden, unless it is asked for.
	ends_with 0 --netns "$LAB-poda" --forbid "netns=$LAB-poda" \
		--expect "netns=$LAB-poda,class=noise,proto=icmp" -- $(client icmp $POD_B)
	ends_with 0 --duration 200ms --netns "$LAB-podc"
}

variant_violated()
{
	export WHYDROP_TEST=on-demand
	lab_up
	ends_with 1 --netns "$LAB-podb" --forbid "port=9,netns=$LAB-podb" -- $(flood 20)
	says "VIOLATED      forbid port=9"
	says "20 × udp 10.244.1.2:"
	ends_with 1 --netns "$LAB-podb" --expect "port=9,count>=21" -- $(flood 20)
	says "VIOLATED      expect port=9,count>=21: count 20"
	# Without an expression, what nothing explains is forbidden.
	ends_with 1 --netns "$LAB-podb" -- $(flood 5)
	says "VIOLATED      forbid class=unexplained: count 5"
	ends_with 0 --netns "$LAB-podb" --allow "dst=$POD_B,port=9" -- $(flood 5)
}

variant_finding()
{
	export WHYDROP_TEST=on-demand
	lab_up
	lab_sysctl node1 net.ipv4.ip_forward=0
	ends_with 1 --netns "$LAB-node1" --forbid fault=* -- $(client flood $POD_C 9 --count 5)
	says "VIOLATED      forbid fault=*: count 5 (1 group of drops, 1 finding)"
	says "confirmed ip-forward-off: "
	ends_with 0 --netns "$LAB-node1" \
		--expect "fault=ip-forward-off,status=confirmed,netns=$LAB-node1,count<=5" \
		--forbid fault=* --allow "fault=ip-*,netns=$LAB-node1" -- \
		$(client flood $POD_C 9 --count 5)
	ends_with 1 --netns "$LAB-node1" --expect fault=vxlan-blocked -- \
		$(client flood $POD_C 9 --count 5)
}

# Two rules may have dropped the only packet, as far as a replay can tell: where hook programs see which,
# they are there from the start; elsewhere it may have been any fault, and is not said to be none.
variant_rule_of_one_packet()
{
	local want=4 major minor
	IFS=.- read -r major minor _ < <(uname -r)
	lab_up
	in_ns node1 nft -f - <<-END || skip "the kernel has no numgen"
		table ip fw {
			chain forward {
				type filter hook forward priority 5
				udp dport 4440 numgen random mod 1 0 drop
				udp dport 4440 drop
			}
		}
	END
	! can_probe nft_immediate_eval || ((major < 5 || (major == 5 && minor < 17))) || want=1
	ends_with $want --netns "$LAB-node1" --forbid fault=forward-rule-drop -- \
		ip netns exec "$LAB-poda" "$TRAFFIC" burst --count 1 udp,$POD_C,4440
	((want == 1)) || says "rule is not sure"
}

# State that was read for an earlier drop is not what a later one dies of.
variant_fresh_state()
{
	local set noise
	export WHYDROP_TEST=on-demand
	lab_up
	# for as long as whydrop takes for its first drop, at least
	noise="for port in $(echo {20..59}); do $(client flood 10.244.1.1 \$port --count 1); done"
	set="bridge -n $LAB-node1 link set dev"
	expect_ok udp poda $POD_B 53
	know_pod_b
	ends_with 1 --netns "$LAB-node1" --forbid fault=* -- sh -c "
		$noise
		$set vetha isolated on && $set vethb isolated on
		$(flood 1)"
	says "confirmed bridge-no-egress: "
	# And what they died of is not what is there by now.
	ends_with 0 --netns "$LAB-node1" --forbid fault=* -- sh -c "
		$noise
		$set vetha isolated off && $set vethb isolated off
		$(flood 1)"
}

# Packets that died of something else, so many that not all are looked at, and then of a fault.
variant_fault_that_begins_later()
{
	local fdb set
	export WHYDROP_TEST=on-demand
	lab_up
	expect_ok udp poda $POD_B 53
	know_pod_b
	fdb="bridge -n $LAB-node1 fdb replace $(in_ns podb cat /sys/class/net/eth0/address) master static dev"
	set="bridge -n $LAB-node1 link set dev"
	# back out of the port that they came in by, which is none of the faults
	ends_with 1 --netns "$LAB-node1" --forbid fault=bridge-no-egress -- sh -c "
		$fdb vetha && for i in $(echo {1..14}); do $(flood 1); done
		$fdb vethb && $set vetha isolated on && $set vethb isolated on
		$(flood 3)"
	says "confirmed bridge-no-egress: "
}

# Node 2 drops VXLAN.
silence_up()
{
	export WHYDROP_TEST=on-demand
	lab_up
	in_ns node2 nft -f - <<-END
		table inet fw {
			chain input {
				type filter hook input priority 0
				udp dport 8472 drop
			}
		}
	END
}

# silence_is_unsure COMMANDS: that take away what would tell whether it was answered after all
silence_is_unsure()
{
	ends_with 4 --netns "$LAB-node1" --netns "$LAB-poda" --forbid fault=vxlan-blocked \
		--forbid fault=ip-forward-off -- bash -c "$(client tcp $POD_C $LAB_PORT --deadline 17)
		$1"
	says "INCONCLUSIVE  forbid fault=vxlan-blocked"
	says "HELD          forbid fault=ip-forward-off" # that is no silence
	says "SUSPECTED  vxlan-blocked"
}

variant_silence_of_what_is_gone()
{
	silence_up
	silence_is_unsure "ip netns del $LAB-node1; ip netns del $LAB-poda"
}

# The kernel gives its inode number to the next netns, once it is all gone: that one has nothing to say.
variant_silence_and_a_new_netns()
{
	silence_up
	silence_is_unsure "gone=\$(stat -Lc %i /run/netns/$LAB-node1)
		ip netns del $LAB-node1; ip netns del $LAB-poda
		for ((i = 0; i < 100; i++)); do
			ip netns add $LAB-new\$i
			[[ \$(stat -Lc %i /run/netns/$LAB-new\$i) != \"\$gone\" ]] || break
			sleep 0.1
		done"
}

# Packets of one flow, at one place in the kernel, that died in two hooks: the stacks tell.
variant_two_hooks_one_group()
{
	local drop second
	export WHYDROP_TEST=on-demand,rung=stack
	lab_up
	in_ns node1 nft -f - <<-END
		table ip fw {
			chain early {
				type filter hook prerouting priority 0
			}
			chain late {
				type filter hook forward priority 0
			}
		}
	END
	drop="ip netns exec $LAB-node1 nft add rule ip fw"
	# a group is sampled four times a second
	second="for i in 1 2 3 4 5 6; do $(client flood $POD_C 4998 --count 1); sleep 0.1; done"
	ends_with 4 --netns "$LAB-node1" --port 4998 --forbid hook=forward -- sh -c "
		$drop early udp dport 4998 drop && $second
		ip netns exec $LAB-node1 nft flush chain ip fw early
		$drop late udp dport 4998 drop && $second"
	says "hook or rule is not sure"
}

# short_lived NAME: a namespace of that name, one packet to a closed port in it, and it is gone
short_lived()
{
	echo "ip netns add $1 && ip -n $1 link set lo up &&
		ip netns exec $1 $TRAFFIC flood 127.0.0.1 4997 --count 1 && ip netns del $1;"
}

# A test makes its namespaces and takes them away: what died in them is theirs, also when their numbers
# have others by then.
variant_short_lived_netns()
{
	local one two
	export WHYDROP_TEST=on-demand
	lab_dir
	LAB=wd$$ # what is left of it goes away with the lab
	one=$LAB-one two=$LAB-two
	ends_with 1 --port 4997 --forbid "netns=$one,port=4997" -- sh -c "$(short_lived $one)"
	says "in $one"
	ends_with 0 --port 4997 --forbid "netns=$two,port=4997" --expect "netns=$one,port=4997" -- \
		sh -c "$(short_lived $one)"
	assertion --port 4997 --forbid "netns=$two,port=4997" -- \
		sh -c "$(short_lived $one) ip netns add $two; ip netns del $two"
	((STATUS == 0 || STATUS == 4)) || fail "exit code $STATUS, though nothing died in $two: $(<"$LAB_DIR/out")"
	# the second packet, of the same flow and perhaps of the same number
	assertion --port 4997 --forbid "netns=$two,port=4997" -- sh -c "$(short_lived $one) $(short_lived $two)"
	((STATUS == 1 || STATUS == 4)) || fail "exit code $STATUS, though a packet died in $two: $(<"$LAB_DIR/out")"
}

# Of a frame that a bridge does not pass on, only a record tells the port it was for.
variant_way_out()
{
	local want=4
	lab_up
	expect_ok udp poda $POD_B 53
	know_pod_b
	bridge -n "$LAB-node1" link set dev vetha isolated on
	bridge -n "$LAB-node1" link set dev vethb isolated on
	# proto: pod b asks for its neighbour, which dies on the way in by that port
	! can_probe br_forward || want=1
	ends_with $want --netns "$LAB-node1" --forbid iface=vethb,proto=udp -- $(flood 1)
	WHYDROP_TEST=refuse=br_forward ends_with 4 --netns "$LAB-node1" --forbid iface=vethb,proto=udp -- $(flood 1)
	ends_with 1 --netns "$LAB-node1" --forbid iface=vetha -- $(flood 1)
	ends_with 1 --netns "$LAB-node1" --forbid iface=cni0 -- $(flood 1)
}

# refused QUOTED ARGUMENTS…: a usage error that quotes it; neither tracing nor the command began
refused()
{
	local quoted=$1
	shift
	rm -f "$LAB_DIR/ready" "$LAB_DIR/ran"
	assertion --ready-file "$LAB_DIR/ready" "$@"
	((STATUS == 2)) || fail "$* ended with exit code $STATUS, not 2: $(<"$LAB_DIR/err")"
	grep -qF -- "$quoted" "$LAB_DIR/err" || fail "$*: '$quoted' is not in: $(<"$LAB_DIR/err")"
	[[ ! -s $LAB_DIR/out ]] || fail "$* printed to stdout"
	[[ ! -e $LAB_DIR/ready && ! -e $LAB_DIR/ran ]] || fail "$*: it started"
}

# What this kernel's reasons are is known once its BTF is read; before 5.17 there are none, and then only
# the place may tell.
variant_reasons()
{
	local value
	lab_up
	if (($(whydrop probes -o json | jq '.reasons | length') == 0)); then
		for value in NO_SOCKET NO_SOCKTE 'NO_*'; do
			ends_with 4 --netns "$LAB-podb" --forbid "reason=$value" -- $(flood 5)
			says "5 packets of which this kernel gives no reason"
		done
	else
		refused "'NO_SOCKTE': did you mean NO_SOCKET?" --forbid reason=NO_SOCKTE -- touch "$LAB_DIR/ran"
		refused "'port=9,reason=no_socket'" --expect port=9,reason=no_socket -- touch "$LAB_DIR/ran"
		refused "'0x3'" --forbid reason=0x3 -- touch "$LAB_DIR/ran"
		refused "'65535'" --forbid reason=65535 -- touch "$LAB_DIR/ran"
		refused "'NONESUCH_*'" --allow 'reason=NONESUCH_*' -- touch "$LAB_DIR/ran"
		for value in NO_SOCKET SKB_DROP_REASON_NO_SOCKET 'NO_SOCK*'; do
			ends_with 1 --netns "$LAB-podb" --forbid "reason=$value" -- $(flood 5)
		done
	fi
	ends_with 0 --netns "$LAB-podb" --forbid reason=NETFILTER_DROP -- $(flood 5)
	in_ns podb nft -f - <<-END
		table inet fw {
			chain input {
				type filter hook input priority filter;
				udp dport 9 drop
			}
		}
	END
	ends_with 1 --netns "$LAB-podb" --forbid reason=NETFILTER_DROP -- $(flood 5)
}

variant_usage()
{
	local value
	lab_dir
	for value in '' reason= nonesuch=1 fault=ip-foward-off port=80x src=10.0.0.0/33 'count>=x' \
		'count>=5,count<=4' class=error family=inet 'port=7777?' proto=icmp,port=80; do
		refused "'$value'" --forbid "$value" -- touch "$LAB_DIR/ran"
		refused "'$value'" --expect "$value" --duration 1s
	done
	refused "did you mean ip-forward-off?" --forbid fault=ip-foward-off -- touch "$LAB_DIR/ran"
	refused "did you mean reason?" --forbid reasn=X -- touch "$LAB_DIR/ran"
	refused "'port=9,count>=2'" --allow 'port=9,count>=2' -- touch "$LAB_DIR/ran"
	refused "'touch'" touch "$LAB_DIR/ran"
	refused -- --duration 1s --
	refused "'touch'" --duration 1s -- touch "$LAB_DIR/ran"
	refused "'xml'" -o xml -- touch "$LAB_DIR/ran"
	refused "'/nonexistent/command'" -- /nonexistent/command
	refused "'no-such-command-at-all'" -- no-such-command-at-all
	refused "''" -- ''
	refused "'/etc/passwd'" -- /etc/passwd
	refused "'/etc'" -- /etc
	printf '#!/nonexistent/interpreter\n' >"$LAB_DIR/script"
	chmod +x "$LAB_DIR/script"
	assertion -- "$LAB_DIR/script" # known only after tracing began
	((STATUS == 2)) || fail "exit code $STATUS of a script without its interpreter"
	[[ ! -s $LAB_DIR/out ]] || fail "a report, though the command did not run"
}

# A folder of its own, without a lab.
lab_dir()
{
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/assert.XXXXXX")
	lab_trap
}

variant_cannot_trace()
{
	command -v setpriv >/dev/null || skip "no setpriv"
	lab_dir
	STATUS=0
	setpriv --bounding-set=-all --inh-caps=-all "$WHYDROP" assert -- touch "$LAB_DIR/ran" \
		>"$LAB_DIR/out" 2>"$LAB_DIR/err" || STATUS=$?
	((STATUS == 3)) || fail "exit code $STATUS, not 3: $(<"$LAB_DIR/err")"
	[[ ! -e $LAB_DIR/ran ]] || fail "the command ran though nothing was traced"
}

# Events that were not counted leave open what is not proven, and only that.
variant_uncounted()
{
	lab_up
	export WHYDROP_TEST=flows=1,folds=1,on-demand
	# The first two drops fill both maps; a rule's drop is another kind.
	in_ns podb nft -f - <<-END
		table inet fw {
			chain input {
				type filter hook input priority filter;
				udp dport 50-60 drop
			}
		}
	END
	forty 4 --forbid reason=NEIGH_FAILED
	says "INCONCLUSIVE  forbid reason=NEIGH_FAILED: count 0"
	says "no room to count"
	forty 4 --forbid fault=*
	forty 4 --expect reason=NEIGH_FAILED
	forty 4 --expect "reason=NEIGH_FAILED,count<=0"
	forty 1 --forbid class=* --forbid reason=NEIGH_FAILED
	forty 0 --expect "netns=$LAB-podb"
	CODE=3 forty 1 --forbid reason=NEIGH_FAILED
}

# What is counted by reason, place and netns only has no port.
variant_folded()
{
	lab_up
	export WHYDROP_TEST=flows=16,on-demand
	forty 4 --forbid port=60000
	says "known by reason, place and netns only"
	forty 4 --expect port=60000,proto=tcp
	forty 0 --forbid "port=60000,netns=$LAB-podc" --expect "netns=$LAB-podb,count>=40"
	forty 1 --forbid port=60000 --forbid "netns=$LAB-podb"
}

variant_lost_samples()
{
	lab_up
	WHYDROP_TEST=ring=4096,on-demand assert_start --netns "$LAB-podb" --forbid fault=*
	kill -STOP "$TRACE_PID"
	in_ns poda "$BASH" -c "$FORTY" $POD_B
	kill -CONT "$TRACE_PID"
	kill -INT "$TRACE_PID"
	run_end 4
	(($(query .accounting.samples.lost) > 0)) || fail "no sample lost: $(query .accounting -c)"
}

# Its standard streams, signals, namespaces and descriptors are those that whydrop was given.
variant_command()
{
	export WHYDROP_TEST=on-demand
	lab_dir
	head -c 300000 /dev/urandom >"$LAB_DIR/in"
	env --default-signal=INT,TERM,PIPE "$WHYDROP" assert --forbid location=none -q \
		--output "$LAB_DIR/report" -- sh -c 'tee /dev/stderr' \
		<"$LAB_DIR/in" >"$LAB_DIR/out" 2>"$LAB_DIR/err" ||
		(($? == 4)) || fail "exit code $?"
	cmp "$LAB_DIR/in" "$LAB_DIR/out" || fail "standard output is not the command's"
	cmp "$LAB_DIR/in" "$LAB_DIR/err" || fail "standard error is not the command's"
	grep -q '^HELD .*command: sh -c' "$LAB_DIR/report" || fail "no report: $(<"$LAB_DIR/report")"
	# Attached before it starts: the ready file is there.
	ends_with 0 --forbid location=none --ready-file "$LAB_DIR/ready" -- test -e "$LAB_DIR/ready"
	# What tracepoint programs need of mounts is not the command's.
	# That rung may leave open whether anything was missed.
	WHYDROP_TEST=rung=tracepoint,on-demand assertion --forbid location=none -q -- sh -c \
		"test \$(readlink /proc/self/ns/mnt) = $(readlink /proc/self/ns/mnt)"
	((STATUS == 0 || STATUS == 4)) || fail "exit code $STATUS of a command in its own mounts"
	# shellcheck disable=SC2016 # for that shell
	# exec: while a shell forks, its own signals are blocked
	local mine='ls /proc/$$/fd; ulimit -l; env -u _ | sort
		exec grep -E "^(Sig|Cap)[A-Z][a-z]{2}:" /proc/self/status'
	env --default-signal=INT,TERM,PIPE sh -c "$mine" </dev/null >"$LAB_DIR/alone"
	ends_with 0 --forbid location=none -q --output "$LAB_DIR/report" -- sh -c "$mine"
	diff "$LAB_DIR/alone" "$LAB_DIR/out" || fail "the command (>) has not what it would have alone (<)"
}

variant_command_fails()
{
	export WHYDROP_TEST=on-demand
	lab_dir
	ends_with 1 --forbid location=none -- sh -c 'exit 3'
	says "VIOLATED      command: sh -c 'exit 3': exit status 3"
	ends_with 1 --forbid location=none -o json -- sh -c 'kill -9 $$'
	[[ $(jq -c '.assert.command | [.signal, .exit, .verdict]' "$LAB_DIR/out") == '[9,null,"violated"]' ]] ||
		fail "$(jq -c .assert.command "$LAB_DIR/out")"
	# SIGPIPE ends a program, as everywhere.
	ends_with 1 --forbid location=none -- sh -c 'kill -PIPE $$'
	says "ended by signal 13"
	ends_with 1 --forbid location=none --output "$LAB_DIR/report" -- false
	[[ ! -s $LAB_DIR/out ]] || fail "there is something on stdout"
	grep -q 'violated: command' "$LAB_DIR/err" || fail "it does not say why: $(<"$LAB_DIR/err")"
}

# Whoever runs whydrop may ignore SIGPIPE, and then so does the command.
variant_given_signals()
{
	export WHYDROP_TEST=on-demand
	lab_dir
	for how in default ignore; do
		# exec: while a shell forks, its own signals are blocked
		env "--$how-signal=PIPE" grep SigIgn /proc/self/status >"$LAB_DIR/alone"
		env "--$how-signal=PIPE" "$WHYDROP" assert --forbid location=none -q --output "$LAB_DIR/report" -- \
			grep SigIgn /proc/self/status >"$LAB_DIR/out" || (($? == 4)) || fail "exit code $?"
		diff "$LAB_DIR/alone" "$LAB_DIR/out" || fail "the command (>) has not what it would have alone (<)"
	done
}

# in_terminal PATTERN COMMAND…: a key is pressed once the output has PATTERN; $STATUS, $LAB_DIR/out
in_terminal()
{
	STATUS=0
	env --default-signal=INT,TERM timeout -k 5 90 "$PYTHON" -IS "$LAB_ROOT/tests/lib/press_key.py" "$@" \
		>"$LAB_DIR/out" || STATUS=$?
}

# Ctrl-C goes to the whole process group, and what runs whydrop may pass it on once more.
variant_key()
{
	export WHYDROP_TEST=on-demand
	lab_dir
	in_terminal 'Ctrl-C for the report' timeout 80 "$WHYDROP" assert --forbid location=none -o json \
		--output "$LAB_DIR/report"
	((STATUS == 0)) || fail "exit code $STATUS: $(<"$LAB_DIR/out")"
	jq -e .schema "$LAB_DIR/report" >/dev/null || fail "no report: $(<"$LAB_DIR/out")"
	# A command that left the group gets it from whydrop.
	in_terminal running "$WHYDROP" assert --forbid location=none -o json --output "$LAB_DIR/report" -- \
		setsid sh -c 'trap "echo got it; exit 0" INT; echo running; while :; do sleep 0.1; done'
	((STATUS == 0)) || fail "exit code $STATUS: $(<"$LAB_DIR/out")"
	grep -q 'got it' "$LAB_DIR/out" || fail "the command did not get it: $(<"$LAB_DIR/out")"
}

# What is in the stream already stays, and so does what the command adds.
variant_output_to_stream()
{
	local stream
	export WHYDROP_TEST=on-demand
	lab_dir
	for stream in stdout stderr; do
		echo before >"$LAB_DIR/log"
		"$WHYDROP" assert -q --forbid location=none -o tap --output "/dev/$stream" -- \
			sh -c "echo within >&$([[ $stream == stdout ]] && echo 1 || echo 2)" \
			>>"$LAB_DIR/log" 2>&1 </dev/null || (($? == 4)) || fail "exit code $?"
		[[ $(sed -n 1,3p "$LAB_DIR/log" | tr '\n' ' ') == "before within TAP version 13 " ]] ||
			fail "$stream: $(<"$LAB_DIR/log")"
	done
}

# A descriptor that the caller has open is that stream, whatever it is.
variant_output_to_descriptor()
{
	local status=0
	export WHYDROP_TEST=on-demand
	lab_dir
	echo before >"$LAB_DIR/log"
	"$WHYDROP" assert -q --forbid location=none -o tap --output /dev/fd/5 -- true 5>>"$LAB_DIR/log" ||
		(($? == 4)) || fail "exit code $?"
	[[ $(sed -n 1,2p "$LAB_DIR/log" | tr '\n' ' ') == "before TAP version 13 " ]] || fail "$(<"$LAB_DIR/log")"
	"$WHYDROP" assert -q --output /dev/stdout -- true >&- 2>"$LAB_DIR/err" || status=$?
	((status == 2)) || fail "exit code $status, though there is no standard output"
	grep -q "'/dev/stdout': Bad file descriptor" "$LAB_DIR/err" || fail "$(<"$LAB_DIR/err")"
}

# A full pipe that nobody reads for a while, and a signal meanwhile: the report is whole.
variant_signal_while_printing()
{
	local status=0 pid
	export WHYDROP_TEST=on-demand
	lab_dir
	mkfifo "$LAB_DIR/pipe"
	exec {keep}<>"$LAB_DIR/pipe"
	head -c 65536 /dev/zero >&"$keep"
	env --default-signal=INT,TERM "$WHYDROP" assert -q --forbid location=none -o json -- \
		true >"$LAB_DIR/pipe" {keep}<&- &
	pid=$!
	wait_for 60 is_blocked_in_write $pid || fail "it does not wait for the pipe"
	kill -CHLD $pid # as one of a process that is PID 1's, and is not the command
	wait_for 10 is_blocked_in_write $pid || fail "another child's end ended it"
	kill -TERM $pid
	exec {reader}<"$LAB_DIR/pipe" {keep}<&-
	wait_for 10 is_blocked_in_write $pid || fail "the signal ended it"
	tail -c +65537 <&"$reader" >"$LAB_DIR/out"
	exec {reader}<&-
	wait $pid || status=$?
	((status == 0 || status == 4)) || fail "exit code $status"
	jq -e .schema "$LAB_DIR/out" >/dev/null || fail "the report is cut off"
}

is_blocked_in_write()
{
	[[ $(<"/proc/$1/wchan") == *pipe_write* ]] || [[ $(<"/proc/$1/syscall") == "1 "* ]]
}

# A command that cleans up first, as `make clean test` does.
variant_output_taken_away()
{
	export WHYDROP_TEST=on-demand
	lab_dir
	mkdir "$LAB_DIR/results"
	ends_with 0 --forbid location=none -o json --output "$LAB_DIR/results/report" -- \
		sh -c "rm -r '$LAB_DIR/results'; mkdir '$LAB_DIR/results'"
	jq -e .schema "$LAB_DIR/results/report" >/dev/null || fail "no report"
	ends_with 0 --forbid location=none -o json --output "$LAB_DIR/results/report" -- \
		sh -c "mv '$LAB_DIR/results/report' '$LAB_DIR/results/old'"
	jq -e .schema "$LAB_DIR/results/report" >/dev/null || fail "no report where there was one"
	assertion --forbid location=none -o json --output "$LAB_DIR/results/report" -- rm -r "$LAB_DIR/results"
	((STATUS == 1)) || fail "exit code $STATUS, though the report has no folder"
	grep -q 'could not be written' "$LAB_DIR/err" || fail "it does not say why: $(<"$LAB_DIR/err")"
}

# A run without a report leaves none, and no ready file, whether it ran or not.
variant_leaves_no_files()
{
	export WHYDROP_TEST=on-demand
	lab_dir
	assertion -o json --output "$LAB_DIR/report" --ready-file "$LAB_DIR/ready" -- /nonexistent/command
	((STATUS == 2)) || fail "exit code $STATUS"
	[[ ! -e $LAB_DIR/report && ! -e $LAB_DIR/ready ]] || fail "left: $(ls "$LAB_DIR")"
	assertion --output "$LAB_DIR/same" --ready-file "$LAB_DIR/same" --duration 100ms
	((STATUS == 2)) || fail "exit code $STATUS, though report and ready file are one"
	[[ ! -e $LAB_DIR/same ]] || fail "left: $(ls "$LAB_DIR")"
	ends_with 0 --forbid location=none --ready-file "$LAB_DIR/ready" -- test -e "$LAB_DIR/ready"
	[[ ! -e $LAB_DIR/ready ]] || fail "the ready file is left"
	ends_with 0 --forbid location=none --output "$LAB_DIR/report" -- test ! -e "$LAB_DIR/report"
	[[ -s $LAB_DIR/report ]] || fail "no report"
	# one that is another's by now is not taken away
	ends_with 0 --forbid location=none --ready-file "$LAB_DIR/ready" -- \
		sh -c "rm '$LAB_DIR/ready'; echo mine >'$LAB_DIR/ready'"
	[[ $(<"$LAB_DIR/ready") == mine ]] || fail "another's file was taken away"
}

# A signal is passed on; how the command ends is its own business, and what was seen is judged.
variant_signal_to_command()
{
	export WHYDROP_TEST=on-demand
	local sig
	lab_dir
	for sig in INT TERM; do
		assert_start --forbid location=none -- sh -c "trap 'echo $sig >$LAB_DIR/got; exit 0' $sig
			echo up >$LAB_DIR/up; while :; do sleep 0.05; done"
		wait_for 10 test -e "$LAB_DIR/up"
		kill -$sig "$TRACE_PID"
		run_end 0
		[[ $(<"$LAB_DIR/got") == "$sig" ]] || fail "the command got $(<"$LAB_DIR/got")"
		rm "$LAB_DIR/up" "$LAB_DIR/got"
	done
	assert_start --forbid location=none -- sh -c 'kill -STOP $$'
	wait_for 10 is_stopped_below "$TRACE_PID"
	kill -TERM "$TRACE_PID"
	run_end 1
	[[ $(query .assert.command.signal) == 15 ]] || fail "$(query .assert -c)"
	assert_start --forbid location=none -- sleep 60
	kill -TERM "$TRACE_PID"
	run_end 1
	[[ $(query .assert.command.signal) == 15 ]] || fail "$(query .assert -c)"
}

# is_stopped_below PID: does it have a child that is stopped?
is_stopped_below()
{
	local child
	for child in $(<"/proc/$1/task/$1/children"); do
		[[ $(<"/proc/$child/stat") != *") T "* ]] || return 0
	done
	return 1
}

# Without a command a harness drives it in the background.
variant_signal()
{
	export WHYDROP_TEST=on-demand
	lab_up
	assert_start --netns "$LAB-podb" --expect "port=9,dst=$POD_B,count>=50,count<=50"
	traffic flood poda $POD_B 9 --count 50 >/dev/null
	kill -TERM "$TRACE_PID"
	run_end 0
	assert_start --netns "$LAB-podb" --forbid "dst=$POD_B"
	traffic flood poda $POD_B 9 --count 50 >/dev/null
	kill -INT "$TRACE_PID"
	run_end 1
	[[ $(query '.assert.expressions[0] | [.count, .verdict] | join(" ")') == "50 violated" ]] ||
		fail "$(query .assert -c)"
	[[ $(query '[.drops[.assert.expressions[0].matched[]].flow.dport] | unique | .[]') == 9 ]] ||
		fail "$(query .assert -c)"
	assert_start --duration 60s --forbid location=none # what comes later is not seen
	kill -TERM "$TRACE_PID"
	run_end 4
}

# The example of docs/ci.md, with a command that cannot start, too: nothing waits for ever.
variant_background()
{
	local example status=0
	export WHYDROP_TEST=on-demand
	lab_dir
	example=$(sed -n "/^rm -f ready/,/^kill -TERM/{s|^build/whydrop|$WHYDROP|; s|…|:|; p}" \
		"$LAB_ROOT/docs/ci.md")
	cd "$LAB_DIR" || fail "no $LAB_DIR"
	timeout 60 "$BASH" -c "$example" || status=$?
	[[ $status == [014] && -s report.json ]] || fail "exit code $status of: $example"
	[[ ! -e ready ]] || fail "it is said to be ready, and has ended"
	status=0
	timeout 60 "$BASH" -c "${example/fault=\*/fault=nonesuch}" || status=$?
	((status == 2)) || fail "exit code $status, though whydrop cannot start"
}

# Whatever is asked for, nothing is left to the first drop.
variant_armed()
{
	can_probe nf_hook_slow || skip "no program can be attached to nf_hook_slow"
	lab_dir
	assertion --forbid location=none -o json -- true
	((STATUS == 0)) || fail "exit code $STATUS: $(<"$LAB_DIR/err")"
	(($(jq '.probes[] | select(.name == "nf_hook_slow").armed_ms' "$LAB_DIR/out") > 0)) ||
		fail "$(jq -c '.probes[] | select(.name == "nf_hook_slow")' "$LAB_DIR/out")"
}

# A report that is not written wholly is no success.
variant_full_disk()
{
	export WHYDROP_TEST=on-demand
	local format
	lab_dir
	for format in text json junit tap; do
		assertion --forbid location=none -o $format --output /dev/full -- true
		((STATUS == 1)) || fail "$format: exit code $STATUS"
		grep -q 'No space left' "$LAB_DIR/err" || fail "it does not say why: $(<"$LAB_DIR/err")"
	done
}

# in_format FORMAT: violated, held and an expression of strange bytes, at an interface of a strange name
in_format()
{
	ends_with 1 -o "$1" --output "$LAB_DIR/report" --netns "$LAB-podb" --forbid "dst=$POD_B" \
		--forbid $'iface=<a href="&#x1b;">]]>\e[2J\xff # SKIP' --expect port=9 -- $(flood 3)
	! grep -q $'\e' "$LAB_DIR/report" || fail "a raw escape byte: $(cat -v "$LAB_DIR/report")"
}

variant_formats()
{
	export WHYDROP_TEST=on-demand
	lab_up
	ip -n "$LAB-podb" link set eth0 down
	ip -n "$LAB-podb" link set eth0 name $'e\e[2<&\xff"\\' || skip "ip(8) refuses such names"
	ip -n "$LAB-podb" link set $'e\e[2<&\xff"\\' up
	wait_for 5 expect_ok icmp poda $POD_B
	in_format junit
	"$PYTHON" -IS - "$LAB_DIR/report" <<-END
		import sys, xml.etree.ElementTree as tree
		suite = tree.parse(sys.argv[1]).getroot()
		cases = suite.findall("testcase")
		kinds = [[child.tag for child in case] for case in cases]
		assert suite.tag == "testsuite", suite.tag
		assert kinds == [["failure"], ["system-out"], ["system-out"], ["system-out"], ["system-out"]], kinds
		assert suite.get("tests") == "5" and suite.get("failures") == "1", suite.attrib
		assert suite.get("errors") == suite.get("skipped") == "0", suite.attrib
		assert cases[1].get("name") == r'forbid iface=<a href="&#x1b;">]]>\x1b[2J\xff # SKIP', cases[1].attrib
		assert "10.244.1.3:9" in cases[0].find("failure").text
		assert "drops seen" in suite.find("system-out").text
	END
	in_format tap
	[[ $(sed -n 2p "$LAB_DIR/report") == "1..$(grep -cE '^(not )?ok ' "$LAB_DIR/report")" ]] ||
		fail "the plan is wrong: $(<"$LAB_DIR/report")"
	grep -oE '^(not ok|ok) [0-9]+' "$LAB_DIR/report" | tr '\n' ' ' |
		grep -x 'not ok 1 ok 2 ok 3 ok 4 ok 5 ' >/dev/null || fail "$(<"$LAB_DIR/report")"
	! grep -E '^(not )?ok .*[^\]#' "$LAB_DIR/report" || fail "a directive out of an expression"
	if type -P prove >/dev/null; then
		command prove --exec cat "$LAB_DIR/report" >"$LAB_DIR/out" 2>&1 || :
		grep -q 'Failed 1/5 subtests' "$LAB_DIR/out" || fail "prove reads it otherwise: $(<"$LAB_DIR/out")"
	else
		skip_part prove "no prove"
	fi
	in_format json
	# shellcheck disable=SC2034 # of report and query
	REPORT=$LAB_DIR/report
	report valid
	[[ $(query '[.assert.verdict, .assert.exit, (.assert.expressions | length)] | map(tostring) | join(" ")') == "violated 1 3" ]] ||
		fail "$(query .assert -c)"
	in_format text
	grep -q '^VIOLATED  *forbid dst=' "$LAB_DIR/report" || fail "$(<"$LAB_DIR/report")"
}

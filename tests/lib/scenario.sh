#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What scenarios are written with. The runner calls it for one test: scenario.sh FILE VARIANT
# A scenario file defines one function variant_* for each test; see tests/scenarios/.

# shellcheck source-path=SCRIPTDIR/../..
# shellcheck source=scripts/lab.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab.sh"

WHYDROP=${WHYDROP:-$LAB_ROOT/build/whydrop}
PYTHON=${PYTHON:-/usr/bin/python3} # Debian's own interpreter: the one that python3-jsonschema is made for
[[ -x $PYTHON ]] || PYTHON=python3
# For what scenario files use.
# shellcheck disable=SC2034
SKIPPED=77 # exit status of a test that declares itself skipped

LAB_EXIT_HOOK=scenario_exit
TRACE_PID=

note()
{
	echo "# $*"
}

fail()
{
	echo "FAILED: $*" >&2
	exit 1
}

# result TEXT: what was measured, for the line that says that the test passed.
result()
{
	[[ -z ${RESULT_FILE:-} ]] || echo "$*" >"$RESULT_FILE"
	note "$*"
}

# skip REASON: this machine cannot run the test.
skip()
{
	[[ -z ${SKIP_FILE:-} ]] || echo "$*" >"$SKIP_FILE"
	exit $SKIPPED
}

# skip_part WHAT REASON: this machine cannot run a part of the test, which goes on.
skip_part()
{
	[[ -z ${PARTS_FILE:-} ]] || echo "${1// /-} $2" >>"$PARTS_FILE"
	note "without $1: $2"
}

need_bridge_nf()
{
	lab_has_bridge_nf || skip "br_netfilter is not loaded"
}

need_iptables()
{
	local tool=iptables-$1
	command -v "$tool" >/dev/null || skip "no $tool"
	# Needs the kernel's side too: in the lab, where a table may be instantiated.
	in_ns wire "$tool" -w -L INPUT -n >/dev/null 2>&1 || skip "the kernel has no $tool"
	# Nodes have rules that need nft_compat; whydrop never loads it, and calls tables nft's without it.
	[[ $1 != nft ]] || in_ns wire "$tool" -w -A INPUT -m comment --comment loads-nft_compat
}

# ipvs_service: $VIP port 80 on node1, as kube-proxy makes it in IPVS mode, with pod C as its server
ipvs_service()
{
	command -v ipvsadm >/dev/null || skip "no ipvsadm"
	in_ns node1 ipvsadm -A -t "$VIP:80" -s rr 2>/dev/null || skip "the kernel has no IPVS"
	in_ns node1 ipvsadm -a -t "$VIP:80" -r "$POD_C:$LAB_PORT" -m
	ip -n "$LAB-node1" link add kube-ipvs0 type dummy
	ip -n "$LAB-node1" address add "$VIP/32" dev kube-ipvs0
}

scenario_exit()
{
	local pids
	pids=$(jobs -p)
	# shellcheck disable=SC2086 # one word per pid
	[[ -z $pids ]] || kill -9 $pids 2>/dev/null
}

# whydrop with the default handling of signals, which background jobs of a script do not have.
whydrop()
{
	env --default-signal=INT,TERM,PIPE "$WHYDROP" "$@"
}

# Or ended, and the shell, which runs nothing but builtins meanwhile, has not noticed.
gone()
{
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	[[ ${stat##*) } == Z* ]]
}

trace_is_up()
{
	[[ -e $LAB_DIR/trace.ready ]] || gone "$TRACE_PID"
}

# run_start COMMAND ARGUMENTS…: whydrop runs and every probe is attached. The report goes to $REPORT.
run_start()
{
	run_start_with "" "$@"
}

# hide_addresses: from now on whydrop runs without CAP_SYSLOG
hide_addresses()
{
	setpriv --bounding-set=-syslog head -1 /proc/kallsyms | grep -q '^0* ' ||
		skip "this kernel shows addresses without CAP_SYSLOG"
	printf '#!/bin/sh\nexec setpriv --bounding-set=-syslog %q "$@"\n' "$WHYDROP" >"$LAB_DIR/whydrop"
	chmod +x "$LAB_DIR/whydrop"
	WHYDROP=$LAB_DIR/whydrop
}

# run_start_with PREFIX COMMAND ARGUMENTS…: the same, run by PREFIX (words)
run_start_with()
{
	local prefix=$1
	shift
	REPORT=$LAB_DIR/report.json
	rm -f "$REPORT" "$LAB_DIR/trace.ready"
	# shellcheck disable=SC2086 # words
	env --default-signal=INT,TERM $prefix "$WHYDROP" "$1" -q -o json --output "$REPORT" \
		--ready-file "$LAB_DIR/trace.ready" "${@:2}" 2>"$LAB_DIR/trace.err" &
	TRACE_PID=$!
	if ! wait_for "${LAB_RUN_DEADLINE:-60}" trace_is_up || gone "$TRACE_PID"; then
		cat "$LAB_DIR/trace.err" >&2
		fail "whydrop $* did not become ready"
	fi
}

trace_start()
{
	run_start trace "$@"
}

assert_start()
{
	run_start assert "$@"
}

# where_it_is PID: what a process that hangs waits for, and its children
where_it_is()
{
	local pid
	for pid in "$1" $(pgrep -P "$1"); do
		note "$pid: $(tr '\0' ' ' <"/proc/$pid/cmdline") $(grep -E '^(State|ShdPnd|SigPnd|SigBlk|SigCgt)' "/proc/$pid/status" | tr '\n\t' '; ')"
		note "$pid: in $(cat "/proc/$pid/syscall"): $(tr '\n' ' ' <"/proc/$pid/stack")"
	done
	cat "$LAB_DIR/trace.err"
}

# run_end STATUS…: waits for its end with one of these exit codes, which is $STATUS then, and checks the
# report.
run_end()
{
	local pid=$TRACE_PID
	wait_for "${LAB_RUN_DEADLINE:-60}" gone "$pid" || {
		where_it_is "$pid"
		fail "whydrop does not end"
	}
	TRACE_PID=
	STATUS=0
	wait "$pid" || STATUS=$?
	cat "$LAB_DIR/trace.err"
	[[ " $* " == *" $STATUS "* ]] || {
		keep_report
		fail "whydrop ended with exit code $STATUS, not $*: $(verdicts)"
	}
	report valid
}

# What an assert's report says of itself.
verdicts()
{
	query '.assert // empty | .expressions[] | [.verdict, .kind, .text, .why] | join(" ")' 2>/dev/null
}

trace_end()
{
	run_end 0
}

trace_stop()
{
	kill -INT "$TRACE_PID" || fail "whydrop ended on its own"
	trace_end
}

# judge_start [--everywhere] ARGUMENTS…: an assert that forbids every finding in the lab. It looks at the
# lab's namespaces alone unless the arguments name some, so that what other labs drop at the same time
# fills no table. Hook programs are armed as for `trace`, unless the arguments say --deep.
judge_start()
{
	local path arg deep=no only=() options=() items=${WHYDROP_TEST:-}
	JUDGED_EVERYWHERE=0
	for arg; do # assert is deep by itself
		if [[ $arg == --deep ]]; then
			deep=yes
		else
			options+=("$arg")
		fi
	done
	[[ $deep == yes ]] || items+=${items:+,}on-demand
	set -- "${options[@]}"
	if [[ ${1:-} == --everywhere ]]; then
		JUDGED_EVERYWHERE=1
		shift
	elif [[ " $* " != *" --netns "* ]]; then
		for path in "/run/netns/$LAB-"*; do
			only+=(--netns "${path##*/}")
		done
	fi
	WHYDROP_TEST=$items assert_start "${only[@]}" --forbid "fault=*,netns=$LAB-*" "$@"
}

# open_without_loss: what is inconclusive, and why, though nothing that was lost would decide it.
open_without_loss()
{
	query '.assert.expressions[] | select(.verdict == "inconclusive") |
		select(.why | test("no room to count|missed:|more flows than room|without a sample|lost") | not) |
		.text + ": " + .why'
}

# open_at_trampoline TEXT: is what open_without_loss says of no more packets than died where a kretprobe's
# trampoline hides the place? Before 5.15 stacks end there, also at that of another test's whydrop, and at
# this one's own while its programs are being attached.
open_at_trampoline()
{
	local hidden line
	hidden=$(query '[.drops[] | ours | select(.class != "noise") |
		select(.location // "" | startswith("kretprobe_trampoline")) | .packets] | add // 0')
	while read -r line; do
		[[ $line =~ :\ ([0-9]+)\ packets?\ whose\ [^\;]*$ ]] && ((BASH_REMATCH[1] <= hidden)) || return 1
	done <<<"$1"
}

# judge_stop: all held. Where something was lost all the same the verdict may be open: then check_report.py
# is the only judge. What is unsure of others' drops is theirs, and a lab that looks at itself alone has
# none of them.
judge_stop()
{
	local open
	kill -INT "$TRACE_PID" || fail "whydrop ended on its own"
	run_end 0 4
	((STATUS)) || return 0
	note "inconclusive: $(verdicts)"
	open=$(open_without_loss)
	[[ ! $open ]] && return
	! open_at_trampoline "$open" || return 0
	((JUDGED_EVERYWHERE && $(query '[.drops[] | select(.class != "noise")] - [.drops[] | ours] | length'))) || {
		keep_report
		fail "inconclusive, though nothing of it was lost: $open"
	}
}

# check_report ARGUMENTS…: check_report.py, by the server that the runner keeps at $CHECKER if it has one.
check_report()
{
	if [[ -z ${CHECKER:-} ]]; then
		"$PYTHON" "$LAB_ROOT/tests/lib/check_report.py" "$@"
		return
	fi
	local dir=$LAB_DIR/check status
	[[ -d $dir ]] || mkdir "$dir"
	[[ -p $dir/reply ]] || mkfifo "$dir/reply"
	printf '%s\0' "$@" >"$dir/request"
	exec {reply}<>"$dir/reply"
	echo "$dir" >"$CHECKER"
	read -r status <&"$reply"
	exec {reply}<&-
	[[ ! -s $dir/out ]] || echo "$(<"$dir/out")"
	[[ ! -s $dir/err ]] || echo "$(<"$dir/err")" >&2
	return "$status"
}

# report CHECK ARGUMENTS…, see check_report.py
report()
{
	check_report "$1" "$REPORT" --lab "$(lab_inodes)" "${@:2}" || {
		[[ $1 == fix ]] || keep_report
		return 1
	}
}

# What somebody who was not there needs to see of a report that is wrong.
keep_report()
{
	note "accounting: $(query .accounting -c 2>/dev/null)"
	query '(.findings[] | ours | {fault, status, summary}),
		(.drops[] | ours | select(.class != "noise") | {packets, reason, location, class, netns: .netns.name, in, out, hook, path, flow, rule, rule_candidates, stack})' \
		-c 2>/dev/null | sed 's/^/# /'
}

# query FILTER ARGUMENTS…: jq on the report. `ours` in it selects the drops and findings of this lab:
# another one may run beside it, with the same addresses and ports.
query()
{
	local lab
	mapfile -t lab < <(lab_inodes)
	# shellcheck disable=SC2016 # jq's variables
	jq -r --argjson lab "[$(IFS=, && echo "${lab[*]}")]" "${@:2}" \
		'def ours: select(.netns.inode as $inode | $lab | index($inode)); '"$1" "$REPORT"
}

# probe_how PROBE: how the report says that it was attached: tp_btf, fexit, kprobe, stack, off…
probe_how()
{
	query ".probes[] | select(.name == \"$1\") | .how"
}

# can_probe PROBE: would it be attached here, on demand? Kprobes can watch whatever function there is.
can_probe()
{
	[[ ! -e /sys/bus/event_source/devices/kprobe ]] || return 0
	[[ $(whydrop probes -o json | jq -r ".probes[] | select(.name == \"$1\").how") =~ ^(fexit|kprobe)$ ]]
}

# armed_on_demand PROBE: a drop armed it, for a while, and hook programs explained one (trace -v)
armed_on_demand()
{
	local got
	got=$(query ".probes[] | select(.name == \"$1\") | \"\(.how) \(.armed) \((.armed_ms // 0) > 0)\"")
	[[ $got =~ ^(fexit|kprobe)\ on-demand\ true$ ]] || fail "$1 was not armed on demand: $got"
	grep -q 'explained by' "$LAB_DIR/trace.err" || fail "nothing was explained by a hook program"
}

kernel_at_least()
{
	local major minor
	IFS=.- read -r major minor _ < <(uname -r)
	((major > $1 || (major == $1 && minor >= $2)))
}

# Arguments of prove(), as global variables; see there.
prove_options()
{
	P_BREAK='' P_UNDO='' P_AT='' P_STATUS=confirmed P_SECONDS=1.2 P_FLOWS=() P_MENTIONS=() P_TRACE=()
	while (($#)); do
		case $1 in
		--break) P_BREAK=$2 ;;
		--undo) P_UNDO=$2 ;;
		--at) P_AT=$2 ;;
		--status) P_STATUS=$2 ;;
		--seconds) P_SECONDS=$2 ;;
		--flow) P_FLOWS+=("$2") ;;
		--mention) P_MENTIONS+=(--mention "$2") ;;
		--in) P_TRACE+=(--netns "$LAB-$2") ;;
		--with) P_TRACE+=("$2") ;;
		*) fail "prove: unknown option $1" ;;
		esac
		shift 2
	done
}

# All flows at once, for so many seconds: none of them may be answered.
flows_die()
{
	local seconds=$1 flow pid pids=() answered=0
	shift
	for flow; do
		# shellcheck disable=SC2086 # words
		traffic $flow --deadline "$seconds" 2>/dev/null &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		! wait "$pid" || answered=1
	done
	((!answered)) || fail "there is an answer though it is broken: $*"
}

flows_live()
{
	local flow
	for flow; do
		# shellcheck disable=SC2086 # words
		expect_ok $flow || fail "no answer: $flow"
	done
}

# Runs the finding's commands as printed; without one the scenario undoes its break.
apply_fix()
{
	local fault=$1 at=$2 undo=$3 command commands
	commands=$(report fix --fault "$fault" --inode "$(lab_inode "$at")")
	if [[ ! $commands ]]; then
		note "advice only: $(query '.findings[].fix[].text // empty' | tr '\n' ' ')"
		$undo
		return
	fi
	while IFS= read -r command; do
		note "fix in $at: $command"
		sh -c "$command" </dev/null || fail "the printed fix failed: $command"
	done <<<"$commands"
}

# Pod A need not ask for pod B: frames that do die elsewhere, and what waits for them in pod A.
know_pod_b()
{
	ip -n "$LAB-poda" neigh replace "$POD_B" dev eth0 nud permanent \
		lladdr "$(in_ns podb cat /sys/class/net/eth0/address)"
}

# nothing_waits NAME: no packet of before waits for a neighbour's address, to die later
nothing_waits()
{
	[[ ! $(ip -n "$LAB-$1" neigh show nud incomplete) ]]
}

# The life of a fault, in a lab that is up:
#   --flow  'tcp poda 10.244.2.2 8080'   works, then is broken, then works again (repeatable)
#   --break, --undo  'command'           break_… and undo_… functions with their arguments
#   --at NAME        the netns that the finding must name
#   --status         confirmed (default) or suspected
#   --mention TEXT   in the finding's summary or evidence (repeatable)
#   --with OPTION    one more option of whydrop (repeatable); --deep: programs are attached from the start
#   --in NAME        trace only in these namespaces (repeatable; default: the lab's)
#   --seconds N      for how long the broken flows try
# scripts/demo replaces this function by one that shows it to a person.
prove()
{
	local inode
	prove_options "$@"
	inode=$(lab_inode "$P_AT")
	flows_live "${P_FLOWS[@]}"
	$P_BREAK
	judge_start "${P_TRACE[@]}" --allow "fault=$FAULT,netns=$LAB-$P_AT" \
		--expect "fault=$FAULT,status=$P_STATUS,netns=$LAB-$P_AT"
	flows_die "$P_SECONDS" "${P_FLOWS[@]}"
	judge_stop
	report finding --fault "$FAULT" --status "$P_STATUS" --inode "$inode" \
		--name "$LAB-$P_AT" "${P_MENTIONS[@]}"
	note "$(query '.findings[].summary')"
	apply_fix "$FAULT" "$P_AT" "$P_UNDO"
	wait_for 10 nothing_waits "$P_AT" || note "packets still wait for neighbours in $P_AT"
	flows_live "${P_FLOWS[@]}"
	judge_start "${P_TRACE[@]}"
	flows_live "${P_FLOWS[@]}"
	judge_stop
	report none
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	FAULT=$(basename "$1" .sh)
	# shellcheck source=/dev/null
	source "$1"
	"$2"
fi

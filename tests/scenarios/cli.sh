# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# What automation relies on, and what bad input and bad places do.

# A folder of its own, without a lab.
no_lab()
{
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/cli.XXXXXX")
	lab_trap
}

# try COMMAND…: $STATUS, $LAB_DIR/out, $LAB_DIR/err
try()
{
	STATUS=0
	timeout -k 5 20 "$@" </dev/null >"$LAB_DIR/out" 2>"$LAB_DIR/err" || STATUS=$?
}

trace()
{
	try env --default-signal=INT,TERM,PIPE "$WHYDROP" trace "$@"
}

# bad QUOTED ARGUMENTS…: a usage error that quotes it, before anything starts
bad()
{
	local quoted=$1
	shift
	rm -f "$LAB_DIR/ready"
	try "$WHYDROP" "$@"
	((STATUS == 2)) || fail "$* ended with exit code $STATUS, not 2: $(<"$LAB_DIR/err")"
	[[ ! -s $LAB_DIR/out ]] || fail "$* printed to stdout"
	grep -qF -- "$quoted" "$LAB_DIR/err" || fail "$*: '$quoted' is not in: $(<"$LAB_DIR/err")"
	[[ ! -e $LAB_DIR/ready ]] || fail "$*: it started"
}

bad_value()
{
	bad "'$2'" trace --ready-file "$LAB_DIR/ready" --duration 1s "$1" "$2"
}

variant_bad_input()
{
	local value
	no_lab
	bad Usage:
	bad nonesuch nonesuch
	bad "did you mean trace?" trce
	bad --nonesuch trace --nonesuch
	bad stray trace --duration 1s stray
	for value in 0 0s -5s 1y abc 9999999h 99999999999999999999s 1e3s ' 1s' '1s ' ''; do
		bad "'$value'" trace --ready-file "$LAB_DIR/ready" --duration "$value"
	done
	bad duration trace --duration
	for value in no-such-netns /nonexistent/netns /etc/passwd 0 99999999999 ''; do
		bad_value --netns "$value"
	done
	for value in 0 -1 abc 1x 999999999 99999999999999999999; do
		bad_value --pid "$value"
	done
	for value in a-name-that-is-too-long 'a/b' ''; do
		bad_value --iface "$value"
	done
	for value in no-such-proto 256 -1 ''; do
		bad_value --proto "$value"
	done
	for value in 300.1.1.1 10.0.0 fd00::1::2 10.0.0.0/8 ''; do
		bad_value --host "$value"
	done
	for value in 10.0.0.0/33 fd00::/129 10.0.0.0/ 10.0.0.0/-1 10.0.0.0/8x /8 abc; do
		bad_value --net "$value"
	done
	for value in 0 65536 -1 abc 80x ''; do
		bad_value --port "$value"
	done
	for value in NOT_A_REASON_AT_ALL ''; do
		bad_value --reason "$value"
	done
	bad_value -o xml
	for value in /etc/passwd /nonexistent/btf; do
		bad_value --btf "$value"
		[[ $(wc -l <"$LAB_DIR/err") == 1 ]] || fail "--btf $value: $(<"$LAB_DIR/err")"
	done
	bad_value --output /nonexistent/folder/report
	bad_value --output "$LAB_DIR"
	bad "'/nonexistent/ready'" trace --duration 1s --ready-file /nonexistent/ready
	bad "''" trace --duration 1s --ready-file ''
	bad "'$LAB_DIR/ready/'" trace --duration 1s --ready-file "$LAB_DIR/ready/"
}

# Filters that no packet can match.
variant_impossible_filters()
{
	local expr why
	no_lab
	bad "'proto icmp, port 80'" trace --duration 1s --proto icmp --port 80
	bad "'proto arp, host fe80::1'" trace --duration 1s --proto arp --host fe80::1
	bad "'proto icmp6, net 10.0.0.0/8'" trace --duration 1s --proto icmp6 --net 10.0.0.0/8
	while read -r expr why; do
		bad "$why" assert --duration 1s --forbid "$expr"
	done <<-'END'
		port=1,port=2,port=3 a packet has two ports
		src=10.0.0.1,dst=fd00::/8 its addresses are of both address families
		proto=icmp,port=80 that protocol has no ports
		proto=arp,port=80 that protocol has no ports
		proto=icmp6,src=10.0.0.0/8 that protocol is none of that address family
		proto=arp,port=80,dst=::/0 that protocol is none of that address family
	END
	trace --duration 100ms -q --proto icmp --proto tcp --port 80 --host fe80::1 --net 10.0.0.0/8
	((STATUS == 0)) || fail "one that a packet can match: $(<"$LAB_DIR/err")"
}

variant_help_and_version()
{
	local arguments
	no_lab
	for arguments in --help -h "trace --help" "trace -h" "assert --help" "probes -h" --version \
		"trace --version"; do
		try "$WHYDROP" $arguments
		((STATUS == 0)) || fail "$arguments ended with $STATUS"
		[[ -s $LAB_DIR/out && ! -s $LAB_DIR/err ]] || fail "$arguments did not print to stdout"
	done
	try "$WHYDROP" trace --help
	for arguments in duration netns pid iface proto host net port reason all btf output \
		ready-file verbose quiet; do
		grep -q -- "--$arguments" "$LAB_DIR/out" || fail "--help does not tell --$arguments"
	done
}

variant_not_root()
{
	command -v setpriv >/dev/null || skip "no setpriv"
	no_lab
	chmod 755 "$LAB_DIR"
	local dir
	dir=$(mktemp -d /tmp/whydrop-cli.XXXXXX)
	chmod 755 "$dir"
	cp "$WHYDROP" "$dir/whydrop"
	try setpriv --reuid=65534 --regid=65534 --clear-groups "$dir/whydrop" trace --duration 1s
	rm -r "$dir"
	((STATUS == 3)) || fail "exit code $STATUS, not 3: $(<"$LAB_DIR/err")"
	[[ $(wc -l <"$LAB_DIR/err") == 1 ]] || fail "not one line: $(<"$LAB_DIR/err")"
	[[ ! -s $LAB_DIR/out ]] || fail "there is something on stdout"
	cat "$LAB_DIR/err"
}

# Root without CAP_BPF and the like, as in a container.
variant_no_capabilities()
{
	command -v setpriv >/dev/null || skip "no setpriv"
	no_lab
	try setpriv --bounding-set=-all --inh-caps=-all "$WHYDROP" trace --duration 1s
	((STATUS == 3)) || fail "exit code $STATUS, not 3: $(<"$LAB_DIR/err")"
	[[ $(wc -l <"$LAB_DIR/err") == 1 ]] || fail "not one line: $(<"$LAB_DIR/err")"
	cat "$LAB_DIR/err"
}

# What loads BPF but may not enter a netns recognises no fault there, and says so.
variant_no_sys_admin()
{
	command -v setpriv >/dev/null || skip "no setpriv"
	lab_up
	lab_sysctl node1 net.ipv4.ip_forward=0
	run_start_with "setpriv --bounding-set -sys_admin --inh-caps -sys_admin" assert \
		--netns "$LAB-node1" --forbid 'fault=*'
	flows_die 0.5 "udp poda $POD_C $LAB_PORT"
	kill -INT "$TRACE_PID"
	run_end 4
	[[ $(query .window.namespaces_closed) == true ]] || fail "the report does not say so"
	verdicts | grep -q CAP_SYS_ADMIN || fail "another reason: $(verdicts)"
	try setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$WHYDROP" trace --duration 200ms
	grep -q 'WARNING.*CAP_SYS_ADMIN' "$LAB_DIR/out" || fail "no warning: $(<"$LAB_DIR/out")"
}

# ends_by SIGNAL: with the full report and exit code 0
ends_by()
{
	lab_up
	trace_start --duration 10m
	traffic flood poda $POD_B 9 --count 50 >/dev/null
	kill -"$1" "$TRACE_PID"
	trace_end
	[[ $(query '[.drops[] | ours | select(.flow.dport == 9) | .packets] | add') == 50 ]] ||
		fail "the report is not complete: $(query .drops[] -c)"
}

variant_sigint()
{
	ends_by INT
}

variant_sigterm()
{
	ends_by TERM
}

program_is_gone()
{
	! bpftool prog show id "$1" >/dev/null 2>&1
}

map_is_gone()
{
	! bpftool map show id "$1" >/dev/null 2>&1
}

variant_sigkill()
{
	local programs maps id
	lab_up
	trace_start
	programs=$(sed -n 's/^prog_id:\t*//p' /proc/$TRACE_PID/fdinfo/* | sort -un)
	maps=$(sed -n 's/^map_id:\t*//p' /proc/$TRACE_PID/fdinfo/* | sort -un)
	[[ $programs && $maps ]] || fail "it has no BPF programs or maps"
	kill -KILL "$TRACE_PID"
	wait "$TRACE_PID" 2>/dev/null || :
	TRACE_PID=
	for id in $programs; do
		wait_for 5 program_is_gone "$id" || fail "left behind: $(bpftool prog show id "$id")"
	done
	for id in $maps; do
		wait_for 5 map_is_gone "$id" || fail "left behind: $(bpftool map show id "$id")"
	done
}

# Neither rules, nor sysctls, nor addresses, nor modules. What other tests do may load one.
# alone: changes_nothing ready_soon
node_state()
{
	in_ns "$1" sh -c 'ip addr; ip route show table all; ip rule; cat /proc/net/ip_tables_names \
		/proc/net/ip6_tables_names /proc/net/nf_conntrack_expect 2>/dev/null
		sysctl -a 2>/dev/null | grep -E "^net\.(ipv[46]\.(conf|ip_forward)|bridge|netfilter)" |
		grep -vE "nf_conntrack_count|mtu|stable_secret"; nft list ruleset'
	cut -d ' ' -f 1 /proc/modules 2>/dev/null || :
}

variant_changes_nothing()
{
	lab_up
	lab_sysctl node1 net.ipv4.ip_forward=0
	node_state node1 | grep -v '^nf_conntrack\|preferred_lft' >"$LAB_DIR/before"
	trace_start
	traffic tcp poda $POD_C $LAB_PORT --deadline 1.2 2>/dev/null || :
	trace_stop
	node_state node1 | grep -v '^nf_conntrack\|preferred_lft' >"$LAB_DIR/after"
	diff "$LAB_DIR/before" "$LAB_DIR/after" || fail "whydrop changed the node"
	[[ $(query '[.findings[] | ours] | length') -gt 0 ]] || fail "nothing was diagnosed"
}

# The root of a container: the image's programs, the kernel's file systems, nothing else of the node.
enter_pod()
{
	local root=$1 dir
	shift
	mount -t tmpfs tmpfs "$root"
	mkdir -p "$root"/{etc,run,tmp,proc,sys,dev,usr,image} "$root$LAB_DIR"
	for dir in bin sbin lib lib64; do
		cp -a "/$dir" "$root/" # links to /usr
	done
	for dir in usr proc sys dev; do
		mount --rbind "/$dir" "$root/$dir"
	done
	mount --bind "$(dirname "$WHYDROP")" "$root/image"
	mount --bind "$LAB_DIR" "$root$LAB_DIR"
	exec chroot "$root" "/image/$(basename "$WHYDROP")" "$@"
}

# As deploy/pod.yaml runs it: namespaces have their names, rules are read with the image's tools. Process
# 1 is one of ours, with the mounts of the node: not everybody may look into the machine's own.
variant_in_a_pod()
{
	local dir
	for dir in /bin /sbin /lib /lib64; do
		[[ -L $dir ]] || skip "$dir is not merged into /usr"
	done
	lab_up
	mkdir "$LAB_DIR/root"
	cat >"$LAB_DIR/whydrop" <<-END
		#!/bin/bash
		set -e
		case \${POD:=node} in
		node) POD=init exec unshare --pid --fork --mount-proc "\$0" "\$@" ;;
		init) POD=pod unshare --mount "\$0" "\$@"; exit ;;
		esac
		WHYDROP=$WHYDROP LAB_DIR=$LAB_DIR
		$(declare -f enter_pod)
		enter_pod $LAB_DIR/root "\$@"
	END
	chmod +x "$LAB_DIR/whydrop"
	in_ns node1 nft add table ip fw
	in_ns node1 nft 'add chain ip fw forward { type filter hook forward priority 5; }'
	in_ns node1 nft "add rule ip fw forward tcp dport $LAB_PORT drop"
	WHYDROP=$LAB_DIR/whydrop trace_start --duration 3s # unshare passes no signals on
	flows_die 1.2 "tcp poda $POD_C $LAB_PORT"
	trace_end
	local found
	found=$(query '.findings[] | .fault + " " + .status + " " + .netns.name')
	[[ $found == "forward-rule-drop confirmed $LAB-node1" ]] || fail "found: $found"
	found=$(query '[.drops[] | ours | select(.rule).rule.text] | unique | .[]')
	[[ $found == "tcp dport $LAB_PORT drop" ]] || fail "rule: $found"
}

# The image has the packages of all the libraries that whydrop is linked with.
variant_image()
{
	local library packages image=deploy/Dockerfile
	# shellcheck source=/dev/null
	grep -q "^FROM $(. /etc/os-release && echo "$ID:$VERSION_ID")-slim" "$image" ||
		skip "the image is of another distribution"
	no_lab
	packages=$(sed -n '/^FROM .*-slim/,$ p' "$image")
	while read -r library; do
		library=$(realpath "$library") # below /lib or /usr/lib, as its package knows it
		library=$(dpkg-query -S "*/${library#*/lib/}" | cut -d: -f1)
		[[ $library == libc6 ]] || grep -qw -- "$library" <<<"$packages" ||
			fail "$library is not in $image"
	done < <(ldd "$WHYDROP" | awk '/=> \// { print $3 }' |
		grep -F -f <(readelf -d "$WHYDROP" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'))
}

variant_closed_pipe()
{
	local status format
	no_lab
	for format in json text; do
		status=0
		env --default-signal=INT,TERM,PIPE "$WHYDROP" trace --duration 500ms -o $format \
			2>"$LAB_DIR/err" > >(:) || status=$?
		((status == 1 || status == 141)) || fail "exit code $status: $(<"$LAB_DIR/err")"
	done
}

variant_full_disk()
{
	no_lab
	trace --duration 300ms -o json --output /dev/full
	((STATUS == 1)) || fail "exit code $STATUS: $(<"$LAB_DIR/err")"
	grep -q 'No space left' "$LAB_DIR/err" || fail "it does not say why: $(<"$LAB_DIR/err")"
	env "$WHYDROP" trace --duration 300ms >/dev/full 2>"$LAB_DIR/err" && fail "text: exit code 0"
	grep -q 'No space left' "$LAB_DIR/err" || fail "it does not say why: $(<"$LAB_DIR/err")"
	env "$WHYDROP" trace --duration 300ms >&- 2>"$LAB_DIR/err" && fail "no stdout: exit code 0"
	grep -q 'could not be written' "$LAB_DIR/err" || fail "no stdout: $(<"$LAB_DIR/err")"
}

variant_json_is_one_object()
{
	no_lab
	trace --duration 300ms -o json
	((STATUS == 0)) || fail "exit code $STATUS: $(<"$LAB_DIR/err")"
	[[ $(jq -s length "$LAB_DIR/out") == 1 ]] || fail "not one object"
	check_report valid "$LAB_DIR/out"
	trace --duration 300ms -o json -v -v
	[[ $(jq -s length "$LAB_DIR/out") == 1 ]] || fail "not one object with -v -v"
	trace --duration 300ms -q
	[[ ! -s $LAB_DIR/err ]] || fail "-q is not quiet: $(<"$LAB_DIR/err")"
}

# Nothing that happens after the file appeared may be missed.
variant_ready_file()
{
	local i
	lab_up
	for i in 1 2 3; do
		trace_start --netns "$LAB-podb" --port 9
		traffic flood poda $POD_B 9 --count 10 >/dev/null
		trace_stop
		# what has no port, such as a message between local sockets, passes the filter
		[[ $(query '[.drops[] | ours | select(.flow.dport == 9) | .packets] | add') == 10 ]] ||
			fail "run $i missed drops: $(query .drops -c)"
	done
}

# from exec until ready
variant_ready_soon()
{
	local i began took best=99999999 most=1000
	[[ ! -e /run/vm ]] || most=20000
	lab_up
	for i in 1 2 3 4 5; do
		began=${EPOCHREALTIME/[.,]/}
		trace_start
		took=$((${EPOCHREALTIME/[.,]/} - began))
		trace_stop
		((took >= best)) || best=$took
	done
	note "ready after $((best / 1000)) ms"
	((best < most * 1000)) || fail "ready only after $((best / 1000)) ms"
}

# escapes FILE: does it hold the control byte ESC?
escapes()
{
	grep -q $'\e' "$1"
}

variant_colour()
{
	lab_up
	command -v script >/dev/null || skip "no script(1) for a terminal"
	lab_sysctl node1 net.ipv4.ip_forward=0
	in_ns poda "$TRAFFIC" udp $POD_C 9 --deadline 30 &
	trace --duration 500ms --netns "$LAB-node1"
	! escapes "$LAB_DIR/out" || fail "escape sequences in a pipe: $(cat -v "$LAB_DIR/out")"
	! escapes "$LAB_DIR/err" || fail "escape sequences in a pipe: $(cat -v "$LAB_DIR/err")"
	TERM=xterm try script -qec "$WHYDROP trace --duration 500ms --netns $LAB-node1" "$LAB_DIR/tty"
	grep -q $'\e\\[[0-9;]*m' "$LAB_DIR/tty" || fail "no colour on a terminal"
	NO_COLOR=1 TERM=xterm try script -qec "$WHYDROP trace --duration 500ms --netns $LAB-node1" \
		"$LAB_DIR/tty"
	! grep -q $'\e\\[[0-9;]*m' "$LAB_DIR/tty" || fail "colour though NO_COLOR is set"
}

# Names come from anybody who may make an interface.
variant_hostile_name()
{
	lab_up
	ip -n "$LAB-podb" link set eth0 down
	ip -n "$LAB-podb" link set eth0 name $'e\e[2J\xff"\\' ||
		skip "ip(8) refuses such names"
	ip -n "$LAB-podb" link set $'e\e[2J\xff"\\' up
	wait_for 5 expect_ok icmp poda $POD_B
	trace_start --netns "$LAB-podb"
	traffic flood poda $POD_B 9 --count 10 >/dev/null
	trace_stop
	! escapes "$REPORT" || fail "a raw escape byte in JSON"
	query '.drops[].in // empty' | cat -v | grep -F '^[[2J\xff"' >/dev/null || # which jq prints decoded
		fail "the name is not in the report: $(query .drops[].in | cat -v)"
	env --default-signal=INT,TERM "$WHYDROP" trace --all --netns "$LAB-podb" \
		--ready-file "$LAB_DIR/ready" >"$LAB_DIR/text" 2>&1 &
	TRACE_PID=$!
	wait_for 10 test -e "$LAB_DIR/ready"
	traffic flood poda $POD_B 9 --count 10 >/dev/null
	kill -INT "$TRACE_PID"
	wait "$TRACE_PID"
	TRACE_PID=
	! escapes "$LAB_DIR/text" || fail "raw escape bytes in text: $(cat -v "$LAB_DIR/text")"
	grep -qF '\x1b[2J\xff' "$LAB_DIR/text" || fail "the name is not there: $(cat -v "$LAB_DIR/text")"
}

# --output and --ready-file do not follow what others could have put there, nor truncate too early.
variant_output_file()
{
	no_lab
	echo old >"$LAB_DIR/report"
	bad "'0'" trace --duration 0 --output "$LAB_DIR/report"
	[[ $(<"$LAB_DIR/report") == old ]] || fail "a usage error emptied the old report"
	trace --duration 300ms -o json --output "$LAB_DIR/report"
	((STATUS == 0)) || fail "exit code $STATUS"
	jq -e .schema "$LAB_DIR/report" >/dev/null || fail "no report"
	[[ ! -s $LAB_DIR/out ]] || fail "stdout is not empty"
}

# --help of all commands and the man page name the same options.
variant_help_agrees_with_man()
{
	local command
	no_lab
	for command in trace assert; do
		"$WHYDROP" $command --help
	done | grep -oE -- '--[a-z]+(-[a-z]+)*' | sort -u >"$LAB_DIR/help"
	sed -E 's/\\-/-/g' "$LAB_ROOT/docs/whydrop.8" | grep -oE 'Fl -[a-z]+(-[a-z]+)*' |
		sed 's/^Fl -/--/' | sort -u >"$LAB_DIR/man"
	grep -q -- --duration "$LAB_DIR/help" || fail "no options in --help"
	diff "$LAB_DIR/help" "$LAB_DIR/man" || fail "--help (<) and the man page (>) differ"
}

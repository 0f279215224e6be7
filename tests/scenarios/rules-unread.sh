# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Where the rules cannot be read, the report says so.

# A tool of iptables that ends with who runs it.
variant_reader_dies()
{
	lab_up
	need_iptables legacy
	in_ns node1 iptables-legacy -w -A FORWARD -p udp --dport "$LAB_PORT" -j DROP
	mkdir "$LAB_DIR/bin"
	# shellcheck disable=SC2016 # the tool's own
	printf '#!/bin/sh\nkill -9 $PPID\n' >"$LAB_DIR/bin/iptables-legacy-save"
	chmod +x "$LAB_DIR/bin/iptables-legacy-save"
	PATH=$LAB_DIR/bin:$PATH trace_start --netns "$LAB-node1"
	flows_die 1.2 "udp poda $POD_C $LAB_PORT"
	trace_stop
	[[ $(query '[.drops[] | ours | select(.hook == "forward") | .rule_unknown] | unique | .[]') == *"has ended before it had read them"* ]] ||
		fail "no reason: $(query '.drops[] | ours' -c)"
}

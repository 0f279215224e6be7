# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# alone: reading
# Modules that are loaded after whydrop started: probes attach, functions have names, faults are
# found. Only where modules can be loaded and are not loaded yet; tests/vm/guest runs it first.
# The first variant needs the lab's own modules to be absent:
# alone: on_demand

# need_absent MODULE…
need_absent()
{
	local module
	for module; do
		modinfo "$module" >/dev/null 2>&1 || skip "$module is not a module here"
		[[ ! -e /sys/module/$module ]] || skip "$module is loaded already"
	done
}

# Everything that a node's network needs comes after the start.
variant_all()
{
	need_absent br_netfilter nf_tables vxlan
	export LAB_DIR
	LAB_DIR=$(mktemp -d) # before the lab is there
	trace_start --deep -v
	lab_up
	modprobe -a br_netfilter nf_tables
	lab_sysctl node1 net.bridge.bridge-nf-call-iptables=1
	in_ns node1 nft -f - <<-END
		table ip fw {
			chain forward {
				type filter hook forward priority 5
				tcp dport 4434 drop
			}
		}
	END
	in_ns node2 nft -f - <<-END
		table inet fw {
			chain input {
				type filter hook input priority 5
				udp dport 8472 drop
			}
		}
	END
	wait_for 20 armed || fail "the probes are not attached"
	flows_die 1.5 "tcp poda $POD_B 4434" "udp poda $POD_C $LAB_PORT"
	trace_stop
	note "$(query '[.probes[] | .name + " " + .how] | tostring')"
	[[ $(probe_how nft_do_chain) == fexit || $(probe_how nft_do_chain) == kprobe ]] ||
		fail "nft_do_chain: $(probe_how nft_do_chain)"
	[[ $(probe_how br_nf_dev_queue_xmit) == fexit || $(probe_how br_nf_dev_queue_xmit) == kprobe ]] ||
		fail "br_nf_dev_queue_xmit: $(probe_how br_nf_dev_queue_xmit)"
	[[ $(query '[.drops[] | select(.flow.dport == 4434) | .hook + " " + .verdict.function] | unique | .[]') == \
		"forward nft_do_chain" ]] || fail "not explained: $(query '.drops[] | select(.class != "noise") | del(.stack) | tostring')"
	# what a probe sees needs nf_tables' types, too
	! kernel_at_least 5 17 ||
		[[ $(query '[.drops[] | select(.flow.dport == 4434) | .rule.certain] | unique | .[]') == true ]] ||
		fail "the rule was not seen: $(query '.drops[] | select(.flow.dport == 4434) | del(.stack) | tostring')"
	local found
	found=$(query '[.findings[] | .fault + " " + .status + " " + .netns.name] | sort | join(", ")')
	[[ $found == "bridge-nf-forward-drop confirmed $LAB-node1, vxlan-blocked confirmed $LAB-node2" ]] ||
		fail "found: $found"
}

# iptables comes after the start, and its first drop arms what watches it.
variant_on_demand()
{
	local round
	need_absent ip_tables iptable_filter
	lab_up
	trace_start -v --netns "$LAB-node1"
	in_ns node1 iptables-legacy -w -A FORWARD -p udp --dport 4434 -j DROP
	for ((round = 0; round < 20; round++)); do
		flows_die 1.5 "udp poda $POD_C 4434" # attaching takes many seconds where all is emulated
		! grep -q "explained by .*: udp .*> $POD_C:4434" "$LAB_DIR/trace.err" || break
	done
	trace_stop
	armed_on_demand ipt_do_table
	[[ $(query '[.drops[] | select(.flow.dport == 4434) | .hook + " " + .verdict.function] | unique | .[]') == \
		"forward ipt_do_table" ]] || fail "not explained: $(query '.drops[] | select(.class != "noise") | del(.stack) | tostring')"
}

# What asking for rules could load or make, where only nft is: modules, and tables of iptables in a netns.
rules_and_modules()
{
	local name list
	cut -d' ' -f1 /proc/modules | sort
	for name in "${LAB_NAMES[@]}"; do
		for list in ip ip6 arp; do
			in_ns "$name" cat /proc/net/${list}_tables_names 2>/dev/null || :
		done
		in_ns "$name" nft list tables
	done
}

# Another packet filter than the one that dropped the packet is not even asked for.
variant_reading()
{
	local before after
	need_absent nft_compat ip6_tables arp_tables
	! modinfo -n ebtables >/dev/null 2>&1 || need_absent ebtables # gone from Debian's since 6.18
	lab_up
	in_ns node1 nft -f - <<-END
		table ip fw {
			chain forward {
				type filter hook forward priority 5
				udp dport 4435 drop
			}
		}
	END
	before=$(rules_and_modules)
	trace_start -v --deep
	flows_die 1.5 "udp poda $POD_C 4435"
	wait_for 60 grep -q 'rule known' "$LAB_DIR/trace.err" || fail "the rule is not read"
	trace_stop
	after=$(rules_and_modules)
	[[ $(query '.drops[] | ours | select(.flow.dport == 4435) | .rule.text') == "udp dport 4435 drop" ]] ||
		fail "not that rule: $(query '.drops[] | ours | .rule | select(.)' -c)"
	[[ $before == "$after" ]] || fail "reading the rules left: $(diff <(echo "$before") <(echo "$after"))"
}

# What belongs to the modules that came last. In the order of families: netfilter comes before bridge.
armed()
{
	grep -q 'attached:.* nft_do_chain' "$LAB_DIR/trace.err" &&
		grep -q 'attached:.* br_nf_dev_queue_xmit' "$LAB_DIR/trace.err"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A firewall drops the tunnel's packets: on receive, on send, or somewhere on the way.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_input_legacy

# rule legacy|nft NODE -A|-D INPUT|OUTPUT PORT
rule()
{
	in_ns "$2" "iptables-$1" -w "$3" "$4" -p udp --dport "$5" -j DROP
}

# chain NODE input|output STATEMENT…
chain()
{
	in_ns "$1" nft -f - <<-END
		table inet fw {
			chain $2 {
				type filter hook $2 priority filter; policy ${POLICY:-accept};
				${*:3}
			}
		}
	END
}

drop_in_chain()
{
	chain "$1" "$2" udp dport "$3" counter drop
}

# What an administrator may let in who does not know of the overlay.
drop_by_policy()
{
	POLICY=drop chain "$1" input "
		iif lo accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport { 22, 6443, 10250 } accept"
}

drop_table()
{
	in_ns "$1" nft delete table inet fw
}

# A firewall between the nodes.
drop_on_the_wire()
{
	in_ns wire nft -f - <<-END
		table bridge fw {
			chain forward {
				type filter hook forward priority filter;
				udp dport 8472 drop
			}
		}
	END
}

undo_on_the_wire()
{
	in_ns wire nft delete table bridge fw
}

# prove_blocked NODE BREAK UNDO [MORE…]: from pod a to pod c
prove_blocked()
{
	prove --at "$1" --break "$2" --undo "$3" --mention "${LAB_VXLAN_PORT:-8472}" \
		--flow "tcp poda $POD_C $LAB_PORT" --flow "udp poda $POD_C $LAB_PORT" "${@:4}"
}

variant_input_legacy()
{
	lab_up
	need_iptables legacy
	prove_blocked node2 "rule legacy node2 -A INPUT 8472" "rule legacy node2 -D INPUT 8472"
}

variant_input_iptables_nft()
{
	lab_up
	need_iptables nft
	prove_blocked node2 "rule nft node2 -A INPUT 8472" "rule nft node2 -D INPUT 8472"
}

# The answers die on the sender's own node.
variant_input_nft()
{
	lab_up
	prove_blocked node1 "drop_in_chain node1 input 8472" "drop_table node1"
}

variant_input_policy()
{
	lab_up
	prove_blocked node2 "drop_by_policy node2" "drop_table node2"
}

variant_output_legacy()
{
	lab_up
	need_iptables legacy
	prove_blocked node1 "rule legacy node1 -A OUTPUT 8472" "rule legacy node1 -D OUTPUT 8472" \
		--mention $NODE2
}

variant_output_nft()
{
	lab_up
	prove_blocked node1 "drop_in_chain node1 output 8472" "drop_table node1" --mention $NODE2
}

# The port is the device's, not one of a list.
variant_port_4789()
{
	LAB_VXLAN_PORT=4789
	lab_up
	prove_blocked node2 "drop_in_chain node2 input 4789" "drop_table node2"
}

variant_port_other()
{
	LAB_VXLAN_PORT=12345
	lab_up
	prove_blocked node2 "drop_in_chain node2 input 12345" "drop_table node2"
}

variant_ipv6_inside()
{
	lab_up
	prove --at node2 --break "drop_in_chain node2 input 8472" --undo "drop_table node2" \
		--mention 8472 --flow "tcp poda $POD_C6 $LAB_PORT"
}

# Nothing is dropped where we look: only retransmits, and a VTEP that never answers.
variant_silent_wire()
{
	lab_up
	prove --at node1 --break drop_on_the_wire --undo undo_on_the_wire --status suspected \
		--seconds 9 --in node1 --in poda --in podb --mention $NODE2 --mention 8472 \
		--flow "tcp poda $POD_C $LAB_PORT" --flow "tcp podb $POD_C $LAB_PORT"
}

variant_silent_other_node()
{
	lab_up
	prove --at node1 --break "drop_in_chain node2 input 8472" --undo "drop_table node2" \
		--status suspected --seconds 9 --in node1 --in poda --in podb --mention $NODE2 \
		--flow "tcp poda $POD_C $LAB_PORT"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Docker, ufw or a person set the forward chain's policy to DROP, and no rule lets pods through.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_legacy

# policy legacy|nft ip|ip6 DROP|ACCEPT
policy()
{
	in_ns node1 "${2}tables-$1" -w -P FORWARD "$3"
}

drop_in_nft()
{
	in_ns node1 nft -f - <<-END
		table inet fw {
			chain forward {
				type filter hook forward priority filter; policy drop;
				tcp dport 22 accept
				ct state established,related accept
			}
		}
	END
}

undo_nft()
{
	in_ns node1 nft delete table inet fw
}

# prove_policy BREAK UNDO MENTION FLOW
prove_policy()
{
	prove --at node1 --break "$1" --undo "$2" --mention FORWARD --mention "$3" --flow "$4" "${@:5}"
}

# policy_stays TOOL FLOW: the fix let pods through and nobody else; the flow is from another node
policy_stays()
{
	in_ns node1 "$1" -w -S FORWARD | grep -qx -e '-P FORWARD DROP' || fail "the policy is another one"
	flows_live "$2"
	flows_die 1.2 "tcp host $POD_A $LAB_PORT"
}

variant_legacy()
{
	lab_up
	need_iptables legacy
	prove_policy "policy legacy ip DROP" "policy legacy ip ACCEPT" iptables-legacy \
		"tcp poda $OUTSIDE $LAB_PORT" --flow "udp podb $POD_C $LAB_PORT"
	policy_stays iptables-legacy "tcp podc $POD_A $LAB_PORT"
}

variant_iptables_nft()
{
	lab_up
	need_iptables nft
	prove_policy "policy nft ip DROP" "policy nft ip ACCEPT" iptables-nft \
		"tcp poda $OUTSIDE $LAB_PORT"
}

variant_ip6()
{
	lab_up
	need_iptables nft
	prove_policy "policy nft ip6 DROP" "policy nft ip6 ACCEPT" ip6 "tcp poda $POD_C6 $LAB_PORT"
}

variant_nft()
{
	lab_up
	prove --at node1 --break drop_in_nft --undo undo_nft --mention "policy drop" \
		--mention "inet fw" --flow "udp poda $OUTSIDE $LAB_PORT"
}

# What is sent to the policy by a return, or by a goto, never comes to the end of the chain.
return_legacy()
{
	in_ns node1 iptables-legacy-restore -w <<-END
		*filter
		:FORWARD DROP [0:0]
		-A FORWARD -p tcp -j ACCEPT
		-A FORWARD -p udp -j RETURN
		-A FORWARD -p icmp -j ACCEPT
		COMMIT
	END
}

undo_return_legacy()
{
	in_ns node1 iptables-legacy -w -P FORWARD ACCEPT
	in_ns node1 iptables-legacy -w -F FORWARD
}

variant_return_legacy()
{
	lab_up
	need_iptables legacy
	prove_policy return_legacy undo_return_legacy iptables-legacy "udp podb $POD_C $LAB_PORT"
}

return_iptables_nft()
{
	in_ns node1 iptables-nft -w -P FORWARD DROP
	in_ns node1 iptables-nft -w -A FORWARD -p icmp -j ACCEPT
	in_ns node1 iptables-nft -w -A FORWARD -p udp -j RETURN
}

undo_return_iptables_nft()
{
	in_ns node1 iptables-nft -w -P FORWARD ACCEPT
	in_ns node1 iptables-nft -w -F FORWARD
}

variant_return_iptables_nft()
{
	lab_up
	need_iptables nft
	prove_policy return_iptables_nft undo_return_iptables_nft iptables-nft "udp podb $POD_C $LAB_PORT"
}

goto_nft()
{
	in_ns node1 nft -f - <<-END
		table inet fw {
			chain dns {
				udp dport 53 accept
			}
			chain forward {
				type filter hook forward priority filter; policy drop;
				tcp dport 22 accept
				meta l4proto udp goto dns
				ct state established,related accept
			}
		}
	END
}

variant_goto_nft()
{
	lab_up
	prove --at node1 --break goto_nft --undo undo_nft --mention "policy drop" --mention "inet fw" \
		--flow "udp poda $OUTSIDE $LAB_PORT"
}

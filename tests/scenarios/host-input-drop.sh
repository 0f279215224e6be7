# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A node's firewall lets in what its administrator knew of, and not what pods and other nodes need.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_rule

# As kubelet: host network, asked by pods and by the other nodes.
serve_on_node1()
{
	lab_serve node1 --tcp 10250 --udp 10250
	lab_wait_servers
}

# rule legacy|nft ip|ip6 -A|-D
rule()
{
	in_ns node1 "${2}tables-$1" -w "$3" INPUT -p tcp --dport 10250 -j DROP
}

drop_by_policy()
{
	in_ns node1 nft -f - <<-END
		table inet fw {
			chain input {
				type filter hook input priority filter; policy drop;
				iif lo accept
				meta l4proto { icmp, ipv6-icmp } accept
				udp dport 8472 accept
				ct state established,related accept
				tcp dport { 22, 6443 } accept
			}
		}
	END
}

undo_policy()
{
	in_ns node1 nft delete table inet fw
}

variant_rule()
{
	lab_up
	need_iptables legacy
	serve_on_node1
	prove --at node1 --break "rule legacy ip -A" --undo "rule legacy ip -D" --mention "rule 1 of chain INPUT" \
		--mention 10250 --flow "tcp poda 10.244.1.1 10250"
}

variant_ip6()
{
	lab_up
	need_iptables nft
	serve_on_node1
	prove --at node1 --break "rule nft ip6 -A" --undo "rule nft ip6 -D" --mention ip6tables-nft \
		--flow "tcp poda fd00:244:1::1 10250"
}

variant_policy()
{
	lab_up
	serve_on_node1
	prove --at node1 --break drop_by_policy --undo undo_policy --mention "the policy of chain input" \
		--flow "udp poda 10.244.1.1 10250"
}

variant_other_node()
{
	lab_up
	serve_on_node1
	prove --at node1 --break drop_by_policy --undo undo_policy --mention "$NODE2" \
		--flow "tcp node2 $NODE1 10250"
}

# Who is no part of the cluster, and what nobody waits for, is dropped rightly.
variant_strangers()
{
	lab_up
	serve_on_node1
	drop_by_policy
	judge_start
	flows_die 1.2 "tcp host $NODE1 10250" "tcp poda 10.244.1.1 9999" "udp host $NODE1 10250"
	judge_stop
	report none
}

# IPVS takes what is for a Service out of the input hook, behind the filter: no socket waits there.
drop_service()
{
	in_ns node1 nft -f - <<-END
		table inet fw {
			chain input {
				type filter hook input priority filter;
				tcp dport { 80, 443 } drop
			}
		}
	END
}

variant_ipvs()
{
	lab_up
	ipvs_service
	prove --at node1 --break drop_service --undo "in_ns node1 nft delete table inet fw" \
		--mention "a Service of IPVS" --flow "tcp poda $VIP 80"
}

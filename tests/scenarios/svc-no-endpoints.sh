# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# The last endpoint of a Service goes, and kube-proxy refuses what is sent to it.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_iptables

# services BACKEND: the lab's Service has that endpoint; none without
services()
{
	in_ns node1 nft flush chain ip lab prerouting
	[[ ! ${1:-} ]] || lab_service tcp 80 "$1" $LAB_PORT
}

# What kube-proxy's rules are then, KUBE-SERVICES of table filter.
lose_endpoints()
{
	services
	in_ns node1 "iptables-$1-restore" -w -n <<-END
		*filter
		:KUBE-SERVICES - [0:0]
		-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
		-A KUBE-SERVICES -d $VIP/32 -p tcp -m comment --comment "default/web:http has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable
		COMMIT
	END
}

regain_endpoints()
{
	services $POD_C
	in_ns node1 "iptables-$1" -w -F KUBE-SERVICES
}

lose_endpoints_nft()
{
	services
	in_ns node1 nft -f - <<-END
		table ip kube-proxy {
			map no-endpoint-services {
				type ipv4_addr . inet_proto . inet_service : verdict
				comment "vmap to drop or reject packets to services with no endpoints"
				elements = { $VIP . tcp . 80 comment "default/web:http" : goto reject-chain }
			}
			chain reject-chain {
				reject
			}
			chain service-endpoints-check {
				ip daddr . meta l4proto . th dport vmap @no-endpoint-services
			}
			chain filter-forward {
				type filter hook forward priority -110; policy accept;
				ct state new jump service-endpoints-check
			}
		}
	END
}

regain_endpoints_nft()
{
	services $POD_C
	in_ns node1 nft delete table ip kube-proxy
}

variant_iptables()
{
	lab_up
	need_iptables legacy
	services $POD_C
	prove --at node1 --break "lose_endpoints legacy" --undo "regain_endpoints legacy" \
		--mention "$VIP port 80 has no endpoints" --mention kube-proxy --flow "tcp poda $VIP 80"
}

variant_iptables_nft()
{
	lab_up
	need_iptables nft
	services $POD_C
	prove --at node1 --break "lose_endpoints nft" --undo "regain_endpoints nft" \
		--mention "$VIP port 80 has no endpoints" --mention kube-proxy --flow "tcp poda $VIP 80"
}

variant_nft()
{
	lab_up
	services $POD_C
	prove --at node1 --break lose_endpoints_nft --undo regain_endpoints_nft \
		--mention "$VIP port 80 has no endpoints" --mention kube-proxy --flow "tcp poda $VIP 80"
}

# IPVS has no rule for it: its Service has no server.
variant_ipvs()
{
	local server="-t $VIP:80 -r $POD_C:$LAB_PORT"
	lab_up
	ipvs_service
	prove --at node1 --break "in_ns node1 ipvsadm -d $server" --undo "in_ns node1 ipvsadm -a $server -m" \
		--mention "$VIP port 80 has no endpoints" --mention IPVS --flow "tcp poda $VIP 80"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# A NetworkPolicy denies it: the rules as Calico and kube-router write them.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_calico

deny_by_calico()
{
	in_ns node1 iptables-legacy-restore -w -n <<-END
		*filter
		:cali-FORWARD - [0:0]
		:cali-to-wl-dispatch - [0:0]
		:cali-tw-cali12345678901 - [0:0]
		-A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
		-A cali-FORWARD -o flannel.1 -m comment --comment "cali:RlqIQMFbPbvKdXXn" -j cali-to-wl-dispatch
		-A cali-to-wl-dispatch -d $POD_C/32 -m comment --comment "cali:A5mPXhRHFVPc5M1s" -g cali-tw-cali12345678901
		-A cali-tw-cali12345678901 -m comment --comment "cali:H2Je6cSp2e3l7xeQ" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A cali-tw-cali12345678901 -m comment --comment "cali:kq3r8gAQXLa6nSn4" -m conntrack --ctstate INVALID -j DROP
		-A cali-tw-cali12345678901 -p udp -m comment --comment "cali:wlallowudp" -j ACCEPT
		-A cali-tw-cali12345678901 -m comment --comment "cali:Tz6Ef-Iu2Jp0Vh4X Drop if no profiles matched" -j DROP
		COMMIT
	END
}

allow_by_calico()
{
	in_ns node1 iptables-legacy -w -F cali-tw-cali12345678901
}

deny_by_kube_router()
{
	in_ns node1 iptables-nft-restore -w -n <<-END
		*filter
		:KUBE-ROUTER-FORWARD - [0:0]
		:KUBE-POD-FW-ABCDEFGHIJKLMNOP - [0:0]
		-A FORWARD -m comment --comment "kube-router netpol - ABC" -j KUBE-ROUTER-FORWARD
		-A KUBE-ROUTER-FORWARD -d $POD_C/32 -m comment --comment "rule to jump traffic destined to POD name:web namespace: default to chain KUBE-POD-FW-ABCDEFGHIJKLMNOP" -j KUBE-POD-FW-ABCDEFGHIJKLMNOP
		-A KUBE-POD-FW-ABCDEFGHIJKLMNOP -m comment --comment "rule for stateful firewall for pod" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
		-A KUBE-POD-FW-ABCDEFGHIJKLMNOP -m comment --comment "rule to REJECT traffic destined for POD name:web namespace: default" -j REJECT --reject-with icmp-port-unreachable
		COMMIT
	END
}

allow_by_kube_router()
{
	in_ns node1 iptables-nft -w -F KUBE-POD-FW-ABCDEFGHIJKLMNOP
}

variant_calico()
{
	lab_up
	need_iptables legacy
	prove --at node1 --break deny_by_calico --undo allow_by_calico --mention Calico \
		--mention cali-tw-cali12345678901 --flow "tcp poda $POD_C $LAB_PORT"
}

variant_kube_router()
{
	lab_up
	need_iptables nft
	prove --at node1 --break deny_by_kube_router --undo allow_by_kube_router --mention kube-router \
		--mention KUBE-POD-FW-ABCDEFGHIJKLMNOP --flow "udp poda $POD_C $LAB_PORT"
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# kube-proxy's rules are flushed, and what is sent to Services leaves as it is.

# shellcheck disable=SC2034 # read by scripts/demo
DEMO=variant_no_route

flush_services()
{
	in_ns node1 nft flush chain ip lab prerouting
}

undo_flush()
{
	lab_service tcp 80 $POD_C $LAB_PORT
}

# Without a default route nobody takes it.
variant_no_route()
{
	lab_up
	ip -n "$LAB-node1" route del default 2>/dev/null || :
	undo_flush
	prove --at node1 --with --service-cidr=10.96.0.0/16 --break flush_services --undo undo_flush \
		--mention "10.96.0.0/16" --flow "tcp poda $VIP 80"
}

# By the default route it leaves to somebody who drops it.
variant_default_route()
{
	lab_up
	ip -n "$LAB-node1" route replace default via $OUTSIDE
	undo_flush
	prove --at node1 --in node1 --in poda --status suspected --with --service-cidr=10.96.0.0/16 \
		--break flush_services --undo undo_flush --mention "10.96.0.0/16" --mention "not translated" \
		--seconds 9 --flow "tcp poda $VIP 80"
}

# kube_proxy BACKEND: its rules of another Service, in two tables
kube_proxy()
{
	in_ns node1 "iptables-$1-restore" -w <<-END
		*nat
		:KUBE-SERVICES - [0:0]
		:KUBE-SVC-X - [0:0]
		-A PREROUTING -j KUBE-SERVICES
		-A KUBE-SERVICES -d 10.96.0.99/32 -p tcp --dport 80 -j KUBE-SVC-X
		-A KUBE-SVC-X -p tcp -j DNAT --to-destination $POD_C:$LAB_PORT
		COMMIT
		*filter
		:KUBE-SERVICES - [0:0]
		-A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES
		COMMIT
	END
}

# flush_nat BACKEND: chains stay, and so does the table filter
flush_nat()
{
	flush_services
	in_ns node1 "iptables-$1" -w -t nat -F
}

prove_flush()
{
	lab_up
	need_iptables "$1"
	ip -n "$LAB-node1" route del default 2>/dev/null || :
	undo_flush
	kube_proxy "$1"
	prove --at node1 --with --service-cidr=10.96.0.0/16 --break "flush_nat $1" --undo undo_flush \
		--mention "10.96.0.0/16" --flow "tcp poda $VIP 80"
}

variant_flush_legacy()
{
	prove_flush legacy
}

variant_flush_nft()
{
	prove_flush nft
}

# kube-proxy works, and there is no such Service.
prove_other_service()
{
	lab_up
	need_iptables "$1"
	ip -n "$LAB-node1" route del default 2>/dev/null || :
	kube_proxy "$1"
	judge_start --service-cidr=10.96.0.0/16
	flows_die 1.2 "tcp poda $VIP 80"
	judge_stop
	report none
}

variant_other_service()
{
	prove_other_service legacy
}

variant_other_service_nft()
{
	prove_other_service nft
}

# publish BACKEND: a port of the node's, as Docker and the CNI's portmap do
publish()
{
	in_ns node1 "iptables-$1-restore" -w <<-END
		*nat
		:DOCKER - [0:0]
		-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
		-A DOCKER -p tcp --dport 8088 -m comment --comment "not kube-proxy, nor KUBE-SVC-" -j DNAT --to-destination $POD_A:$LAB_PORT
		COMMIT
	END
}

# Somebody else's translations stay.
prove_published()
{
	lab_up
	need_iptables "$1"
	ip -n "$LAB-node1" route del default 2>/dev/null || :
	undo_flush
	publish "$1"
	prove --at node1 --with --service-cidr=10.96.0.0/16 --break flush_services --undo undo_flush \
		--mention "10.96.0.0/16" --flow "tcp poda $VIP 80"
}

variant_published_ports()
{
	prove_published legacy
}

variant_published_ports_nft()
{
	prove_published nft
}

# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2086 # addresses and ports are single words
# The pod of a namespace, from what the kubelet leaves on the node. Both are put there in a mount namespace
# of whydrop's own: a cgroup's name for the pod's process, and a folder of logs.

POD_UID=0f2a6a0e-5d3c-4a9b-8f1e-2d7c9b1a4e55

# as_kubelet_leaves_it PID COMMAND…
as_kubelet_leaves_it()
{
	mount -t tmpfs tmpfs /var/log
	mkdir -p "/var/log/pods/shop_web-1_$POD_UID" /var/log/pods/not-a-pod
	echo "0::/kubepods.slice/kubepods-pod${POD_UID//-/_}.slice/cri-containerd-1.scope" >/var/log/cgroup
	mount --bind /var/log/cgroup "/proc/$1/cgroup"
	exec "${@:2}"
}

# run_in_kubelets_node COMMAND ARGUMENTS…: of whydrop, which sees $SERVER_PID in a pod
run_in_kubelets_node()
{
	local body
	body="$(declare -f as_kubelet_leaves_it); POD_UID=$POD_UID; as_kubelet_leaves_it"
	printf '%s\n' "$body $SERVER_PID \"\$@\"" >"$LAB_DIR/kubelet"
	run_start_with "unshare -m bash $LAB_DIR/kubelet" "$@"
}

variant_report_and_assert()
{
	lab_up
	lab_serve podb --udp 5555
	lab_wait_servers
	SERVER_PID=$LAB_SERVER
	run_in_kubelets_node assert --netns "$LAB-podb" --netns "$LAB-poda" --expect pod=web-1,port=9,count\>=20 \
		--expect pod=shop/web-1,port=9 --forbid pod=web-1,port=10
	traffic flood poda $POD_B 9 --count 20 >/dev/null
	traffic flood podb $POD_A 10 --count 20 >/dev/null
	kill -INT "$TRACE_PID"
	run_end 0
	[[ $(query '.drops[] | select(.flow.dport == 9) | .netns | [.name, .pod.namespace, .pod.name, .pod.uid] | join(" ")') == "$LAB-podb shop web-1 $POD_UID" ]] ||
		fail "another pod: $(query '.drops[].netns' -c)"
	[[ $(query '.drops[] | select(.flow.dport == 10) | .netns.pod') == null ]] ||
		fail "a pod where there is none: $(query '.drops[].netns' -c)"
}

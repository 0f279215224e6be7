#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds what an NFQUEUE rule gives it, until it has so many packets; then accepts these and all that
follow, in their order.

usage: hold_packets.py QUEUE PACKETS   (says "ready" when it is bound)
"""
import socket
import struct
import sys

SUBSYSTEM = 3 << 8  # NFNL_SUBSYS_QUEUE
PACKET, VERDICT, CONFIG = SUBSYSTEM, SUBSYSTEM | 1, SUBSYSTEM | 2
NLM_F_REQUEST, NLM_F_ACK = 1, 4
NLMSG_ERROR = 2


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def send(nl, kind, flags, queue, attributes):
    body = struct.pack("=BBH", 0, 0, socket.htons(queue)) + attributes
    nl.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, 0, 0) + body)


def configure(nl, queue, attributes):
    send(nl, CONFIG, NLM_F_ACK, queue, attributes)
    for kind, body in receive(nl):
        error = struct.unpack_from("=i", body)[0]
        if kind == NLMSG_ERROR and error:
            sys.exit(f"hold_packets: queue {queue}: error {-error}")


def receive(nl):
    data = nl.recv(65536)
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:length]
        data = data[(length + 3) & ~3:]


def packet_ids(messages):
    for kind, body in messages:
        at = 4
        while kind == PACKET and at < len(body):
            length, attr = struct.unpack_from("=HH", body, at)
            if attr == 1:  # NFQA_PACKET_HDR
                yield struct.unpack_from("!I", body, at + 4)[0]
            at += (length + 3) & ~3


def main():
    queue, wanted = int(sys.argv[1]), int(sys.argv[2])
    nl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
    configure(nl, queue, attribute(1, struct.pack("!BBH", 1, 0, 0)))  # NFQNL_CFG_CMD_BIND
    configure(nl, queue, attribute(2, struct.pack("!IB", 0, 1)))  # NFQNL_COPY_META
    print("ready", flush=True)
    held = []
    while True:
        held += packet_ids(receive(nl))
        if len(held) < wanted:
            continue
        wanted = 1
        for packet in held:  # NF_ACCEPT
            send(nl, VERDICT, 0, queue, attribute(2, struct.pack("!II", 1, packet)))
        held = []


if __name__ == "__main__":
    main()

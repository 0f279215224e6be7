#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Traffic for the lab: echo servers, and clients that say by their exit code whether it works.

serve  answers TCP, UDP and raw IP until it is killed; --ready FILE appears once it does
tcp, udp, icmp, raw  exit 0 as soon as an answer has come, 1 at the deadline
short  many short TCP connections   dns  many UDP queries from changing ports
flood, scan  UDP to one port, to every port; prints how many packets were sent
refused  exit 0 if TCP is refused at once
"""
import argparse
import os
import select
import socket
import struct
import sys
import threading
import time


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


# ---- servers

def tcp_echo(conn):
    with conn:
        try:
            while data := conn.recv(65536):
                conn.sendall(data)
        except OSError:
            pass


def serve_tcp(sock):
    while True:
        conn, _ = sock.accept()
        threading.Thread(target=tcp_echo, args=(conn,), daemon=True).start()


def serve_udp(sock):
    while True:
        try:
            data, peer = sock.recvfrom(65536)
            sock.sendto(data, peer)
        except OSError:  # an ICMP error or a firewall's EPERM for an earlier answer
            pass


def serve_raw(sock):
    while True:
        try:
            data, peer = sock.recvfrom(65536)
            header = (data[0] & 15) * 4
            if data[header:header + 4] == RAW_SPI_QUERY:
                sock.sendto(RAW_SPI_ANSWER + data[header + 4:], peer)
        except OSError:
            pass


def serve(args):
    jobs = []
    for port in args.tcp:
        if args.address:
            sock = socket.create_server((args.address, port), family=family(args.address))
        else:
            sock = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        jobs.append((serve_tcp, sock))
    for port in args.udp:
        # One socket for each family, as dual-stack sockets hide the peer's family from readers.
        for address in [args.address] if args.address else ["0.0.0.0", "::"]:
            sock = socket.socket(family(address), socket.SOCK_DGRAM)
            if ":" in address:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address, port))
            jobs.append((serve_udp, sock))
    for proto in args.raw:
        jobs.append((serve_raw, socket.socket(socket.AF_INET, socket.SOCK_RAW, proto)))
    if args.ready:
        os.close(os.open(args.ready, os.O_CREAT | os.O_WRONLY, 0o644))
    threads = [threading.Thread(target=run, args=(sock,), daemon=True) for run, sock in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ---- clients; each returns when it was answered, or raises

def remaining(end):
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer before the deadline")
    return left


def tcp(args, end):
    payload = os.urandom(args.size)
    while True:
        sock = socket.socket(family(args.host), socket.SOCK_STREAM)
        try:
            # One try lasts until the deadline, so that the kernel retransmits the SYN.
            sock.settimeout(remaining(end))
            sock.connect((args.host, args.port))
            sender = threading.Thread(target=send_quietly, args=(sock, payload), daemon=True)
            sender.start()
            got = 0
            while got < len(payload):
                sock.settimeout(remaining(end))
                data = sock.recv(65536)
                if not data:
                    raise ConnectionError("closed early")
                got += len(data)
            return
        except ConnectionError:
            if args.once:
                raise
            time.sleep(min(0.05, remaining(end)))
        finally:
            sock.close()


def send_quietly(sock, payload):
    try:
        sock.sendall(payload)
    except OSError:
        pass


def until_answered(sock, end, interval, send, is_answer):
    while True:
        try:
            send()
        except OSError:  # EPERM of an OUTPUT rule, an ICMP error for an earlier packet
            pass
        again = time.monotonic() + interval
        while (wait := min(again, end) - time.monotonic()) > 0:
            if not select.select([sock], [], [], wait)[0]:
                break
            try:
                if is_answer(sock.recvfrom(65536)):
                    return
            except OSError:
                pass
        remaining(end)


def udp(args, end):
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    # Connected: an answer from another address than the one that was asked is not an answer.
    sock.connect((args.host, args.port))
    payload = os.urandom(args.size)
    until_answered(sock, end, args.interval, lambda: sock.send(payload),
                   lambda got: got[0] == payload)


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def icmp(args, end):
    six = ":" in args.host
    proto = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    sock = socket.socket(family(args.host), socket.SOCK_RAW, proto)
    ident = os.getpid() & 0xffff
    body = struct.pack("!HH", ident, 1) + b"whydrop-lab-ping"
    head = bytes((128 if six else 8, 0))
    # The kernel fills in the checksum of ICMPv6 only.
    packet = head + struct.pack("!H", 0 if six else checksum(head + b"\0\0" + body)) + body

    def is_answer(got):
        data = got[0] if six else got[0][(got[0][0] & 15) * 4:]
        return data[0] == (129 if six else 0) and data[4:] == body

    until_answered(sock, end, args.interval, lambda: sock.sendto(packet, (args.host, 0)), is_answer)


RAW_SPI_QUERY, RAW_SPI_ANSWER = struct.pack("!I", 0x77647131), struct.pack("!I", 0x77647232)


def raw(args, end):
    """A packet of IP protocol `port` that looks like ESP: SPI, sequence number, payload."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, args.port)
    body = struct.pack("!I", 1) + os.urandom(64)

    def is_answer(got):
        return got[0][(got[0][0] & 15) * 4:] == RAW_SPI_ANSWER + body

    until_answered(sock, end, args.interval,
                   lambda: sock.sendto(RAW_SPI_QUERY + body, (args.host, 0)), is_answer)


def short(args, end):
    for _ in range(args.count):
        with socket.create_connection((args.host, args.port), timeout=remaining(end)) as sock:
            sock.sendall(b"hello")
            if sock.recv(16) != b"hello":
                raise ConnectionError("not echoed")


def dns(args, end):
    for _ in range(args.count):
        with socket.socket(family(args.host), socket.SOCK_DGRAM) as sock:
            sock.connect((args.host, args.port))
            query = os.urandom(2) + b"\x01\x00\x00\x01\0\0\0\0\0\0\x07whydrop\x04test\0\0\x01\0\x01"
            until_answered(sock, end, args.interval, lambda: sock.send(query),
                           lambda got: got[0] == query)


def flood(args, end):
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sent = 0
    try:
        # One source port and, unless told otherwise, one group.
        while args.count == 0 or sent < args.count:
            for _ in range(min(64, args.count - sent) if args.count else 64):
                try:
                    sock.sendto(b"flood", (args.host, args.port))
                    sent += 1
                except OSError:
                    pass
            remaining(end)
            if args.pause:
                time.sleep(args.pause)
    except TimeoutError:
        pass
    print(sent)


def scan(args, end):
    """UDP to every port but those that answer in the lab; prints how many packets were sent."""
    sock = socket.socket(family(args.host), socket.SOCK_DGRAM)
    sent = 0
    for port in range(1, 65536):
        if port in (53, 8080):
            continue
        try:
            sock.sendto(b"scan", (args.host, port))
            sent += 1
        except OSError:
            pass
        if port % 64 == 0:
            remaining(end)
    print(sent)


def refused(args, end):
    """Exit 0 if the connection is refused at once."""
    try:
        socket.create_connection((args.host, args.port), timeout=remaining(end)).close()
    except ConnectionRefusedError:
        return
    raise ConnectionError("not refused")


CLIENTS = {f.__name__: f for f in (tcp, udp, icmp, raw, short, dns, flood, scan, refused)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    server = commands.add_parser("serve")
    server.add_argument("--ready")
    server.add_argument("--address", help="serve there only (default: any)")
    for what in ("--tcp", "--udp", "--raw"):
        server.add_argument(what, type=int, action="append", default=[])
    for name in CLIENTS:
        client = commands.add_parser(name)
        client.add_argument("host")
        client.add_argument("port", type=int, nargs="?", default=0)
        client.add_argument("--deadline", type=float, default=3.0, help="seconds")
        client.add_argument("--interval", type=float, default=0.1, help="seconds between tries")
        client.add_argument("--size", type=int, default=64, help="bytes to send")
        client.add_argument("--count", type=int, default=0 if name == "flood" else 1)
        client.add_argument("--pause", type=float, default=0)
        client.add_argument("--once", action="store_true", help="refused is final")
    args = parser.parse_args()
    if args.command == "serve":
        serve(args)
        return
    try:
        CLIENTS[args.command](args, time.monotonic() + args.deadline)
    except OSError as err:
        sys.exit(f"traffic.py {args.command} {args.host} {args.port}: {err}")


if __name__ == "__main__":
    main()

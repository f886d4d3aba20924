# SPDX-License-Identifier: MIT
"""What the tests of l4proxy share: servers and clients of TCP, and network namespaces to put them
into."""
import os
import shutil
import socket
import subprocess
import sys
import time
import unittest

from k2s import WINDOWS, TreeTest, free_port

MARK = "k2st%d" % (os.getpid() % 10000)  # in the names of namespaces and links
SERVER = """
import socket, sys, threading
family, address, port, name = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
listener = socket.socket(family, socket.SOCK_STREAM)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((address, port) if family != socket.AF_UNIX else address)
listener.listen(1024)
print("ready", flush=True)
def serve(client):
    client.sendall(name.encode() + b"\\n")
    while data := client.recv(65536):
        client.sendall(data)
    client.sendall(b"end")   # after the other side's half-close
    client.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
CLIENT = """
import socket, sys
family, address, port, size = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
s = socket.socket(family, socket.SOCK_STREAM)
s.settimeout(10)
s.connect((address, port) if family != socket.AF_UNIX else address)
got = b""
while b"\\n" not in got:
    piece = s.recv(65536)
    if not piece: sys.exit("closed")
    got += piece
import threading
out = bytes(size)
def send():
    s.sendall(out)
    s.shutdown(socket.SHUT_WR)
writer = threading.Thread(target=send); writer.start()
while piece := s.recv(65536): got += piece
writer.join()
name, rest = got.split(b"\\n", 1)
assert rest == out + b"end", (len(rest), rest[:20])
print(name.decode())
"""


def can_make_namespaces():
    if WINDOWS or os.geteuid() != 0 or not shutil.which("ip"):
        return False
    made = subprocess.run(["ip", "netns", "add", MARK + "x"], capture_output=True)
    subprocess.run(["ip", "netns", "del", MARK + "x"], capture_output=True)
    return made.returncode == 0


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Forwarding(TreeTest):
    """Servers and clients of the tests."""

    def echo(self, name, address="127.0.0.1"):
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(int(
            socket.AF_INET6 if ":" in address else socket.AF_INET)), address, str(port := free_port()), name],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertEqual(server.stdout.readline(), "ready\n")
        return port

    def ask(self, port, size=3_000_000, address="127.0.0.1"):
        family = int(socket.AF_INET6 if ":" in address else socket.AF_INET)
        done = subprocess.run([sys.executable, "-c", CLIENT, str(family), address, str(port), str(size)],
                              capture_output=True, text=True, timeout=60)
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    def wait_until(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, "it did not happen in time")
            time.sleep(0.1)


@unittest.skipUnless(can_make_namespaces(), "network namespaces need Linux, root and the ip command")
class NamespaceTest(Forwarding):
    """web and db are connected by a veth pair; the proxy runs in neither."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_namespaces()
        cls.addClassCleanup(cls.remove_namespaces)

    @classmethod
    def make_namespaces(cls):
        for name in ("web", "db"):
            ip("netns", "add", MARK + name)
            ip("-n", MARK + name, "link", "set", "lo", "up")
        ip("link", "add", MARK + "a", "netns", MARK + "web", "type", "veth",
           "peer", "name", MARK + "b", "netns", MARK + "db")
        for name, link, last in (("web", "a", 1), ("db", "b", 2)):
            ip("-n", MARK + name, "addr", "add", f"10.98.7.{last}/24", "dev", MARK + link)
            ip("-n", MARK + name, "addr", "add", f"fd98::{last}/64", "dev", MARK + link, "nodad")
            ip("-n", MARK + name, "link", "set", MARK + link, "up")

    @staticmethod
    def remove_namespaces():
        for name in ("web", "db"):
            subprocess.run(["ip", "netns", "del", MARK + name], capture_output=True)

    def server_in(self, name, address, port, says, family=socket.AF_INET):
        server = subprocess.Popen(["ip", "netns", "exec", MARK + name, sys.executable, "-c", SERVER,
                                   str(int(family)), address, str(port), says],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertEqual(server.stdout.readline(), "ready\n")
        return server

    def ask_from(self, name, address, port, size=3_000_000, family=socket.AF_INET):
        done = subprocess.run(["ip", "netns", "exec", MARK + name, sys.executable, "-c", CLIENT,
                               str(int(family)), address, str(port), str(size)],
                              capture_output=True, text=True, timeout=60)
        return done.stdout.strip() or done.stderr.strip().splitlines()[-1]

    def place(self, name):
        return f"[netns:{MARK}{name}]"

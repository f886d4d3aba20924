# SPDX-License-Identifier: MIT
"""Datagrams through the l4proxy exe: reloads, namespaces that vanish, a real DNS server, sockperf."""
import json
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import unittest

from forwarding import MARK, Forwarding, NamespaceTest
from k2s import Running, free_port

# Answers every datagram with its name in front. Arguments: address port name
SERVER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(65536)
    s.sendto(sys.argv[3].encode() + b" " + data, peer)
"""


def udp_forward(name, listen, to, **more):
    return {"name": name, "listen": [listen], "targets": [{"to": to}]} | more


class Datagrams(Forwarding):
    def host(self, *forwards):
        self.configure(*forwards)
        host = Running(self, "k2s", "run", "--config", self.path)
        host.wait_for("service started")
        return host

    def configure(self, *forwards):
        self.path = self.write("udp.json", json.dumps({"services": {"l4": {
            "feature": "l4proxy", "settings": {"forwards": list(forwards)}}}}))

    def answer(self, server, data=b"x"):
        """Of one exchange with a new client; asked again, as datagrams may be lost."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", server))
            return self.exchange(client, data)

    @staticmethod
    def exchange(client, data=b"x", times=20):
        client.settimeout(0.5)
        for _ in range(times):
            try:
                client.send(data)
                return client.recv(65536)
            except OSError:
                pass
        return None


class Plain(Datagrams):
    """What needs no namespaces: runs on Windows too."""

    def serve(self, name):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        stopping = threading.Event()

        def run():
            server.settimeout(0.1)
            while not stopping.is_set():
                try:
                    data, peer = server.recvfrom(65536)
                    server.sendto(name.encode() + b" " + data, peer)
                except OSError:
                    pass
            server.close()
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(stopping.set)
        return f"udp://127.0.0.1:{server.getsockname()[1]}"

    @staticmethod
    def free():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            return taken.getsockname()[1]

    def test_an_address_moves_to_another_forward_in_one_reload(self):
        a, b = self.serve("a"), self.serve("b")
        first, second, third = self.free(), self.free(), self.free()
        at = "udp://127.0.0.1:%d"
        self.host(udp_forward("one", at % first, a), udp_forward("two", at % second, b))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kept:
            kept.connect(("127.0.0.1", first))
            self.assertEqual(self.exchange(kept), b"a x")
            # They swap, and a third one takes what the first had besides.
            self.configure(udp_forward("one", at % second, a), udp_forward("two", at % first, b))
            self.assertEqual(self.data("k2s", "host", "reload"), {"reloaded": True})
            self.assertEqual(self.exchange(kept), b"b x")
        self.assertEqual(self.answer(second), b"a x")
        self.configure(udp_forward("two", at % third, b), udp_forward("three", at % first, a))
        self.assertEqual(self.data("k2s", "host", "reload"), {"reloaded": True})
        self.assertEqual(self.answer(first), b"a x")
        self.assertEqual(self.answer(third), b"b x")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:  # a reload that fails moves nothing
            other.bind(("127.0.0.1", 0))
            self.configure(udp_forward("four", at % first, b),
                           udp_forward("five", at % other.getsockname()[1], b))
            self.assertIn("cannot listen", self.fails(1, "k2s", "host", "reload"))
        self.assertEqual(self.answer(first), b"a x")
        self.succeed("k2s", "host", "stop")

    def test_targets_are_checked_by_an_exchange(self):
        good, wrong, port = self.serve("good"), self.serve("wrong"), self.free()
        checked = udp_forward("dns", f"udp://127.0.0.1:{port}", good)
        checked["targets"] += [{"to": wrong}, {"to": f"udp://127.0.0.1:{self.free()}"}]
        checked["health"] = {"type": "exchange", "send": "ping", "expect": "good ping", "interval_seconds": 1,
                             "timeout_seconds": 1}
        self.host(checked)
        status = lambda: self.data("k2s", "host", "status")["services"][0]["status"]  # noqa: E731
        self.wait_until(lambda: status()['health_failures_total{forward="dns"}'] >= 2)
        # Two failures may be one target's twice.
        self.wait_until(lambda: {self.answer(port) for _ in range(6)} == {b"good x"})
        checked["health"]["type"] = "connect"
        self.configure(checked)
        self.assertIn("exchange", self.fails(3, "k2s", "host", "reload"))
        self.succeed("k2s", "host", "stop")


def dns_query(name, kind, number):
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + question + struct.pack(">HH", kind, 1)


class Namespaces(NamespaceTest, Datagrams):
    def udp_server_in(self, name, address, port, says):
        server = subprocess.Popen(["ip", "netns", "exec", MARK + name, sys.executable, "-c", SERVER,
                                   address, str(port), says], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertEqual(server.stdout.readline(), "ready\n")

    def background(self, name, *command):
        program = subprocess.Popen(["ip", "netns", "exec", MARK + name, *command],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        return program

    def answer_in(self, name, address, port):
        asked = subprocess.run(["ip", "netns", "exec", MARK + name, sys.executable, "-c", (
            "import socket\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "s.settimeout(0.5)\n"
            f"s.connect(('{address}', {port}))\n"
            "for _ in range(20):\n"
            "    try:\n"
            "        s.send(b'x')\n"
            "        print(s.recv(100).decode())\n"
            "        break\n"
            "    except OSError: pass\n")], capture_output=True, text=True, timeout=60)
        return asked.stdout.strip()

    def test_a_namespace_that_vanishes_in_use_and_comes_back(self):
        port = Plain.free()
        self.udp_server_in("db", "10.98.7.2", 6200, "db")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outside:
            outside.bind(("127.0.0.1", 0))
            host = self.host(
                udp_forward("inside", f"udp://{self.place('web')}10.98.7.1:6201",
                            f"udp://{self.place('db')}10.98.7.2:6200"),
                udp_forward("to-db", f"udp://127.0.0.1:{port}", f"udp://{self.place('web')}10.98.7.2:6200"))
        self.assertEqual(self.answer_in("db", "10.98.7.1", 6201), "db x")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as kept:
            kept.connect(("127.0.0.1", port))
            self.assertEqual(self.exchange(kept), b"db x")
            self.remove_namespaces()
            host.wait_for("no longer listening", 20)
            # The session that was there lives on: its socket keeps the namespace. A new one cannot be.
            self.assertEqual(self.exchange(kept), b"db x")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
                late.connect(("127.0.0.1", port))
                self.assertIsNone(self.exchange(late, times=3))
            # A reload is not held up by what is gone.
            self.assertEqual(self.data("k2s", "host", "reload"), {"reloaded": True})
        self.make_namespaces()
        host.wait_for("listening again", 20)
        self.udp_server_in("db", "10.98.7.2", 6200, "new db")
        self.assertEqual(self.answer_in("db", "10.98.7.1", 6201), "new db x")
        self.wait_until(lambda: self.answer(port) == b"new db x")
        self.succeed("k2s", "host", "stop")

    @unittest.skipUnless(shutil.which("dnsmasq"), "dnsmasq is not here")
    def test_a_real_dns_server(self):
        texts = [letter * 250 for letter in "abcdef"]
        self.background("db", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=",
                        "--user=root", "--no-resolv", "--no-hosts", "--listen-address=10.98.7.2",
                        "--bind-interfaces", "--address=/example.test/192.0.2.7",
                        "--txt-record=big.test," + ",".join(texts))
        port = free_port()
        target = f"{self.place('db')}10.98.7.2:53"
        self.host(udp_forward("dns", f"udp://127.0.0.1:{port}", f"udp://{target}", udp_responses=1),
                  udp_forward("dns-tcp", f"tcp://127.0.0.1:{port}", f"tcp://{target}"))
        self.wait_until(lambda: self.answer(port, dns_query("up.test", 1, 1)) is not None)
        for number in range(2, 300):  # each from a client of its own
            got = self.answer(port, dns_query(f"n{number}.example.test", 1, number))
            self.assertEqual(struct.unpack(">H", got[:2])[0], number)
            self.assertTrue(got.endswith(bytes([192, 0, 2, 7])), got)
        cut = self.answer(port, dns_query("big.test", 16, 7))
        self.assertTrue(cut[2] & 0x02, "it should not fit into a datagram")
        with socket.create_connection(("127.0.0.1", port), 10) as whole:
            query = dns_query("big.test", 16, 8)
            whole.sendall(struct.pack(">H", len(query)) + query)
            stream = whole.makefile("rb")
            answer = stream.read(struct.unpack(">H", stream.read(2))[0])
        for text in texts:
            self.assertIn(text.encode(), answer)
        status = self.data("k2s", "host", "status")["services"][0]["status"]
        self.assertGreaterEqual(status['udp_sessions_total{forward="dns"}'], 299)
        self.assertLess(status['udp_sessions{forward="dns"}'], 10)  # each ends with its answer
        self.succeed("k2s", "host", "stop")

    @unittest.skipUnless(shutil.which("sockperf"), "sockperf is not here")
    def test_sockperf_across_namespaces(self):
        for protocol, more in (("udp", []), ("tcp", ["--tcp"])):
            with self.subTest(protocol):
                self.background("db", "sockperf", "server", "-i", "10.98.7.2", "-p", "6300", *more)
                proxy = Running(self, "l4proxy", "--listen", f"{protocol}://{self.place('web')}127.0.0.1:6301",
                                "--to", f"{protocol}://{self.place('db')}10.98.7.2:6300")
                proxy.wait_for("service started")

                def ping_pong():
                    return subprocess.run(["ip", "netns", "exec", MARK + "web", "sockperf", "ping-pong", "-i",
                                           "127.0.0.1", "-p", "6301", "-t", "1", "-m", "200", *more],
                                          capture_output=True, text=True, timeout=60).stdout
                sent = received = 0

                def exchanged():
                    nonlocal sent, received
                    found = re.search(r"\[Valid Duration\].*SentMessages=(\d+); ReceivedMessages=(\d+)", ping_pong())
                    sent, received = (int(found[1]), int(found[2])) if found else (0, 0)
                    return received > 10
                self.wait_until(exchanged)  # its server may not be up at once
                self.assertLessEqual(sent - received, 1)
                self.assertEqual(proxy.end(), 0)


if __name__ == "__main__":
    unittest.main()

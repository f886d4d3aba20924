# SPDX-License-Identifier: MIT
"""The l4proxy exe between real network namespaces (root), and without them anywhere."""
import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
import time
import unittest

from forwarding import MARK, Forwarding, NamespaceTest, ip
from k2s import WINDOWS, Running, free_port

if not WINDOWS:
    import resource


# Echoes on as many connections as come; prints its port.
MANY = """
import selectors, socket
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
print(listener.getsockname()[1], flush=True)
ready = selectors.DefaultSelector()
ready.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in ready.select():
        if key.fileobj is listener:
            ready.register(listener.accept()[0], selectors.EVENT_READ)
        elif data := key.fileobj.recv(4096):
            key.fileobj.sendall(data)
        else:
            ready.unregister(key.fileobj)
            key.fileobj.close()
"""


class Plain(Forwarding):
    """What needs no namespaces: runs on Windows too."""

    def test_one_forward_by_options(self):
        target = self.echo("plain")
        proxy = Running(self, "l4proxy", "--listen", "tcp://127.0.0.1:0", "-to", f"tcp://127.0.0.1:{target}")
        _, port = proxy.listening()
        self.assertEqual(self.ask(port), "plain")
        if not WINDOWS:
            self.assertEqual(proxy.end(), 0)

    def test_ipv6(self):
        if not socket.has_ipv6:
            self.skipTest("no IPv6 here")
        target = self.echo("six", "::1")
        proxy = Running(self, "l4proxy", "--listen", "tcp://[::1]:0", "--to", f"tcp://[::1]:{target}")
        _, port = proxy.listening()
        self.assertEqual(self.ask(port, address="::1"), "six")

    def test_the_policy_mode_is_reserved(self):
        said = self.fails(4, "l4proxy", "-podname", "web", "-namespace", "shop", "-endpointid", "7")
        self.assertIn("mesh plugin", said)

    def test_mistakes_are_told(self):
        for code, words, said in [
                (2, ["--listen", "tcp://127.0.0.1:0"], "--to"),
                (2, ["--listen", "127.0.0.1:80", "--to", "tcp://127.0.0.1:81"], "tcp://"),
                (2, ["--listen", "tcp://127.0.0.1:0", "--to", "tcp://[::1:80"], "[::1"),
                (3, ["--listen", "tcp://127.0.0.1:7", "--to", "tcp://127.0.0.1:7"], "itself"),
                (3, ["--listen", "udp://127.0.0.1:0", "--to", "tcp://127.0.0.1:7"], "UDP"),
                (4, ["--listen", "tcp://127.0.0.1:0", "--to",
                     f"tcp://[{'netns:x' if WINDOWS else 'compartment:1'}]:7"], "here")]:
            with self.subTest(words):
                self.assertIn(said, self.fails(code, "l4proxy", *words))

    @unittest.skipIf(WINDOWS, "handles are not limited there")
    def test_used_up_descriptors_shed_load_and_come_back(self):
        target, port = self.echo("x"), free_port()
        config = {"services": {"l4": {"feature": "l4proxy", "settings": {
            "listen": [f"tcp://127.0.0.1:{port}"], "to": [f"tcp://127.0.0.1:{target}"]}}}}
        host = Running(self, "k2s", "run", "--config", self.write("few.yaml", json.dumps(config)))
        host.wait_for("service started")
        resource.prlimit(host.process.pid, resource.RLIMIT_NOFILE, (100, 100))
        clients = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(150)]
        answers = []
        for client in clients:
            client.settimeout(10)
            try:
                answers.append(client.recv(10))
            except ConnectionResetError:
                answers.append(b"")
        self.assertGreater(answers.count(b"x\n"), 10)
        self.assertGreater(answers.count(b""), 50)  # told at once, not left waiting
        for client in clients:
            client.close()
        end = time.monotonic() + 20
        while self.ask(port, 10) != "x":
            self.assertLess(time.monotonic(), end, "it did not recover")
        host.end()

    @unittest.skipIf(WINDOWS, "descriptors are limited on Linux")
    def test_ten_thousand_idle_connections(self):
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(10_000, (limits[1] - 200) // 2)  # the proxy needs two descriptors for each
        if count < 1000:
            self.skipTest(f"this user may have {limits[1]} descriptors")
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
        echo = subprocess.Popen([sys.executable, "-c", MANY], stdout=subprocess.PIPE, text=True)
        for cleanup in (echo.stdout.close, echo.wait, echo.kill):
            self.addCleanup(cleanup)
        proxy = Running(self, "l4proxy", "--listen", "tcp://127.0.0.1:0",
                        "--to", f"tcp://127.0.0.1:{int(echo.stdout.readline())}")
        _, port = proxy.listening()
        clients = []
        self.addCleanup(lambda: [client.close() for client in clients])

        def hold(number):
            while len(clients) < number:
                clients.append(socket.create_connection(("127.0.0.1", port), 60))
            for client in clients:
                client.sendall(b"x")
            for client in clients:
                self.assertEqual(client.recv(10), b"x")

        def resident():
            with open(f"/proc/{proxy.process.pid}/status") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        hold(100)
        before = resident()
        hold(count)
        if "K2S_SANITIZED" not in os.environ:
            self.assertLess((resident() - before) / count, 6)  # KB
        hold(count)  # each still there

    def test_reload_keeps_connections_and_refuses_mistakes(self):
        first, second = self.echo("first"), self.echo("second")
        port = free_port()

        def config(target, **more):
            forward = {"name": "web", "listen": [f"tcp://127.0.0.1:{port}"],
                       "targets": [{"to": f"tcp://127.0.0.1:{target}"}]} | more
            return json.dumps({"services": {"l4": {"feature": "l4proxy", "settings": {"forwards": [forward]}}}})

        host = Running(self, "k2s", "run", "--config", self.write("host.yaml", config(first)))
        host.wait_for("service started")
        with socket.create_connection(("127.0.0.1", port), 10) as kept:
            kept.settimeout(10)
            self.assertEqual(kept.recv(100), b"first\n")
            self.write("host.yaml", config(second))
            self.assertEqual(self.data("k2s", "host", "reload"), {"reloaded": True})
            self.assertEqual(self.ask(port, 10), "second")
            kept.sendall(b"x")
            self.assertEqual(kept.recv(100), b"x")
            self.write("host.yaml", config(first, proxy_protocol={"accept": "required"}))
            self.assertIn("trusted", self.fails(3, "k2s", "host", "reload"))
            self.assertEqual(self.ask(port, 10), "second")
            kept.sendall(b"y")
            self.assertEqual(kept.recv(100), b"y")
        status = self.data("k2s", "host", "status")["services"][0]["status"]
        self.assertEqual(status['connections_total{forward="web"}'], 3)
        self.succeed("k2s", "host", "stop")


class Namespaces(NamespaceTest):
    def test_tcp_and_ipv6_between_namespaces(self):
        self.server_in("db", "127.0.0.1", 5432, "db loopback")
        self.server_in("db", "fd98::2", 5433, "db six", socket.AF_INET6)
        proxy = Running(self, "l4proxy", "--listen", f"tcp://{self.place('web')}:80",
                        "--to", f"tcp://{self.place('db')}:5432")
        self.assertEqual(proxy.listening()[1], 80)
        six = Running(self, "l4proxy", "--listen", f"tcp://{self.place('web')}[fd98::1]:81",
                      "--to", f"tcp://{self.place('web')}[fd98::2]:5433")
        six.wait_for("listening")
        self.assertEqual(self.ask_from("web", "127.0.0.1", 80), "db loopback")
        self.assertEqual(self.ask_from("web", "::1", 80, family=socket.AF_INET6), "db loopback")
        self.assertEqual(self.ask_from("web", "fd98::1", 81, family=socket.AF_INET6), "db six")
        self.assertEqual(self.ask_from("db", "10.98.7.1", 80), "db loopback")
        with concurrent.futures.ThreadPoolExecutor(16) as pool:  # more than are made ahead at first
            asked = list(pool.map(lambda _: self.ask_from("web", "127.0.0.1", 80, 1000), range(48)))
        self.assertEqual(set(asked), {"db loopback"})
        with self.assertRaises(OSError):  # nothing listens out here
            socket.create_connection(("127.0.0.1", 80), 1).close()

    def test_a_burst_waits_for_sockets_in_the_namespace(self):
        self.server_in("db", "127.0.0.1", 5600, "db")
        proxy = Running(self, "l4proxy", "--listen", f"tcp://{self.place('db')}127.0.0.1:5601",
                        "--to", f"tcp://{self.place('db')}127.0.0.1:5600")
        proxy.wait_for("service started")
        burst = """
import selectors, socket, time
waiting = selectors.DefaultSelector()
answered = 0
for _ in range(400):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(("127.0.0.1", 5601))
    waiting.register(s, selectors.EVENT_READ)
end = time.monotonic() + 20
while answered < 400 and time.monotonic() < end:
    for key, _ in waiting.select(1):
        answered += key.fileobj.recv(10) == b"db\\n"
        waiting.unregister(key.fileobj)
print(answered)
"""
        done = subprocess.run(["ip", "netns", "exec", MARK + "db", sys.executable, "-c", burst],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout.strip(), "400", done.stderr)
        self.assertEqual(proxy.end(), 0)

    def test_unix_sockets(self):
        path = os.path.join(self.folder, "front.sock")
        abstract = f"@{MARK}"
        self.server_in("db", os.path.join(self.folder, "back.sock"), 0, "by path", socket.AF_UNIX)
        proxy = Running(self, "l4proxy", "--listen", f"unix://{path}?mode=0660",
                        "--listen", f"unix://{self.place('web')}{abstract}",
                        "--to", f"unix://{self.folder}/back.sock")
        proxy.wait_for("service started")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(path)
            self.assertEqual(client.recv(100), b"by path\n")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(100), b"end")
        with socket.socket(socket.AF_UNIX) as client, self.assertRaises(ConnectionRefusedError):
            client.connect("\0" + abstract[1:])  # it belongs to the other namespace
        inside = subprocess.run(["ip", "netns", "exec", MARK + "web", sys.executable, "-c",
                                 "import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(10);"
                                 f"s.connect('\\0{abstract[1:]}'); print(s.recv(100).decode())"],
                                capture_output=True, text=True, timeout=30)
        self.assertEqual(inside.stdout.strip(), "by path", inside.stderr)
        self.assertEqual(proxy.end(), 0)
        self.assertFalse(os.path.exists(path))

    def test_targets_refused_blackholed_and_flapping(self):
        ip("-n", MARK + "web", "route", "replace", "blackhole", "10.98.9.0/24")
        config = {"services": {"l4": {"feature": "l4proxy", "settings": {
            "connect_timeout_seconds": 1, "passive": {"failures": 1, "down_seconds": 1},
            "forwards": [{"name": "web", "listen": [f"tcp://{self.place('web')}127.0.0.1:90"], "targets": [
                {"to": f"tcp://{self.place('web')}10.98.7.2:1"},    # refused
                {"to": f"tcp://{self.place('web')}10.98.7.99:1"},   # nobody there: silence
                {"to": f"tcp://{self.place('web')}10.98.9.1:1"},    # no route
                {"to": f"tcp://{self.place('db')}127.0.0.1:5500"}]}]}}}}
        host = Running(self, "k2s", "run", "--config", self.write("targets.yaml", json.dumps(config)))
        host.wait_for("service started")
        ask = lambda: self.ask_from("web", "127.0.0.1", 90, 1000)  # noqa: E731
        self.assertEqual(ask(), "closed")
        flapping = self.server_in("db", "127.0.0.1", 5500, "up")
        self.wait_until(lambda: ask() == "up")
        flapping.kill()
        flapping.wait()
        self.assertEqual(ask(), "closed")
        self.server_in("db", "127.0.0.1", 5500, "up again")
        self.wait_until(lambda: ask() == "up again")
        status = self.data("k2s", "host", "status")["services"][0]["status"]
        self.assertGreater(status['connect_errors_total{forward="web"}'], 3)
        self.assertGreater(status['unserved_total{forward="web"}'], 1)
        self.succeed("k2s", "host", "stop")

    def test_a_namespace_that_vanishes_and_comes_back(self):
        outside = self.echo("outside")
        port = free_port()
        self.server_in("db", "10.98.7.2", 6000, "db")
        config = {"services": {"l4": {"feature": "l4proxy", "settings": {
            "connect_timeout_seconds": 1, "passive": {"failures": 0}, "forwards": [
                {"name": "inside", "listen": [f"tcp://{self.place('web')}:6001"],
                 "targets": [{"to": f"tcp://127.0.0.1:{outside}"}]},
                {"name": "to-db", "listen": [f"tcp://127.0.0.1:{port}"],
                 "targets": [{"to": f"tcp://{self.place('web')}10.98.7.2:6000"}]}]}}}}
        host = Running(self, "k2s", "run", "--config", self.write("vanish.yaml", json.dumps(config)))
        host.wait_for("service started")
        self.assertEqual(self.ask_from("web", "127.0.0.1", 6001), "outside")
        self.assertEqual(self.ask(port), "db")
        with socket.create_connection(("127.0.0.1", port), 10) as kept:
            kept.settimeout(10)
            self.assertEqual(kept.recv(100), b"db\n")
            self.remove_namespaces()
            host.wait_for("no longer listening", 10)
            self.assertEqual(self.ask(port, 10), "closed")
            # The connection that was there lives on: its socket keeps the namespace.
            kept.sendall(b"x")
            self.assertEqual(kept.recv(100), b"x")
        self.make_namespaces()
        host.wait_for("listening again", 10)
        self.server_in("db", "10.98.7.2", 6000, "new db")
        self.assertEqual(self.ask_from("web", "127.0.0.1", 6001), "outside")
        self.wait_until(lambda: self.ask(port, 10) == "new db")
        self.succeed("k2s", "host", "stop")

    def test_a_missing_namespace_is_told_at_the_start(self):
        said = self.fails(6, "l4proxy", "--listen", "tcp://[netns:k2s-no-such]:80", "--to", "tcp://:81")
        self.assertIn("[netns:k2s-no-such]", said)
        self.assertIn("ip netns list", said)

    def test_httpproxy_listens_in_a_namespace(self):
        proxy = Running(self, "httpproxy", "--addr", f"{self.place('web')}127.0.0.1:8181")
        self.assertEqual(proxy.listening()[1], 8181)
        asked = subprocess.run(["ip", "netns", "exec", MARK + "web", sys.executable, "-c",
                                "import socket; s = socket.create_connection(('127.0.0.1', 8181), 10);"
                                "s.sendall(b'GET http://x/ HTTP/9.9\\r\\n\\r\\n'); print(s.recv(100))"],
                               capture_output=True, text=True, timeout=30)
        self.assertIn("505", asked.stdout)

    def test_a_drain_waits_for_connections(self):
        self.server_in("db", "10.98.7.2", 6100, "db")
        port = free_port()
        proxy = Running(self, "l4proxy", "--listen", f"tcp://127.0.0.1:{port}",
                        "--to", f"tcp://{self.place('web')}10.98.7.2:6100")
        proxy.wait_for("service started")
        with socket.create_connection(("127.0.0.1", port), 10) as kept:
            kept.settimeout(10)
            self.assertEqual(kept.recv(100), b"db\n")
            proxy.process.send_signal(signal.SIGTERM)
            proxy.wait_for("stopping")
            kept.sendall(b"x")
            self.assertEqual(kept.recv(100), b"x")
        self.assertEqual(proxy.process.wait(30), 0)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""What clients of both proxies notice of reloads, drains and an origin that dies: nothing but its death. And
what many requests leave behind: nothing. K2S_SLOW: a million of them instead of some thousand."""
import collections
import json
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

from k2s import WINDOWS, Running, TreeTest, free_ports

REQUESTS = 1_000_000 if os.environ.get("K2S_SLOW") else 20_000
LOAD = os.path.join(os.environ["K2S_BAD_PLUGINS"], "tcp_load")


class Load(TreeTest):
    """Of one proxy, which a subclass names."""

    def setUp(self):
        self.echo, self.port = free_ports(2)
        self.origin = self.serve()
        self.configure()
        self.host = Running(self, "k2s", "run", "--config", os.path.join(self.folder, "host.yaml"))
        self.host.wait_for("service started")

    def configure(self, most=1000):
        self.write("host.yaml", json.dumps({"services": {"proxy": {
            "feature": self.feature, "settings": {"max_connections": most, **self.settings()}}}}))

    def start(self, *words):
        running = subprocess.Popen([LOAD, *words], stdout=subprocess.PIPE)
        for cleanup in (running.stdout.close, running.wait, running.kill):
            self.addCleanup(cleanup)
        return running

    def serve(self):
        origin = self.start("serve", f"127.0.0.1:{self.echo}")
        self.until(lambda: self.connects(self.echo))
        return origin

    @staticmethod
    def connects(port):
        try:
            socket.create_connection(("127.0.0.1", port), 20).close()
        except ConnectionRefusedError:
            return False
        return True

    def until(self, condition):
        end = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), end, "it did not happen in time")
            time.sleep(0.05)

    def connect(self, port=None):
        """A connection through the proxy, and what it answered instead, if it did."""
        return socket.create_connection(("127.0.0.1", port or self.port), 20), None

    @staticmethod
    def exchange(client):
        try:
            client.sendall(b"x" * 1000)
            got = 0
            while got < 1000:
                part = client.recv(1000)
                if not part:
                    return "closed"
                got += len(part)
            return "ok"
        except (ConnectionResetError, BrokenPipeError):
            return "closed"

    def load(self, mode, *words):
        return self.start(mode, f"127.0.0.1:{self.port}", *self.words(), *words)

    def test_reloads_and_the_drain_keep_connections(self):
        load = self.load("keep", "connections=8", "seconds=600")
        own, refusal = self.connect()
        self.addCleanup(own.close)
        self.assertIsNone(refusal)
        for number in range(5):
            self.configure(2000 + number)
            self.succeed("k2s", "host", "reload")
            self.assertEqual(self.exchange(own), "ok")
        self.host.process.send_signal(signal.SIGTERM)
        self.host.wait_for("stopping")
        self.until(lambda: not self.connects(self.port))
        for _ in range(5):
            self.assertEqual(self.exchange(own), "ok")
        self.assertIsNone(load.poll())  # a connection that was lost could not be made anew
        load.terminate()
        exchanges, errors = load.stdout.read().split()[1:3]
        self.assertGreater(int(exchanges), 8)
        self.assertEqual(int(errors), 0)
        own.close()
        self.assertEqual(self.host.process.wait(60), 0)

    def test_services_drain_side_by_side(self):
        self.drain_two("none")

    def test_services_in_a_worker_drain_side_by_side(self):
        self.drain_two("process")

    def drain_two(self, isolation):
        other, = free_ports(1)
        ports = {self.port: None, other: None}
        self.host.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.host.process.wait(60), 0)
        self.write("host.yaml", json.dumps({"services": {f"proxy{port}": {
            "feature": self.feature, "isolation": isolation, "settings": self.settings(port)} for port in ports}}))
        self.host = Running(self, "k2s", "run", "--config", os.path.join(self.folder, "host.yaml"))
        for port in ports:
            self.host.wait_for("service started", service=f"proxy{port}")
            ports[port], refusal = self.connect(port)
            self.addCleanup(ports[port].close)
            self.assertIsNone(refusal)
        self.host.process.send_signal(signal.SIGTERM)
        for port in ports:  # both, though a connection of each holds its drain up
            self.until(lambda: not self.connects(port))
        for kept in ports.values():
            self.assertEqual(self.exchange(kept), "ok")
            kept.close()
        self.assertEqual(self.host.process.wait(60), 0)

    def test_an_origin_that_dies_under_load_and_comes_back(self):
        stop, phase = threading.Event(), [0]
        seen = collections.Counter()  # by phase and what came of it
        problems = []

        def ask():
            try:
                while not stop.is_set():
                    client, outcome = self.connect()
                    with client:
                        while outcome in (None, "ok") and not stop.is_set():  # the connection is kept
                            outcome = self.exchange(client)
                            seen[phase[0], outcome] += 1
                    if outcome not in ("ok", "closed"):
                        seen[phase[0], outcome] += 1
                    time.sleep(0.01)
            except OSError as problem:  # a time that ran out, above all
                problems.append(problem)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        self.addCleanup(stop.set)

        def many(number, ok):
            return problems or 50 < sum(count for (now, outcome), count in seen.items()
                                        if now == number and (outcome == "ok") == ok)
        self.until(lambda: many(0, True))
        phase[0] = 1
        self.origin.kill()
        self.origin.wait()
        self.until(lambda: many(1, False))
        self.serve()
        phase[0] = 2
        self.until(lambda: many(2, True))
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        self.assertEqual({outcome for now, outcome in seen if now == 0}, {"ok"})
        self.assertLessEqual({outcome for _, outcome in seen}, {"ok", "closed", self.refusal})
        self.assertEqual(self.host.end(), 0)

    def resident(self):
        with open(f"/proc/{self.host.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def ask(self, count):
        """So many on kept connections, and so many on new ones."""
        for mode in ("keep", "rate"):
            done = 0
            while done < count:
                load = self.load(mode, "connections=16", "seconds=1")
                exchanges, errors = load.stdout.read().split()[1:3]
                self.assertEqual(int(errors), 0)
                done += int(exchanges)

    def test_many_requests_in_flat_memory(self):
        self.ask(REQUESTS // 10)
        before = self.resident()
        self.ask(REQUESTS)
        if "K2S_SANITIZED" not in os.environ:
            self.assertLess(self.resident() - before, 2000)  # KB
        self.until(lambda: len(os.listdir(f"/proc/{self.host.process.pid}/fd")) < 200)


@unittest.skipIf(WINDOWS, "the load is Linux'")
class L4proxy(Load):
    feature, refusal = "l4proxy", "closed"

    def settings(self, port=None):
        return {"listen": [f"tcp://127.0.0.1:{port or self.port}"], "to": [f"tcp://127.0.0.1:{self.echo}"],
                "passive": {"failures": 1, "down_seconds": 1}}

    def words(self):
        return ()


@unittest.skipIf(WINDOWS, "the load is Linux'")
class Tunnels(Load):
    feature, refusal = "httpproxy", "502"

    def settings(self, port=None):
        return {"addr": [f"127.0.0.1:{port or self.port}"], "max_connections_per_client": 1000}

    def words(self):
        return (f"connect=127.0.0.1:{self.echo}",)

    def connect(self, port=None):
        client, _ = super().connect(port)
        client.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % self.echo)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = client.recv(1)
            if not part:
                return client, f"ended in the head: {head}"
            head += part
        status = head.split()[1].decode()
        return client, None if status == "200" else status


del Load  # it has no proxy of its own


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: MIT
"""httpproxy when the system's means run out, with very many idle clients, and when its log is renamed."""
import http.server
import json
import os
import resource
import socket
import subprocess
import threading
import time
import unittest

from k2s import WINDOWS, Running, TreeTest


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Limited(Running):
    """A tool that may open only so many files."""

    def __init__(self, test, files, *arguments):
        self.log = open(os.path.join(test.folder, "limited.log"), "w+b")
        self.process = subprocess.Popen(test.exe("httpproxy") + list(arguments), env=test.environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
                                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
        test.addCleanup(self.kill)


@unittest.skipIf(WINDOWS, "no descriptor limits on Windows")
class Limits(TreeTest):
    def setUp(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}/"

    def fetch(self, address):
        return subprocess.run(["curl", "-sS", "-m", "30", "--noproxy", "", "-x", "http://%s:%d" % address, self.url],
                              capture_output=True, timeout=60).stdout

    def settings(self, **values):
        return [word for name, value in values.items()
                for word in ("--set", f"features.httpproxy.settings.{name}={json.dumps(value)}")]

    def test_descriptors_used_up(self):
        proxy = Limited(self, 96, "--addr", "127.0.0.1:0", *self.settings(keep_alive_timeout_seconds=600))
        address = proxy.listening()
        self.assertEqual(self.fetch(address), b"ok")
        crowd = []
        for _ in range(300):
            peer = socket.socket()
            peer.settimeout(10)
            peer.connect(address)
            peer.sendall(f"GET {self.url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            crowd.append(peer)
        proxy.wait_for("cannot accept a connection")
        time.sleep(1)
        with open(f"/proc/{proxy.process.pid}/stat") as file:
            before = file.read().split()
        time.sleep(1)
        with open(f"/proc/{proxy.process.pid}/stat") as file:
            after = file.read().split()
        self.assertLess(sum(map(int, after[13:15])) - sum(map(int, before[13:15])), 50, "it spins")
        for peer in crowd:
            peer.close()
        end = time.monotonic() + 30
        while (got := self.fetch(address)) != b"ok" and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual(got, b"ok", proxy.output()[-2000:])
        self.assertEqual(proxy.end(), 0)

    def test_ten_thousand_idle_clients(self):
        count = 10_000
        wanted = count + 500
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < wanted:
            self.skipTest(f"a process may open only {hard} files here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        proxy = Running(self, "httpproxy", "--addr", "127.0.0.1:0", "--max-connections", str(count + 100),
                        *self.settings(max_connections_per_client=count + 100, header_timeout_seconds=600))
        address = proxy.listening()

        def resident():
            with open(f"/proc/{proxy.process.pid}/statm") as file:
                return int(file.read().split()[1]) * resource.getpagesize()

        self.assertEqual(self.fetch(address), b"ok")
        before = resident()
        crowd = [socket.create_connection(address, timeout=30) for _ in range(count)]
        for peer in crowd[::-100]:  # they are accepted in turn: the last ones' answers mean that all are
            peer.sendall(f"GET {self.url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.assertTrue(peer.recv(4096).startswith(b"HTTP/1.1 200"))
        self.assertEqual(self.fetch(address), b"ok")
        each = (resident() - before) / count
        for peer in crowd:
            peer.close()
        self.assertLess(each, 12 * 1024, "memory of an idle client")
        self.assertEqual(self.fetch(address), b"ok")
        self.assertEqual(proxy.end(), 0)


class AccessLog(Limits):
    test_descriptors_used_up = test_ten_thousand_idle_clients = None

    def test_a_file_that_is_renamed_before_a_reload(self):
        path = os.path.join(self.folder, "access.log")
        proxy = Running(self, "httpproxy", "--addr", "127.0.0.1:0",
                        *self.settings(access_log={"to": "file", "file": path, "format": "json"}))
        address = proxy.listening()
        self.assertEqual(self.fetch(address), b"ok")
        for _ in range(100):
            if os.path.getsize(path):
                break
            time.sleep(0.1)
        os.rename(path, path + ".old")
        proxy.process.send_signal(1)
        proxy.wait_for("configuration reloaded")
        for _ in range(100):  # plugins hear of it right after
            if os.path.exists(path):
                break
            time.sleep(0.1)
        self.assertEqual(self.fetch(address), b"ok")
        self.assertEqual(proxy.end(), 0)
        for name in (path, path + ".old"):
            with open(name) as file:
                records = [json.loads(line) for line in file]
            self.assertEqual([(r["method"], r["target"], r["status"], r["bytes_out"]) for r in records],
                             [("GET", self.url, 200, 2)])
            self.assertTrue(records[0]["user_agent"].startswith("curl/"))

    def test_a_log_that_cannot_be_opened(self):
        said = self.fails(3, "httpproxy", "--addr", "127.0.0.1:0",
                          *self.settings(access_log={"to": "file", "file": "/nonexistent/access"}))
        self.assertIn("/nonexistent/access", said)
        self.fails(3, "httpproxy", "--addr", "127.0.0.1:0", *self.settings(access_log={"to": "file"}))

    def test_a_client_by_a_unix_socket_is_local(self):
        path = os.path.join(self.folder, "proxy.sock")
        proxy = Running(self, "httpproxy", "--addr", "unix://" + path)
        self.assertIn(path, proxy.wait_for("listening")["address"])
        self.assertNotIn("beyond loopback", proxy.output())
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(30)
            peer.connect(path)
            peer.sendall(f"GET {self.url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.assertTrue(peer.recv(4096).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(proxy.end(), 0)

    def test_routes_in_the_configuration(self):
        rules = [{"match": [".blocked.test", ":25"], "via": "block"}]
        proxy = Running(self, "httpproxy", "--addr", "127.0.0.1:0", *self.settings(routes=rules))
        host, port = proxy.listening()
        done = subprocess.run(["curl", "-sS", "-m", "30", "-x", f"http://{host}:{port}", "http://x.blocked.test/"],
                              capture_output=True, text=True, timeout=60)
        self.assertIn("blocked by rule 1 of routes (.blocked.test)", done.stdout)
        for url, code in (("http://x.blocked.test/", 5), ("example.com:25", 5), (self.url, 0),
                          ("http://127.0.0.1:1/", 1), ("http://nobody.invalid/", 6), ("nonsense", 2)):
            tested = self.run_tool("httpproxy", "test", url, *self.settings(routes=rules))
            self.assertEqual(tested.returncode, code, (url, tested.stdout, tested.stderr))
        dry = self.data("k2s", "httpproxy", "test", "--dry-run", "http://example.com/", *self.settings(routes=rules))
        self.assertEqual((dry["route"], dry["result"]), ("direct", "not tried"))
        tried = self.data("k2s", "httpproxy", "test", self.url)
        self.assertEqual((tried["status"], tried["result"]), (200, "ok"))
        self.assertIn("first_byte", tried["milliseconds"])
        denied = self.run_tool("httpproxy", "test", "--from", "192.0.2.9", self.url)
        self.assertEqual(denied.returncode, 5, denied.stdout)
        allowed = self.run_tool("httpproxy", "test", "--from", "192.0.2.9", "--allowed-cidr", "192.0.2.0/24", self.url)
        self.assertEqual(allowed.returncode, 5, allowed.stdout)  # the origin is on loopback
        self.assertIn("loopback address", allowed.stdout)
        secret = self.settings(routes=[{"match": ["*"], "via": "socks5://h:1", "credentials_env": "K2S_BASTION"}])
        explained = self.run_tool("httpproxy", "test", "--dry-run", self.url, *secret, env={"K2S_BASTION": "u:s3cret"})
        self.assertEqual(explained.returncode, 0, explained.stderr)
        self.assertIn("socks5://h:1", explained.stdout)
        self.assertNotIn("s3cret", explained.stdout)
        self.assertIn("K2S_BASTION", self.fails(3, "httpproxy", "test", "--dry-run", self.url, *secret))
        self.fails(3, "httpproxy", "--addr", "127.0.0.1:0",
                   *self.settings(routes=[{"match": ["a"], "via": "nowhere"}]))
        self.fails(3, "httpproxy", "--addr", "127.0.0.1:0", *self.settings(routes=[{"match": ["a"]}]))
        self.assertEqual(proxy.end(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)

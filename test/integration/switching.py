# SPDX-License-Identifier: MIT
"""Nobody's connection is dropped: tunnels through httpproxy, as many as descriptors allow, and load on
others, while plugins beside it are installed, upgraded, rolled back, switched and killed."""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
import unittest

from k2s import free_port
from plugins_support import BAD, WINDOWS, VersionedTest, main

SPARE = 500  # descriptors of the proxy that are no tunnel's


@unittest.skipIf(WINDOWS, "the program that makes the load is for Linux")
class Switching(VersionedTest):
    def setUp(self):
        super().setUp()
        self.copy("lib/k2s/plugins/networking")
        (self.plugins / "isolated").mkdir()
        shutil.copyfile(BAD / "isolated.so", self.plugins / "isolated/isolated.so")
        shutil.copyfile(os.path.join(os.path.dirname(__file__), "../plugins/isolated.json"),
                        self.plugins / "isolated/plugin.json")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.count = min(10_000, (hard - SPARE) // 2)  # each tunnel has two in the proxy
        self.echo, self.port = free_port(), free_port()
        self.start([BAD / "tcp_load", "serve", f"127.0.0.1:{self.echo}"])
        services = {"edge": {"feature": "httpproxy",
                             "settings": {"addr": [f"127.0.0.1:{self.port}"], "max_connections": 100_000,
                                          "max_connections_per_client": 100_000}},
                    "victim": {}, "ticker": {}}
        self.config = self.top / "host.json"
        self.configure(services)
        self.services = services
        self.host = self.start(self.command("k2s", "run", "--config", str(self.config)))
        self.until(lambda: self.run_exe("k2s", "host", "status").code == 0)
        self.until(lambda: self.state("edge").get("state") == "running")

    def configure(self, services):
        self.config.write_text(json.dumps({"services": services}))

    def start(self, command, **options):
        running = subprocess.Popen(command, env=self.environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, **options)
        self.addCleanup(running.stdout.close)
        self.addCleanup(running.wait)
        self.addCleanup(running.terminate)
        return running

    def until(self, check):
        deadline = time.monotonic() + 120
        while not check():
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(self.host.poll())
            time.sleep(0.02)

    def state(self, instance):
        return next((one for one in self.k2s("host", "status")["services"] if one["instance"] == instance),
                    {})

    def tunnel(self):
        client = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(client.close)
        client.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % self.echo)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            got = client.recv(1000)
            self.assertTrue(got, answer)
            answer += got
        self.assertIn(b" 200 ", answer)
        return client

    def test_no_connection_is_dropped(self):
        good, better, bad = (self.pack(version) for version in ("1.0.0", "1.1.0", "1.3.0"))
        tunnels = [self.tunnel() for _ in range(self.count)]
        load = self.start([BAD / "tcp_load", "keep", f"127.0.0.1:{self.port}", "connections=16",
                           "seconds=600", f"connect=127.0.0.1:{self.echo}"])

        self.k2s("plugin", "install", good)
        self.configure(self.services | {"versioned": {}})
        self.k2s("host", "reload")
        self.assertEqual(self.state("versioned")["status"], {"version": "1.0.0"})
        self.k2s("plugin", "upgrade", better)
        self.assertEqual(self.state("versioned")["status"], {"version": "1.1.0"})
        self.fails(1, "plugin", "upgrade", bad, text="cannot be started")
        self.k2s("plugin", "rollback", "versioned")
        self.assertEqual(self.state("versioned")["status"], {"version": "1.0.0"})
        for words in (("plugin", "disable", "versioned"), ("plugin", "enable", "versioned"),
                      ("feature", "disable", "ticker"), ("feature", "enable", "ticker")):
            self.k2s(*words)
        for _ in range(2):
            worker = self.state("victim")["worker"]["pid"]
            os.kill(worker, signal.SIGKILL)
            self.until(lambda: self.state("victim")["worker"].get("pid", worker) != worker)
        self.configure(self.services)
        self.k2s("plugin", "uninstall", "versioned")

        load.terminate()
        exchanges, errors = load.stdout.read().split()[1:3]
        self.assertGreater(int(exchanges), 16)
        self.assertEqual(int(errors), 0)
        for client in tunnels:
            client.sendall(b"!")
        for client in tunnels:
            self.assertEqual(client.recv(1), b"!")


if __name__ == "__main__":
    os.umask(0o022)
    main()

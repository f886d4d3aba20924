# SPDX-License-Identifier: MIT
"""What systemd and httpproxy say to each other: unit files, socket activation, readiness; and what a
command line with a password looks like from outside."""
import glob
import os
import shutil
import socket
import subprocess
import threading
import unittest
import http.server

from k2s import WINDOWS, Running, TreeTest


class Notified:
    """The socket behind NOTIFY_SOCKET."""

    def __init__(self, test, abstract):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        path = os.path.join(test.folder, "notify")
        if abstract:
            path = "@" + path
            self.socket.bind("\0" + path[1:])
        else:
            self.socket.bind(path)
            test.addCleanup(os.unlink, path)
        self.socket.settimeout(60)
        self.environment = {"NOTIFY_SOCKET": path}

    def next(self):
        return self.socket.recv(4096).decode().split("\n")


class Activated(Running):
    """Started as systemd starts a service that has sockets."""

    def __init__(self, test, sockets, names, *arguments, env=None):
        prepared = [number + 100 for number in range(len(sockets))]
        script = "".join(f"exec {3 + i}<&{fd} {fd}<&-; " for i, fd in enumerate(prepared))
        script += f'LISTEN_PID=$$ LISTEN_FDS={len(sockets)} LISTEN_FDNAMES={":".join(names)} exec "$@"'

        def place():
            for fd, each in zip(prepared, sockets):
                os.dup2(each.fileno(), fd, inheritable=True)

        self.log = open(os.path.join(test.folder, "activated"), "w+b")
        self.process = subprocess.Popen(["bash", "-c", script, "bash", *test.exe("httpproxy"),
                                         *arguments],
                                        env=test.environment | (env or {}), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.log, close_fds=False,
                                        preexec_fn=place)
        test.addCleanup(self.kill)


def listening():
    each = socket.socket()
    each.bind(("127.0.0.1", 0))
    each.listen(16)
    return each


@unittest.skipIf(WINDOWS, "there is no systemd on Windows")
class Systemd(TreeTest):
    def origin(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/"

    def fetch(self, port, url):
        return subprocess.run(["curl", "-sS", "-m", "30", "--noproxy", "", "-x", f"http://127.0.0.1:{port}", url],
                              capture_output=True, timeout=60).stdout

    def test_unit_files(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not here")
        units = glob.glob(os.path.join(self.tree, "share", "systemd", "*"))
        self.assertGreaterEqual(len(units), 2)
        folder = os.path.join(self.folder, "units")
        os.mkdir(folder)
        link = os.path.join(self.folder, "tree")  # a unit file wants no blanks in a path
        os.symlink(self.tree, link)
        copies = []
        for unit in units:
            with open(unit) as file:
                text = file.read().replace("/opt/k2s", link).replace("EnvironmentFile=/", "EnvironmentFile=-/")
            copies.append(os.path.join(folder, os.path.basename(unit)))
            with open(copies[-1], "w") as file:
                file.write(text)
        for copy in copies:
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True,
                                  timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""), copy)

    def test_ready_reload_stop(self):
        for abstract in (False, True):
            manager = Notified(self, abstract)
            proxy = Running(self, "httpproxy", "--addr", "127.0.0.1:0", env=manager.environment)
            self.assertIn("READY=1", manager.next())
            proxy.listening()
            proxy.process.send_signal(1)
            reloading = manager.next()
            self.assertIn("RELOADING=1", reloading)
            self.assertTrue(any(word.startswith("MONOTONIC_USEC=") for word in reloading))
            self.assertIn("READY=1", manager.next())
            self.assertEqual(proxy.end(), 0)
            self.assertIn("STOPPING=1", manager.next())
            self.doCleanups()

    def test_sockets_of_a_socket_unit(self):
        url = self.origin()
        one, two = listening(), listening()
        self.addCleanup(one.close)
        self.addCleanup(two.close)
        proxy = Activated(self, [one, two], ["web", "other"], "--addr", "systemd:web")
        self.assertEqual(proxy.listening(), one.getsockname())
        self.assertEqual(self.fetch(one.getsockname()[1], url), b"ok")
        with open(f"/proc/{proxy.process.pid}/environ", "rb") as file:
            self.assertIn(b"LISTEN_FDS=2", file.read())  # the kernel's copy from the start
        proxy.process.send_signal(1)  # a reload keeps the passed socket
        proxy.wait_for("configuration reloaded")
        self.assertEqual(self.fetch(one.getsockname()[1], url), b"ok")
        self.assertEqual(proxy.end(), 0)

        both = Activated(self, [one, two], ["web", "other"], "--addr", "systemd:")
        both.listening()
        for each in (one, two):
            self.assertEqual(self.fetch(each.getsockname()[1], url), b"ok")
        self.assertEqual(both.end(), 0)

    def test_sockets_that_are_not_there(self):
        self.assertIn("socket unit", self.fails(6, "httpproxy", "--addr", "systemd:"))
        one = listening()
        self.addCleanup(one.close)
        wrong = Activated(self, [one], ["web"], "--addr", "systemd:nobody")
        self.assertEqual(wrong.process.wait(60), 6)
        # Meant for another process.
        self.assertIn("socket unit", self.fails(6, "httpproxy", "--addr", "systemd:",
                                                env={"LISTEN_PID": "1", "LISTEN_FDS": "1"}))

    def test_a_password_on_the_command_line(self):
        proxy = Running(self, "httpproxy", "--addr", "127.0.0.1:0", "--forwardproxy", "http://user:s3cret@127.0.0.1:9")
        proxy.listening()
        with open(f"/proc/{proxy.process.pid}/cmdline", "rb") as file:
            shown = file.read()
        self.assertIn(b"http://user:******@127.0.0.1:9", shown)
        self.assertNotIn(b"s3cret", shown)
        self.assertIn("the command line holds a password", proxy.output())
        self.assertNotIn("s3cret", proxy.output())
        self.assertEqual(proxy.end(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: MIT
"""pause and wincat, the two exes that live inside pods: without core and plugins, natively or under
wine."""
import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

from k2s import WINDOWS, TreeTest

ROOT = not WINDOWS and os.geteuid() == 0


def eventually(true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def state(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def awaits_signals(pid):
    """In rt_sigtimedwait, number 128 on x86-64: pause is ready."""
    with open(f"/proc/{pid}/syscall") as file:
        return file.read().split()[0] == "128"


class Pause(TreeTest):
    def program(self):
        return os.path.join(self.tree, "bin", "pause.exe" if WINDOWS else "pause")

    def start(self, *before):
        process = subprocess.Popen([*before, *self.exe("pause")], env=self.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_version_and_arguments(self):
        self.assertRegex(self.succeed("pause", "-v"), r"^pause: v\d+\.\d+\.\d+\s*$")
        self.assertIn("Usage: pause", self.succeed("pause", "--help"))
        self.assertIn("'-x'", self.fails(2, "pause", "-x"))
        self.fails(2, "pause", "-v", "-v")

    def test_it_is_small_and_needs_nothing(self):
        size = os.path.getsize(self.program())
        self.assertLess(size, 20_000 if WINDOWS else 10_000)
        with open(self.program(), "rb") as file:
            content = file.read().lower()
        if WINDOWS:
            self.assertEqual(content.count(b".dll\0"), 1)
            self.assertIn(b"kernel32.dll\0", content)
        else:
            self.assertNotIn(b"ld-linux", content)

    @unittest.skipUnless(WINDOWS, "the console of Windows")
    def test_control_c_ends_it(self):
        process = self.start()
        time.sleep(3)  # nothing shows from outside that the handler is set
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(60), 0)
        self.assertIn(b"Shutting down, got signal", process.stdout.read())

    @unittest.skipIf(WINDOWS, "signals")
    def test_signals_end_it_outside_of_a_namespace(self):
        for number, name in ((signal.SIGINT, b"Interrupt"), (signal.SIGTERM, b"Terminated")):
            process = self.start()
            self.assertIn(b"not the first process", process.stdout.readline())
            process.send_signal(number)
            self.assertEqual(process.wait(30), 0)
            self.assertIn(name, process.stdout.read())

    def sandbox(self, *program):
        """The first process of a new PID namespace, and its id here."""
        outer = subprocess.Popen(["unshare", "-pf", "--kill-child", *program], env=self.environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(outer.stdout.close)
        self.addCleanup(outer.wait)
        self.addCleanup(outer.kill)
        self.assertTrue(eventually(lambda: children(outer.pid)))
        inner = children(outer.pid)[0]

        def replaced():  # unshare's child has become the program
            with open(f"/proc/{inner}/comm") as file:
                return file.read().strip() == os.path.basename(program[0])

        self.assertTrue(eventually(replaced))
        return outer, inner

    def orphans(self, inner, count):
        """Ends this many processes whose parent has ended before them."""
        subprocess.run(["nsenter", "-t", str(inner), "-p", "sh", "-c",
                        f"for i in $(seq {count}); do (sleep 0.3 &); done"], check=True)

    @unittest.skipUnless(ROOT, "PID namespaces need root")
    def test_first_process_of_a_namespace_reaps_orphans(self):
        _, inner = self.sandbox(*self.exe("pause"))
        self.orphans(inner, 300)
        self.assertTrue(eventually(lambda: not children(inner)))
        # The positive control: orphans do end up there, and stay where nobody reaps.
        _, other = self.sandbox(shutil.which("sleep"), "60")
        self.orphans(other, 5)
        self.assertTrue(eventually(lambda: [state(pid) for pid in children(other)] == ["Z"] * 5))

    @unittest.skipUnless(ROOT, "PID namespaces need root")
    def test_first_process_of_a_namespace_ends_on_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            outer, inner = self.sandbox(*self.exe("pause"))
            self.assertTrue(eventually(lambda: awaits_signals(inner)))
            os.kill(inner, signal.SIGHUP)  # none of ours: the first process ignores it
            os.kill(inner, number)
            self.assertEqual(outer.wait(30), 0)
            self.assertNotIn(b"not the first", outer.stdout.read())

    @unittest.skipUnless(ROOT, "PID namespaces need root")
    def test_a_signal_from_inside_ends_it(self):
        outer, inner = self.sandbox(*self.exe("pause"))
        self.assertTrue(eventually(lambda: awaits_signals(inner)))
        subprocess.run(["nsenter", "-t", str(inner), "-p", "sh", "-c", "kill -TERM 1"], check=False)
        self.assertEqual(outer.wait(30), 0)


class Peer:
    """Accepts one connection and gives it to a function in a thread."""

    def __init__(self, test, serve, family=socket.AF_INET, address="127.0.0.1"):
        self.listener = socket.socket(family)
        self.listener.bind((address, 0))
        self.listener.listen(1)
        self.port = str(self.listener.getsockname()[1])
        self.result = None

        def run():
            with contextlib.suppress(OSError):
                connection, _ = self.listener.accept()
                with connection:
                    self.result = serve(connection)

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        test.addCleanup(self.listener.close)


def read_all(connection):
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def answer_at_the_end(connection):
    data = read_all(connection)
    time.sleep(0.5)
    connection.sendall(b"got " + data)
    return data


class Wincat(TreeTest):
    def test_answers_that_come_after_the_end_of_input(self):
        peer = Peer(self, answer_at_the_end)
        done = self.run_tool("wincat", "127.0.0.1", peer.port, text=False, input=b"\x00\xffhello")
        self.assertEqual((done.returncode, done.stdout), (0, b"got \x00\xffhello"), done.stderr)

    def test_ipv6_with_and_without_brackets(self):
        for host in ("::1", "[::1]"):
            peer = Peer(self, answer_at_the_end, socket.AF_INET6, "::1")
            self.assertEqual(self.succeed("wincat", host, peer.port, input="six"), "got six")
        peer = Peer(self, answer_at_the_end)
        self.fails(6, "wincat", "-6", "127.0.0.1", peer.port, input="")

    def pipe(self, *arguments):
        process = subprocess.Popen([*self.exe("wincat"), *arguments], env=self.environment,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for stream in (process.stdin, process.stdout, process.stderr):
            self.addCleanup(stream.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_peer_that_only_ends_its_own_side_gets_the_rest(self):
        def serve(connection):
            connection.sendall(b"bye")
            connection.shutdown(socket.SHUT_WR)
            return read_all(connection)

        peer = Peer(self, serve)
        process = self.pipe("-linger", "30s", "127.0.0.1", peer.port)
        # To its end, which is passed on at once; wine keeps the descriptor of a handle that was closed.
        self.assertEqual(process.stdout.read(3 if WINDOWS else -1), b"bye")
        process.stdin.write(b"late")
        process.stdin.close()
        self.assertEqual(process.wait(60), 0)
        peer.thread.join(30)
        self.assertEqual(peer.result, b"late")

    def test_silence_after_the_peer_has_ended(self):
        peer = Peer(self, lambda connection: connection.sendall(b"bye"))
        process = self.pipe("-linger", "200ms", "127.0.0.1", peer.port)
        self.assertEqual(process.stdout.read(), b"bye")
        self.assertEqual(process.wait(60), 0)  # although standard input is open

    @unittest.skipIf(WINDOWS, "wine tells a reset that wakes a waiting recv() as the peer's end")
    def test_a_reset_is_an_error(self):
        def reset(connection):
            connection.recv(1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        peer = Peer(self, reset)
        self.assertIn("127.0.0.1:" + peer.port, self.fails(1, "wincat", "127.0.0.1", peer.port, input="x"))

    def test_bulk_in_both_directions(self):
        data = os.urandom(1 << 20) * 24

        def echo(connection):
            while part := connection.recv(65536):
                connection.sendall(part)

        peer = Peer(self, echo)
        done = self.run_tool("wincat", "127.0.0.1", peer.port, text=False, input=data)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout == data)

    def test_datagrams(self):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.bind(("127.0.0.1", 0))

        def echo():
            data, client = server.recvfrom(65536)
            server.sendto(b"", client)  # an empty one ends nothing
            server.sendto(b"echo " + data, client)

        threading.Thread(target=echo, daemon=True).start()
        port = str(server.getsockname()[1])
        self.assertEqual(self.succeed("wincat", "-u", "-linger", "1s", "127.0.0.1", port, input="x"), "echo x")

    def test_nobody_listens(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = str(taken.getsockname()[1])
            said = self.fails(1, "wincat", "127.0.0.1", port, input="")
        self.assertIn("127.0.0.1:" + port, said)
        self.assertIn("[::1]:" + port, self.fails(1, "wincat", "::1", port, input=""))

    def test_times_that_run_out(self):
        with socket.socket() as full, contextlib.ExitStack() as clients:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _ in range(4):  # more than the queue holds: the next gets no answer
                client = clients.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            port = str(full.getsockname()[1])
            self.assertIn("in time", self.fails(7, "wincat", "-connect-timeout", "300ms", "127.0.0.1", port,
                                                input=""))
        peer = Peer(self, read_all)
        process = self.pipe("-idle-timeout=300ms", "127.0.0.1", peer.port)
        self.assertEqual(process.wait(60), 7)
        self.assertIn(b"-idle-timeout", process.stderr.read())

    def test_wrong_calls(self):
        for arguments, part in (((), "host is missing"), (("h",), "port is missing"),
                                (("h", "1", "2"), "too many"), (("h", "0"), "1 to 65535"),
                                (("h", "65536"), "1 to 65535"), (("h", "99999999999"), "1 to 65535"),
                                (("h", "--", "-1"), "1 to 65535"), (("[]", "1"), "give a name"),
                                (("x" * 300, "1"), "300 characters"), (("-q", "h", "1"), "'-q'"),
                                (("-linger", "soon", "h", "1"), "'soon'"), (("h", "1", "-linger"), "a time"),
                                (("-idle-timeout=99999999999999999999h", "h", "1"), "a time")):
            self.assertIn(part, self.fails(2, "wincat", *arguments))
        self.assertIn("nonesuch.invalid", self.fails(6, "wincat", "nonesuch.invalid", "1", input=""))
        self.assertIn("no-such-service", self.fails(6, "wincat", "127.0.0.1", "no-such-service", input=""))

    def test_help_and_version(self):
        self.assertIn("Exit codes:", self.succeed("wincat", "-help"))
        self.assertRegex(self.succeed("wincat", "-version"), r"^wincat: v\d")

    @unittest.skipIf(WINDOWS, "/dev/full is Linux's")
    def test_output_that_cannot_be_written(self):
        peer = Peer(self, lambda connection: connection.sendall(b"data"))
        with open("/dev/full", "w") as full:
            done = subprocess.run([*self.exe("wincat"), "127.0.0.1", peer.port], stdin=subprocess.DEVNULL,
                                  stdout=full, stderr=subprocess.PIPE, text=True, env=self.environment)
        self.assertEqual(done.returncode, 1)
        self.assertIn("standard output", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

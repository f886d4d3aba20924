# SPDX-License-Identifier: MIT
"""Plugins in worker processes: they do their work there, and what becomes of them stays there."""
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

from k2s import DEADLINE, DRIVE_C, WINDOWS, Running, TreeTest, free_port, native

BUILT = os.environ["K2S_BAD_PLUGINS"]
SANITIZED = bool(os.environ.get("K2S_SANITIZED"))
ROOT = not WINDOWS and os.geteuid() == 0
WORKER = "k2s-worker" + (".exe" if WINDOWS else "")
SUFFIX = ".dll" if WINDOWS else ".so"
HERE = os.path.dirname(os.path.abspath(__file__))


class Isolation(TreeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = os.path.join(cls.tree, "lib/k2s/plugins/isolated")
        os.mkdir(folder)
        shutil.copyfile(os.path.join(BUILT, "isolated" + SUFFIX), os.path.join(folder, "isolated" + SUFFIX))
        shutil.copyfile(os.path.join(HERE, "../plugins/isolated.json"), os.path.join(folder, "plugin.json"))

    def limits(self, **worker):
        return [word for name, value in worker.items()
                for word in ("--set", f"plugins.isolated.worker.{name}={json.dumps(value)}")]

    def until(self, condition, seconds=60):
        """The first true answer of a function."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            answer = condition()
            if answer:
                return answer
            time.sleep(0.05)
        raise AssertionError("it did not become so")


class Commands(Isolation):
    def test_works_in_another_process_with_the_settings_of_the_host(self):
        there = self.data("k2s", "isolated-data", "who", "--set",
                          "features.isolated.settings.word=\u00e4 b")
        here = self.data("k2s", "isolated-data", "who", "--set", "plugins.isolated.isolation=none",
                         "--log-level", "debug")
        self.assertEqual((there["setting"], there["threshold"]), ("\u00e4 b", 0))
        self.assertEqual((here["setting"], here["threshold"]), ("plain", 1))

    def test_output_messages_and_codes_come_through(self):
        done = self.run_tool("k2s", "isolated", "echo", "w\u00f6rd \"x\"", encoding="utf-8")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "w\u00f6rd \"x\"", "echoed\n"))
        self.fails(7, "k2s", "isolated", "code", "--number", "7")
        self.assertIn("it may not \u00e4", self.fails(5, "k2s", "isolated", "fail", encoding="utf-8"))
        done = self.run_tool("k2s", "isolated", "big", "--number", "20000000")
        self.assertEqual(len(done.stdout), 20_000_000)

    def test_standard_input_comes_through(self):
        data = bytes(range(256)) * 3000 + b"\r\n\x1a"
        done = self.run_tool("k2s", "isolated", "copy", text=False, input=data)
        self.assertEqual((done.returncode, done.stdout), (0, data), done.stderr)

    def test_records_and_bars_come_through(self):
        done = self.run_tool("k2s", "isolated", "log", "w")
        record = [json.loads(line) for line in done.stderr.splitlines()][0]
        self.assertEqual((record["msg"], record["level"], record["word"], record["number"], record["yes"],
                          record["half"], record["component"]),
                         ("a record", "WARN", "w", 7, True, 0.5, "isolated"))
        self.succeed("k2s", "isolated", "bar")

    def test_a_crash_is_told(self):
        told = self.fails(1, "k2s", "isolated", "crash")
        self.assertIn("isolated", told)
        self.assertIn("exception" if WINDOWS else "signal", told)
        if not WINDOWS:  # wine's debugger writes more than what is kept
            self.assertIn("about to crash", told)
        self.assertIn("exited with code 3", self.fails(1, "k2s", "isolated", "exit"))

    def test_create_that_crashes_or_hangs(self):
        word = "features.isolated.settings.create="
        self.assertIn("while it was created", self.fails(1, "k2s", "isolated", "nothing", "--set", word + "crash"))
        self.assertIn("did not answer in time", self.fails(
            7, "k2s", "isolated", "nothing", "--set", word + "hang", "--set", "limits.create_seconds=2"))
        self.succeed("k2s", "isolated", "nothing")  # nothing of it is remembered

    @unittest.skipIf(WINDOWS, "ends it with a signal")
    def test_cancellation_reaches_the_worker(self):
        running = Running(self, "k2s", "isolated", "wait")
        time.sleep(1)
        self.assertEqual(running.end(signal.SIGINT), 1)

    def test_a_plugin_that_needs_contracts_of_others_is_refused(self):
        folder = os.path.join(self.tree, "lib/k2s/plugins/isolated")
        with open(os.path.join(folder, "plugin.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        other = os.path.join(self.tree, "lib/k2s/plugins/needy")
        os.mkdir(other)
        self.addCleanup(shutil.rmtree, other)
        manifest |= {"id": "needy", "features": [{"id": "needy", "kind": "command", "summary": "x"}],
                     "commands": [{"path": ["needy"], "feature": "needy", "summary": "x"}],
                     "requires": [{"contract": "example.greeter", "version": ">=1.0.0"}]}
        with open(os.path.join(other, "plugin.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        told = self.fails(4, "k2s", "needy")
        self.assertIn("plugins.needy.isolation", told)


class Untrusted(Isolation):
    """Let in by the policy, but only into a worker that may do nothing, whatever it asks for."""
    made_in = DRIVE_C
    HERE = ("--set", "plugins.isolated.isolation=none")
    WARN = ("--set", "trust=warn", *HERE)

    @unittest.skipIf(SANITIZED, "the sanitizers reserve more than any limit")
    def test_lives_in_a_worker(self):
        done = self.run_tool("k2s", "isolated", "crash", *self.WARN)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("exception" if WINDOWS else "signal", done.stderr)
        trusted = self.run_tool("k2s", "isolated", "crash", *self.HERE)
        self.assertNotEqual(trusted.returncode, 1, "nothing keeps its own from ending the process")

    @unittest.skipIf(SANITIZED, "the sanitizers reserve more than any limit")
    @unittest.skipIf(WINDOWS, "wine restricts neither jobs nor tokens")
    def test_may_do_nothing(self):
        path = os.path.join(self.folder, "open", "by-the-untrusted")
        os.mkdir(os.path.dirname(path))
        os.chmod(os.path.dirname(path), 0o777)
        os.chmod(self.folder, 0o755)
        self.assertIn("cannot write", self.fails(5, "k2s", "isolated", "write", path, *self.WARN))
        self.assertFalse(os.path.exists(path))
        self.fails(1, "k2s", "isolated", "process", "/bin/true", *self.WARN)
        self.assertIn("memory", self.fails(1, "k2s", "isolated", "memory", *self.WARN))
        if ROOT:
            self.fails(5, "k2s", "isolated", "mount", *self.WARN)
        self.succeed("k2s", "isolated", "write", path, *self.HERE)

    @unittest.skipIf(SANITIZED, "the sanitizers reserve more than any limit")
    def test_sees_no_variable_of_the_host(self):
        self.environment["SECRET_OF_THE_HOST"] = "hunter2"
        ask = ("k2s", "isolated", "variable", "SECRET_OF_THE_HOST")
        self.assertEqual(self.succeed(*ask, *self.WARN), "nothing")
        self.assertEqual(self.succeed(*ask, *self.HERE), "hunter2")

    @unittest.skipIf(SANITIZED, "the sanitizers reserve more than any limit")
    @unittest.skipIf(WINDOWS, "wine restricts neither jobs nor tokens")
    @unittest.skipUnless(ROOT, "its folder is its user's")
    def test_may_do_nothing_at_its_first_instruction_either(self):
        """Whoever looks at a new file with a hash in its plugin.json maps it."""
        folder = os.path.join(self.tree, "lib/k2s/plugins/isolated")
        library = os.path.join(folder, "isolated.so")
        manifest = os.path.join(folder, "plugin.json")
        with open(manifest) as before:
            text = before.read()
        self.addCleanup(lambda: open(manifest, "w").write(text))
        with open(library, "rb") as binary, open(manifest, "w") as out:
            digest = hashlib.sha256(binary.read()).hexdigest()
            json.dump({**json.loads(text), "sha256": {"isolated.so": digest}}, out)
        open(library + ".wanted", "w").close()
        self.addCleanup(os.unlink, library + ".wanted")
        self.succeed("k2s", "isolated", "nothing", *self.WARN)
        self.assertFalse(os.path.exists(library + ".mark"))
        self.succeed("k2s", "isolated", "nothing", *self.HERE)
        os.unlink(library + ".mark")

    def test_enforced_it_does_not_run(self):
        self.assertIn("not signed", self.fails(5, "k2s", "isolated", "nothing", "--set", "trust=enforce"))


class Limits(Isolation):
    @unittest.skipIf(SANITIZED, "the sanitizers reserve more than any limit")
    @unittest.skipIf(WINDOWS, "wine's jobs count no memory")
    def test_memory(self):
        self.assertIn("memory", self.fails(1, "k2s", "isolated", "memory", *self.limits(memory_mb=512)))
        self.succeed("k2s", "isolated", "memory", *self.limits(memory_mb=4096))

    @unittest.skipIf(WINDOWS, "wine lets any token write")
    def test_no_writing(self):
        path = os.path.join(self.folder, "written")
        self.assertIn("cannot write", self.fails(5, "k2s", "isolated", "write", path, *self.limits(read_only=True)))
        self.assertFalse(os.path.exists(path))
        self.succeed("k2s", "isolated", "write", "/dev/null", *self.limits(read_only=True))
        self.succeed("k2s", "isolated", "write", path)
        self.assertTrue(os.path.exists(path))

    @unittest.skipIf(WINDOWS, "wine's jobs count no processes")
    def test_no_processes(self):
        self.succeed("k2s", "isolated", "process", "/bin/true")
        self.fails(1, "k2s", "isolated", "process", "/bin/true", *self.limits(processes=0))

    @unittest.skipUnless(ROOT, "needs root")
    def test_no_mounts_although_it_is_root(self):
        self.assertIn("cannot mount", self.fails(5, "k2s", "isolated", "mount"))

    @unittest.skipUnless(ROOT, "needs root")
    def test_another_user(self):
        os.chmod(self.folder, 0o755)
        path = os.path.join(self.folder, "by-nobody")
        self.fails(5, "k2s", "isolated", "write", path, *self.limits(user="nobody"))
        self.succeed("k2s", "isolated", "nothing", *self.limits(user="65534"))
        self.assertIn("no user 'nemo'", self.fails(6, "k2s", "isolated", "nothing", *self.limits(user="nemo")))

    @unittest.skipUnless(WINDOWS, "the other system")
    def test_a_user_is_for_linux(self):
        self.assertIn("Windows", self.fails(4, "k2s", "isolated", "nothing", *self.limits(user="nobody")))


class Services(Isolation):
    def run_host(self, deed, extra="", *words):
        self.config(deed, extra)
        self.host = Running(self, "k2s", "run", "--config", native(os.path.join(self.folder, "host.yaml")), *words)
        self.host.wait_for("service started", service="tick")
        self.until(lambda: "victim" in self.services())
        return self.host

    def config(self, deed, extra=""):
        self.write("host.yaml", f"services: {{victim: {{settings: {{deed: {deed}}}}}, tick: {{feature: ticker}}}}\n{extra}")

    def services(self):
        return {one["instance"]: one for one in self.data("k2s", "host", "status")["services"]}

    def victim(self):
        return self.services()["victim"]

    def kill_worker(self):
        pid = self.victim()["worker"]["pid"]
        if WINDOWS:  # its number is Windows', so only wine can end it
            subprocess.run(self.exe("k2s")[:-1] + ["taskkill", "/f", "/pid", str(pid)], capture_output=True,
                           env=self.environment, timeout=DEADLINE, check=False)
        else:
            os.kill(pid, signal.SIGKILL)
        return pid

    def stops(self):
        self.succeed("k2s", "host", "stop")
        self.assertEqual(self.host.process.wait(60), 0, self.host.output())

    def test_lives_through_reload_and_stop(self):
        self.run_host("nothing")
        before = self.victim()
        self.assertEqual((before["state"], before["worker"]["restarts"], before["status"]["deed"]),
                         ("running", 0, "nothing"))
        self.assertNotIn("worker", self.services()["tick"])
        self.config("something")
        self.data("k2s", "host", "reload")
        after = self.victim()
        self.assertEqual((after["status"]["pid"], after["status"]["deed"]), (before["status"]["pid"], "something"))
        told = self.data("k2s", "host", "diagnostics")["plugins"]["isolated"]["diagnostics"]
        self.assertEqual(told, {"changes": 1})
        self.stops()

    def test_a_killed_worker_is_started_again_with_its_settings(self):
        self.run_host("nothing")
        self.config("other")
        self.data("k2s", "host", "reload")
        pid = self.kill_worker()
        self.host.wait_for("the worker ended and is started again")
        now = self.until(lambda: (one := self.victim()) and one["state"] == "running" and one)
        self.assertEqual((now["status"]["deed"], now["worker"]["restarts"]), ("other", 1))
        self.assertNotEqual(now["worker"]["pid"], pid)
        if not WINDOWS:
            self.assertIn("signal 9", now["worker"]["last_end"]["how"])
        self.assertEqual(self.services()["tick"]["state"], "running")
        self.stops()

    def test_one_that_always_crashes_is_quarantined_and_spares_the_rest(self):
        self.run_host("crash")
        self.host.wait_for("the worker ended too often: the plugin is quarantined", 120)
        services = self.services()
        self.assertEqual((services["victim"]["state"], services["tick"]["state"]), ("quarantined", "running"))
        if not WINDOWS:  # wine's debugger writes more than what is kept
            self.assertIn("about to crash", services["victim"]["worker"]["last_end"]["printed"])
        self.assertIn("quarantined", services["victim"]["unhealthy"])
        listed = {one["id"]: one for one in self.data("k2s", "plugin", "list")}
        self.assertEqual(listed["isolated"]["state"], "quarantined")
        # Well again, and let in again.
        self.config("nothing")
        self.succeed("k2s", "host", "reload")
        self.assertEqual(self.victim()["state"], "quarantined")
        self.succeed("k2s", "plugin", "enable", "isolated")
        now = self.until(lambda: (one := self.victim()) and one["state"] == "running" and one)
        self.assertEqual(now["status"]["deed"], "nothing")
        self.stops()

    @unittest.skipIf(SANITIZED, "the sanitizers reserve more than any limit")
    @unittest.skipIf(WINDOWS, "wine's jobs count no memory")
    def test_memory_beyond_the_limit_starts_it_again(self):
        self.run_host("memory", "plugins: {isolated: {worker: {memory_mb: 512}}}")
        ended = self.host.wait_for("the worker ended and is started again", 120)
        self.assertIn("signal", ended["how"])
        self.config("nothing", "plugins: {isolated: {worker: {memory_mb: 512}}}")
        self.succeed("k2s", "host", "reload")
        now = self.until(lambda: (one := self.victim()) and one["state"] == "running" and one)
        self.assertGreater(now["worker"]["restarts"], 0)
        self.assertEqual(self.services()["tick"]["state"], "running")
        self.stops()

    def test_hangs_are_ended(self):
        self.run_host("hang-in-status")
        self.until(lambda: "did not answer" in self.victim().get("worker", {}).get("last_end", {}).get("how", ""))
        self.host.process.kill()
        self.host.process.wait()

    def test_a_held_strand_is_noticed(self):
        self.run_host("hold-strand")
        ended = self.host.wait_for("the worker ended and is started again", 120)
        self.assertIn("held its strand", ended["how"])
        self.assertEqual(self.services()["tick"]["state"], "running")

    def test_hangs_in_stop(self):
        self.run_host("hang-in-stop", "limits: {drain_seconds: 1}")
        self.succeed("k2s", "host", "stop")
        self.assertIn(self.host.process.wait(120), (0, 7), self.host.output())

    def test_a_flood_of_records_is_cut(self):
        self.run_host("flood")
        seconds = self.until(lambda: self.victim().get("status", {}).get("flood_seconds"), 240)
        written = sum(record["msg"] == "flood" for record in self.host.records())
        self.assertGreater(written, 0)
        self.assertLess(written, 2000 * (seconds + 4))
        if not WINDOWS:  # where it may be slower than what is let through
            dropped = [record["dropped"] for record in self.host.records() if "dropped" in record]
            self.assertGreater(sum(dropped), 0)
            self.assertEqual(written + sum(dropped), 20_001)
        self.assertEqual(self.services()["tick"]["state"], "running")
        self.stops()

    def test_notices_and_metrics_come_through(self):
        port = free_port()
        self.run_host("notices", f"admin: {{http: '127.0.0.1:{port}'}}")
        self.until(lambda: self.victim()["status"]["notices"] == 10)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        self.assertIn('k2s_isolated_calls_total{plugin="isolated"} 0', text)
        self.assertIn('k2s_isolated_sizes_bucket{plugin="isolated",le="+Inf"} 0', text)
        self.stops()

    def test_a_sick_plugin_says_so(self):
        self.run_host("sick")
        self.assertEqual(self.victim()["unhealthy"], "it is not well")
        self.stops()

    def test_a_refused_service_is_told(self):
        self.run_host("refuse")
        self.assertIn("it does not want to", self.victim()["error"])
        self.stops()

    @unittest.skipIf(WINDOWS, "looks into /proc")
    def test_a_killed_host_takes_its_worker_along(self):
        self.run_host("nothing")
        pid = self.victim()["worker"]["pid"]
        self.host.process.kill()
        self.host.process.wait()
        self.until(lambda: not os.path.exists(f"/proc/{pid}"))

    @unittest.skipIf(WINDOWS, "puts a script in the worker's place")
    def test_workers_that_are_none(self):
        program = os.path.join(self.tree, "bin", WORKER)
        os.rename(program, program + ".kept")
        self.addCleanup(os.replace, program + ".kept", program)
        head = (f"#!{sys.executable}\nimport os, socket, struct, sys, time\n"
                "line = socket.socket(fileno=int(sys.argv[2]))\n")
        kind_reply, kind_subscribe = 19, 23  # of core/src/isolation/wire.hpp
        reply = f"line.sendall(struct.pack('=IHHI', {{}}, {kind_reply}, 0, 1) + {{}})\n"
        for name, body, text in (
                ("silent", "time.sleep(60)\n", "in its first words"),
                ("gone", "sys.exit(5)\n", "exited with code 5"),
                ("noise", "line.sendall(os.urandom(100000))\ntime.sleep(60)\n", "first words"),
                ("huge", "line.sendall(b'\\xff\\xff\\xff\\xff' * 4)\ntime.sleep(60)\n", "first words"),
                ("short", reply.format(2, "b'ab'") + "time.sleep(60)\n", "first words"),
                ("flood", f"while True: line.sendall(struct.pack('=IHHI', 0, {kind_subscribe}, 0, 0))\n", "first words"),
                ("other", reply.format(20, "struct.pack('=iI8sI', -13, 8, b'too old!', 0)") + "time.sleep(60)\n",
                 "too old!")):
            with self.subTest(worker=name):
                with open(program, "w", encoding="utf-8") as file:
                    file.write(head + body)
                os.chmod(program, 0o755)
                done = self.run_tool("k2s", "isolated", "nothing")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(text, done.stderr)


class Proxy(Isolation):
    """httpproxy in a worker: its sockets are the worker's, so its traffic takes no detour."""

    @unittest.skipIf(WINDOWS, "one system is enough for what the proxy's own tests show")
    def test_serves_reloads_and_drains(self):
        with socket.create_server(("127.0.0.1", 0)) as origin, socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
            free.close()
            config = "services: {{edge: {{feature: httpproxy, isolation: process, settings: {{addr: ['127.0.0.1:{}'], max_connections: {}}}}}}}"
            self.write("host.yaml", config.format(port, 100))
            host = Running(self, "k2s", "run", "--config", native(os.path.join(self.folder, "host.yaml")))
            host.wait_for("service started")
            state = self.data("k2s", "host", "status")["services"][0]
            self.assertNotEqual(state["worker"]["pid"], host.process.pid)
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\nHost: x\r\n\r\n" % origin.getsockname()[1])
                self.assertIn(b" 200 ", client.recv(1000))
                server, _ = origin.accept()
                client.sendall(b"ping")
                self.assertEqual(server.recv(10), b"ping")
                self.write("host.yaml", config.format(port, 50))
                self.assertEqual(self.data("k2s", "host", "reload"), {"reloaded": True})
                client.sendall(b"pong")  # the tunnel lives on
                self.assertEqual(server.recv(10), b"pong")
                self.assertEqual(self.data("k2s", "host", "status")["services"][0]["status"]["tunnels"], 1)
                stop = threading.Thread(target=self.succeed, args=("k2s", "host", "stop"))
                stop.start()
                time.sleep(0.5)
                client.sendall(b"last")  # draining: what runs may end
                self.assertEqual(server.recv(10), b"last")
                client.close()
                server.close()
                stop.join()
            self.assertEqual(host.process.wait(60), 0, host.output())


if __name__ == "__main__":
    unittest.main(verbosity=2)

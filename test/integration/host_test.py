# SPDX-License-Identifier: MIT
"""`k2s run` and the commands that talk to it; configuration; switches."""
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import unittest
import urllib.request

from k2s import DEADLINE, WINDOWS, Running, TreeTest, free_port, native


class Host(TreeTest):
    def run_host(self, *arguments, config="services: {edge: {feature: httpproxy, settings: {addr: ['127.0.0.1:0']}}}"):
        self.host = Running(self, "k2s", "run", "--config", self.write("host.yaml", config), *arguments)
        return self.host

    def test_services_of_the_configuration_run_and_answer(self):
        host = self.run_host()
        host.wait_for("service started")
        state = self.data("k2s", "host", "status")
        self.assertEqual(state["state"], "running")
        self.assertEqual(state["services"][0]["instance"], "edge")
        self.assertEqual(state["services"][0]["status"]["addr"][0].split(":")[0], "127.0.0.1")
        second = self.fails(1, "k2s", "run")
        self.assertIn("already has the endpoint", second)
        self.succeed("k2s", "host", "stop")
        self.assertEqual(host.process.wait(60), 0)
        self.assertIn("k2s run", self.fails(6, "k2s", "host", "status"))

    def test_interrupt_drains_and_ends_with_0(self):
        host = self.run_host()
        host.wait_for("service started")
        self.assertEqual(host.end(signal.SIGINT), 0)
        self.assertTrue(any(record["msg"] == "stopping" for record in host.records()))

    def test_reload_adds_changes_and_removes_services(self):
        host = self.run_host()
        host.wait_for("service started")
        self.write("host.yaml", "services: {second: {feature: httpproxy, settings: {addr: ['127.0.0.1:0'], max_connections: 7}}}")
        self.assertEqual(self.data("k2s", "host", "reload"), {"reloaded": True})
        services = self.data("k2s", "host", "status")["services"]
        self.assertEqual([service["instance"] for service in services], ["second"])
        self.write("host.yaml", "services: {second: {feature: httpproxy, settings: {max_connections: many}}}")
        refused = self.fails(3, "k2s", "host", "reload")
        self.assertIn("max_connections", refused)
        services = self.data("k2s", "host", "status")["services"]
        self.assertEqual(services[0]["state"], "running")

    @unittest.skipIf(WINDOWS, "a console program has no SIGHUP")
    def test_hang_up_reloads(self):
        host = self.run_host()
        host.wait_for("service started")
        host.process.send_signal(signal.SIGHUP)
        host.wait_for("configuration reloaded")

    def test_a_failing_service_spares_the_others(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            host = self.run_host(config=f"""
services:
  bad: {{feature: httpproxy, settings: {{addr: ['{address}']}}}}
  good: {{feature: httpproxy, settings: {{addr: ['127.0.0.1:0']}}}}
""")
            host.wait_for("service started")
            services = {one["instance"]: one for one in self.data("k2s", "host", "status")["services"]}
        self.assertEqual(services["good"]["state"], "running")
        self.assertEqual(services["bad"]["state"], "failed")
        self.assertIn(address, services["bad"]["error"])
        self.data("k2s", "host", "reload")  # the address is free now
        services = {one["instance"]: one for one in self.data("k2s", "host", "status")["services"]}
        self.assertEqual(services["bad"]["state"], "running", services)

    def test_a_port_in_use_ends_the_tool_with_1(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.assertIn(address, self.fails(1, "httpproxy", "--addr", address))

    def test_loopback_http_is_read_only(self):
        port = free_port()
        host = self.run_host("--set", f"admin.http=127.0.0.1:{port}")
        host.wait_for("service started")
        base = f"http://127.0.0.1:{port}"
        for path, text in (("/healthz", "ok"), ("/readyz", "true"), ("/metrics", "k2s_httpproxy_requests_total"),
                           ("/state", "edge")):
            with urllib.request.urlopen(base + path, timeout=10) as answer:
                self.assertIn(text, answer.read().decode())
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(base + "/stop", method="POST"), timeout=10)
        self.assertIn(refused.exception.code, (403, 404, 405))
        self.assertIsNone(host.process.poll())

    def test_diagnostics_tell_what_plugins_know(self):
        host = self.run_host(config="services: {tick: {feature: ticker, settings: {period_ms: 10}}}")
        host.wait_for("service started")
        told = self.data("k2s", "host", "diagnostics")
        self.assertEqual(told["host"]["services"][0]["instance"], "tick")
        self.assertEqual(told["plugins"]["example"]["diagnostics"]["tickers"], 1)
        self.succeed("k2s", "host", "stop")
        self.assertEqual(host.process.wait(60), 0)
        self.fails(6, "k2s", "host", "diagnostics")

    def hooks(self, **commands):
        lines = [f"  {step}: {{command: {json.dumps(command)}, deadline_seconds: {limit}}}"
                 for step, (command, limit) in commands.items()]
        return "services: {tick: {feature: ticker}}\nhooks:\n" + "\n".join(lines) + "\n"

    def test_steps_and_hooks_run_beside_the_services(self):
        note = native(os.path.join(self.folder, "note.yaml"))
        exe = native(self.exe("yaml2json")[-1])
        self.write("note.yaml", "a: 1\n")
        host = self.run_host(config=self.hooks(started=([exe, "-input", note], 60),
                                               stopping=([exe, "-input", note], 60)))
        host.wait_for("the host has started", tickers=1)
        ended = host.wait_for("hook ended", step="started")
        self.assertIn('"a":1', ended["output"])
        self.succeed("k2s", "host", "stop")
        self.assertEqual(host.process.wait(60), 0)
        told = [(record["msg"], record.get("step")) for record in host.records()]
        steps = [("stopping", None), ("hook ended", "stopping"), ("the host is about to stop", None),
                 ("ticker stopped", None)]
        self.assertEqual([one for one in told if one in steps], steps)

    def test_a_hook_that_fails_or_hangs_stops_nothing(self):
        exe = native(self.exe("httpproxy")[-1])  # runs until it is ended
        hanging = [exe, "--addr", "127.0.0.1:0"]
        host = self.run_host(config=self.hooks(started=(hanging, 600), stopping=(hanging, 0.5)))
        host.wait_for("the host has started")
        self.assertEqual(self.data("k2s", "host", "status")["state"], "running")
        self.succeed("k2s", "host", "stop")  # does not wait for ten minutes
        self.assertEqual(host.process.wait(60), 0)
        ends = [(record["step"], record["end"]) for record in host.records()
                if record["msg"] == "hook failed"]
        self.assertEqual([step for step, _ in ends], ["started", "stopping"])
        self.assertIn("cancelled", ends[0][1])
        self.assertIn("deadline", ends[1][1])
        missing = self.run_host(config=self.hooks(started=(["no-such-program"], 5)))
        self.assertIn("no-such-program", missing.wait_for("hook failed")["end"])
        self.assertEqual(self.data("k2s", "host", "status")["state"], "running")

    def test_safe_mode_runs_nothing(self):
        self.run_host("--safe-mode")
        self.assertEqual(self.until_it_answers()["services"], [])


class Configuration(TreeTest):
    def test_errors_name_file_line_and_pointer(self):
        for name, content, parts in (
                ("type.yaml", "log:\n  max_bytes: lots\n", ("type.yaml:2:", "/log/max_bytes")),
                ("unknown.yaml", "services:\n  x: {feature: htpproxy}\n", ("unknown.yaml:2:", "httpproxy")),
                ("key.yaml", "lgo: {}\n", ("key.yaml:1:", "lgo")),
                ("bytes.yaml", b"log: {level: \xff\xfe}\n", ("bytes.yaml", "UTF-8")),
                ("twice.json", '{"log": {}, "log": {}}', ("twice.json:1:", "log"))):
            with self.subTest(name):
                said = self.fails(3, "k2s", "run", "--config", self.write(name, content))
                for part in parts:
                    self.assertIn(part, said)

    def test_a_missing_file_is_not_found(self):
        self.assertIn("missing.yaml", self.fails(6, "k2s", "run", "--config", native(self.folder + "/missing.yaml")))

    def test_layers_override_and_tell_their_origin(self):
        file = self.write("layers.yaml", "log: {level: warn, files: 3}\n")
        values = {row["key"]: row for row in json_rows(self, file)}
        self.assertEqual(values["log.level"]["value"], "debug")
        self.assertIn("--set", values["log.level"]["origin"])
        self.assertEqual(values["log.files"]["value"], 9)
        self.assertIn("K2S_LOG__FILES", values["log.files"]["origin"])

    def test_validate_and_schema(self):
        good = self.write("good.yaml", "log: {level: info}\n")
        self.assertTrue(self.data("k2s", "config", "validate", good)["valid"])
        bad = self.run_tool("k2s", "config", "validate", self.write("bad.yaml", "log: 1\n"), "--format", "json")
        self.assertEqual(bad.returncode, 3)
        self.assertIn("bad.yaml:1", bad.stdout)
        self.assertIn("httpproxy", self.succeed("k2s", "config", "schema", "--format", "json"))


def json_rows(test, file):
    return json.loads(test.succeed("k2s", "config", "show", "--origin", "--config", file, "--set",
                                   "log.level=debug", "--format", "json", env={"K2S_LOG__FILES": "9"}))


class Switches(TreeTest):
    def test_a_disabled_plugin_stays_off_until_enabled(self):
        would = self.data("k2s", "plugin", "disable", "storage", "--dry-run")
        self.assertIn("would", would)
        self.succeed("yaml2json", input="a: 1\n")
        self.addCleanup(self.run_tool, "k2s", "plugin", "enable", "storage")
        self.data("k2s", "plugin", "disable", "storage")
        self.assertIn("switched off", self.fails(4, "yaml2json", input="a: 1\n"))
        states = {row["id"]: row["state"] for row in self.data("k2s", "plugin", "list")}
        self.assertEqual((states["storage"], states["vm"]), ("disabled", "usable"))
        self.data("k2s", "plugin", "enable", "storage")
        self.assertEqual(self.succeed("yaml2json", input="a: 1\n"), '{"a":1}\n')

    def test_a_running_host_follows(self):
        host = Running(self, "k2s", "run", "--set", 'features.httpproxy.settings.addr=["127.0.0.1:0"]',
                       "--set", "features.l4proxy.enabled=false")
        host.wait_for("service started")
        for kind, name in (("feature", "httpproxy"), ("plugin", "networking")):
            with self.subTest(kind):
                self.addCleanup(self.run_tool, "k2s", kind, "enable", name)
                self.assertEqual(self.data("k2s", kind, "disable", name)["running_host"], "default")
                self.assertEqual(self.data("k2s", "host", "status")["services"], [])
                self.data("k2s", kind, "enable", name)
                services = self.data("k2s", "host", "status")["services"]
                self.assertEqual([one["state"] for one in services], ["running"])

    def run_ticker(self, *words):
        host = Running(self, "k2s", "run", "--set", "features.ticker.enabled=true",
                       "--set", "features.httpproxy.enabled=false",
                       "--set", "features.l4proxy.enabled=false", *words)
        host.wait_for("service started")
        return host

    @unittest.skipIf(WINDOWS, "wine lists no pipes")
    def test_every_host_is_told(self):
        hosts = {name: self.run_ticker("--name", name) for name in ("one", "two")}
        self.addCleanup(self.run_tool, "k2s", "plugin", "enable", "example")
        self.assertEqual(self.data("k2s", "plugin", "disable", "example")["running_host"], "one, two")
        for name in hosts:
            self.assertEqual(self.data("k2s", "host", "status", "--name", name)["services"], [])
        hosts["one"].kill()  # its socket stays
        self.assertEqual(self.data("k2s", "plugin", "enable", "example")["running_host"], "two")
        hosts["two"].wait_for("service started")

    def test_a_configured_endpoint_is_one_host(self):
        path = "\\\\.\\pipe\\k2s-test-%d" % os.getpid() if WINDOWS else self.folder + "/here.sock"
        other = self.run_ticker("--name", "elsewhere")
        config = self.write("endpoint.json", json.dumps({"admin": {"socket": path}}))
        host = self.run_ticker("--config", config)
        self.addCleanup(self.run_tool, "k2s", "plugin", "enable", "example")
        told = self.data("k2s", "plugin", "disable", "example", "--config", config)
        self.assertEqual(told["running_host"], "default")
        self.assertEqual(sum(one["msg"] == "configuration reloaded" for one in host.records()), 1)
        self.assertFalse([one for one in other.records() if one["msg"] == "configuration reloaded"])

    @unittest.skipIf(WINDOWS, "each start takes long under wine")
    def test_operators_at_once(self):
        """Each sees done what it asked for, and nobody's wish is lost, whoever else asks."""
        features = ("httpproxy", "l4proxy", "ticker")
        on = {"ticker": {"enabled": True}, "httpproxy": {"settings": {"addr": ["127.0.0.1:0"]}}}
        host = Running(self, "k2s", "run", "--config", self.write("all.json", json.dumps({"features": on})))
        host.wait_for("service started")
        wrong = []

        def operator(feature, words):
            for word in words:
                done = self.run_tool("k2s", "feature", word, feature)
                running = [one["instance"] for one in self.data("k2s", "host", "status")["services"]]
                if done.returncode != 0 or (feature in running) != (word == "enable"):
                    wrong.append((feature, word, running, done.stderr))

        for feature in features:
            self.addCleanup(self.run_tool, "k2s", "feature", "enable", feature)
        operators = [threading.Thread(target=operator, args=(feature, ["disable", "enable"] * 4 + ["disable"]))
                     for feature in features]
        for one in operators:
            one.start()
        for one in operators:
            one.join()
        self.assertEqual(wrong, [])
        folder = os.path.join(self.folder, "state", "switches")
        for feature in features:
            with open(os.path.join(folder, f"features.{feature}"), encoding="utf-8") as file:
                self.assertEqual(file.read(), "false")
        # Two about the same one: the last word counts, and it is whole.
        both = [subprocess.Popen(self.exe("k2s") + ["feature", word, "ticker"], env=self.environment,
                                 stdout=subprocess.DEVNULL) for word in ("enable", "disable") * 4]
        self.assertEqual([one.wait(DEADLINE) for one in both], [0] * len(both))
        with open(os.path.join(folder, "features.ticker"), encoding="utf-8") as file:
            self.assertIn(file.read(), ("true", "false"))
        self.assertEqual([name for name in os.listdir(folder) if not name.startswith(("features.", "plugins."))], [])

    def test_a_new_plugin_path_counts_at_once(self):
        more = os.path.join(self.folder, "more")
        os.mkdir(more)
        shutil.move(os.path.join(self.tree, "lib/k2s/plugins/example"), more)
        self.addCleanup(shutil.move, os.path.join(more, "example"), os.path.join(self.tree, "lib/k2s/plugins"))
        off = {"httpproxy": {"enabled": False}, "l4proxy": {"enabled": False}}
        config = self.write("path.json", json.dumps({"features": off}))
        host = Running(self, "k2s", "run", "--config", config)
        self.until_it_answers()
        off["ticker"] = {"enabled": True}
        self.write("path.json", json.dumps({"features": off}))
        self.assertIn("ticker", self.fails(3, "k2s", "host", "reload"))  # nobody has it yet
        self.write("path.json", json.dumps({"features": off, "plugin_path": [native(more)]}))
        self.data("k2s", "host", "reload")
        host.wait_for("ticker started")
        self.write("path.json", json.dumps({"features": off}))  # gone, so the rest is refused
        self.fails(3, "k2s", "host", "reload")
        services = self.data("k2s", "host", "status")["services"]
        self.assertEqual([(one["instance"], one["state"]) for one in services], [("ticker", "running")])

    def test_what_is_unknown_is_not_found(self):
        self.assertIn("k2s plugin list", self.fails(6, "k2s", "plugin", "disable", "nonesuch"))


if __name__ == "__main__":
    unittest.main(verbosity=2)

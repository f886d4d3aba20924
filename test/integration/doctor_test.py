# SPDX-License-Identifier: MIT
"""k2s doctor finds what is wrong and says what to do; k2s dump gathers it without secrets."""
import json
import os
import socket
import stat
import unittest
import zipfile

from k2s import WINDOWS, Running, TreeTest, native


class Doctor(TreeTest):
    def findings(self, *words, code=0):
        done = self.run_tool("k2s", "doctor", "--format", "json", *words)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return json.loads(done.stdout)

    def failures(self, *words):
        return [one for one in self.findings(*words, code=1) if one["state"] == "fail"]

    def test_a_healthy_tree(self):
        found = {one["check"]: one["state"] for one in self.findings()}
        for check in ("tree", "state folder", "run folder", "log folder", "configuration", "plugins",
                      "trust", "system"):
            self.assertEqual(found[check], "ok", found)

    def test_a_part_is_missing(self):
        name = "bin/k2s-archive.dll" if WINDOWS else "lib/libk2s-archive.so"
        path = os.path.join(self.tree, name)
        os.rename(path, path + ".away")
        self.addCleanup(os.rename, path + ".away", path)
        found = self.failures()
        self.assertEqual([one["remedy"] for one in found], ["install the tree again"], found)

    def test_a_broken_plugin(self):
        folder = os.path.join(self.tree, "lib/k2s/plugins/broken")
        os.mkdir(folder)
        with open(os.path.join(folder, "plugin.json"), "w") as file:
            file.write("{")
        self.addCleanup(os.rmdir, folder)
        self.addCleanup(os.unlink, os.path.join(folder, "plugin.json"))
        found = self.failures()
        self.assertIn("plugin.json", found[0]["text"])

    def test_unsigned_plugins(self):
        found = self.failures("--set", "trust=enforce")
        self.assertTrue(all("not signed" in one["text"] for one in found), found)
        self.assertTrue(all("trust add" in one["remedy"] for one in found), found)

    def test_configuration(self):
        config = self.write("bad.json", json.dumps({"features": {"nonesuch": {"enabled": True}}}))
        found = self.failures("--config", config)
        self.assertIn("nonesuch", found[0]["text"])

    @unittest.skipIf(WINDOWS, "modes")
    def test_a_folder_that_cannot_be_written(self):
        done = self.run_tool("k2s", "doctor", "--format", "json", env={"K2S_STATE_DIR": "/proc/nothing"})
        self.assertEqual(done.returncode, 1, done.stderr)
        failed = [one["check"] for one in json.loads(done.stdout) if one["state"] == "fail"]
        self.assertEqual(failed, ["state folder"])

    def test_plugins_that_no_host_runs(self):
        found = {one["check"]: one for one in self.findings()}
        if WINDOWS:
            self.assertEqual(found["cni: HNS"]["state"], "warn", "wine has none")
            self.assertIn("Containers", found["cni: HNS"]["remedy"])
        elif os.geteuid() == 0:
            before = os.listdir("/sys/class/net")
            for check in ("cni: bridge", "cni: veth", "cni: nftables"):
                self.assertEqual(found[check]["state"], "ok", found[check])
            self.assertEqual(os.listdir("/sys/class/net"), before)
        else:
            self.assertIn("root", found["cni: kernel"]["text"])

    def test_a_running_host(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            host = Running(self, "k2s", "run", "--set", "services.ticks.feature=ticker",
                           "--set", "services.edge.feature=httpproxy", "--set",
                           f"services.edge.settings.addr=[\"127.0.0.1:{taken.getsockname()[1]}\"]")
            host.wait_for("service started")
            found = self.findings(code=1)
            self.assertIn(("example: tickers", "they tick"), [(one["check"], one["text"]) for one in found])
            failed = [one["text"] for one in found if one["state"] == "fail"]
            self.assertEqual(len(failed), 1, failed)
            self.assertIn("service 'edge' of host 'default'", failed[0])

    def test_ports(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            words = ("--set", "services.edge.feature=httpproxy",
                     "--set", f"services.edge.settings.addr=[\"127.0.0.1:{port}\"]")
            failed = self.failures(*words)
            self.assertEqual([one["check"] for one in failed], ["ports"], failed)
            self.assertIn(f"'edge' cannot listen on 127.0.0.1:{port}", failed[0]["text"])
        self.findings(*words)

    def test_dump(self):
        host = Running(self, "k2s", "run", "--set", "features.httpproxy.enabled=false",
                       "--set", "features.l4proxy.enabled=false", "--set", "features.ticker.enabled=true")
        host.wait_for("service started")
        path = os.path.join(self.folder, "dump.zip")
        told = self.data("k2s", "dump", native(path))
        if not WINDOWS:
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with zipfile.ZipFile(path) as inside:
            self.assertEqual(sorted(inside.namelist()), sorted(told["files"]))
            for name in ("version.txt", "doctor.json", "plugins.json", "config.json", "host-default.json"):
                self.assertTrue(inside.read(name), name)
            state = json.loads(inside.read("host-default.json"))
            self.assertIn("example", state["plugins"])
            self.assertTrue([name for name in inside.namelist() if name.startswith("log-")])
        self.assertIn("logs", told["note"])

    def test_dump_hides_secrets(self):
        secret = "correct horse battery staple"
        config = self.write("secret.json", json.dumps(
            {"features": {"httpproxy": {"settings": {"forwardproxy": f"http://user:{secret.replace(' ', '-')}@p:1"}}}}))
        path = os.path.join(self.folder, "secret.zip")
        self.run_tool("k2s", "dump", native(path), "--config", config)
        with zipfile.ZipFile(path) as inside:
            for name in inside.namelist():
                self.assertNotIn(secret.replace(" ", "-").encode(), inside.read(name), name)


if __name__ == "__main__":
    unittest.main(verbosity=2)

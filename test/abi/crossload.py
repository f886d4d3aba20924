# SPDX-License-Identifier: MIT
"""Plugins and hosts of different minors of the ABI meet: plugins that were built with the headers of each
release in today's host, and today's plugins in hosts with shorter or longer tables."""
import glob
import json
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from k2s import DEADLINE, STAGE, WINDOWS, WRAPPER, Running, TreeTest, native  # noqa: E402

BUILT = os.environ["K2S_CROSSLOAD"]
SUFFIX = ".dll" if WINDOWS else ".so"
MANIFEST = {
    "manifest": 1, "id": "old", "version": "1.0.0", "summary": "From an older ABI", "library": "old",
    "features": [{"id": "old", "kind": "command", "summary": "Use everything"},
                 {"id": "old-service", "kind": "service", "summary": "Serve", "enabled": False}],
    "commands": [{"path": ["old"], "feature": "old", "summary": "Use everything",
                  "arguments": [{"name": "program", "type": "path", "required": True, "help": "to run"}]}],
}


class OldPlugin(TreeTest):
    def install(self, minor):
        folder = os.path.join(self.tree, "lib/k2s/plugins/old")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        shutil.copyfile(os.path.join(BUILT, f"old-1.{minor}{SUFFIX}"), os.path.join(folder, "old" + SUFFIX))
        with open(os.path.join(folder, "plugin.json"), "w", encoding="utf-8") as file:
            json.dump(MANIFEST | {"abi": {"major": 1, "minor": minor}}, file)

    def minors(self):
        found = sorted(int(path.rsplit(".", 2)[-2]) for path in glob.glob(os.path.join(BUILT, "old-1.*" + SUFFIX)))
        self.assertEqual(found, list(range(len(found))))
        self.assertTrue(found)
        return found

    def test_works_in_todays_host(self):
        program = native(self.exe("yaml2json")[-1])
        for minor in self.minors():
            self.install(minor)
            for place in ("none", "process"):
                with self.subTest(minor=minor, isolation=place):
                    where = ("--set", "plugins.old.isolation=" + place)
                    done = self.run_tool("k2s", "old", program, *where, env={"K2S_OLD": "set"})
                    self.assertEqual((done.returncode, done.stdout), (7, "all is as it was\n"), done.stderr)
                    self.assertIn("an old record", done.stderr)
                    host = Running(self, "k2s", "run", "--set", "services.one.feature=old-service", *where)
                    host.wait_for("service started")
                    state = self.data("k2s", "host", "status")["services"][0]
                    self.assertEqual(state["status"], {"name": "one", "abi_minor": minor})
                    self.succeed("k2s", "host", "reload")
                    self.succeed("k2s", "host", "stop")
                    self.assertEqual(host.process.wait(60), 0, host.output())


class OldHost(unittest.TestCase):
    def test_todays_plugins_look_before_they_call(self):
        libraries = [path for path in sorted(glob.glob(os.path.join(STAGE, "lib/k2s/plugins/*/*" + SUFFIX)))]
        self.assertGreaterEqual(len(libraries), 3)
        program = os.path.join(BUILT, "short_host" + (".exe" if WINDOWS else ""))
        done = subprocess.run([*WRAPPER, program, *map(native, libraries)], capture_output=True, text=True,
                              timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)

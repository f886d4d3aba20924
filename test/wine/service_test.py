# SPDX-License-Identifier: MIT
"""`k2s run` as a Windows service: the service manager starts it, sees it run, and stops it."""
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from k2s import WRAPPER, TreeTest, native  # noqa: E402

SERVICE = "k2s-test-service"


class Service(TreeTest):
    def sc(self, *arguments):
        return subprocess.run([*WRAPPER, "sc.exe", *arguments], capture_output=True, text=True,
                              env=self.environment, timeout=120)

    def eventually(self, wanted, seconds=60):
        end = time.monotonic() + seconds
        while not wanted():
            self.assertLess(time.monotonic(), end, "it did not happen in time")
            time.sleep(0.2)

    def status(self):
        return self.run_tool("k2s", "host", "status", "--name", "svc", "--format", "json")

    def test_start_and_stop(self):
        config = self.write("service.yaml", "services: {edge: {feature: httpproxy, settings: {addr: ['127.0.0.1:0']}}}")
        program = native(os.path.join(self.tree, "bin", "k2s.exe"))
        made = self.sc("create", SERVICE, "binPath=", f'"{program}" run --name svc --config "{config}"')
        self.assertEqual(made.returncode, 0, made.stdout)
        self.addCleanup(self.sc, "delete", SERVICE)
        self.addCleanup(self.sc, "stop", SERVICE)
        self.assertEqual(self.sc("start", SERVICE).returncode, 0)
        self.eventually(lambda: '"state": "running"' in self.status().stdout)
        self.assertEqual(self.sc("stop", SERVICE).returncode, 0)
        self.eventually(lambda: self.status().returncode == 6)


if __name__ == "__main__":
    unittest.main(verbosity=2)

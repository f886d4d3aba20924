# SPDX-License-Identifier: MIT
"""kill -9 and a full disk in the middle of what changes the store: what was there stays whole, nothing is
half-visible, and a second run mends the rest. K2S_SLOW: many kills instead of a few."""
import os
import subprocess
import time
import unittest

from images import ROOT, Images, at_once
from k2s import native
from registry_double import Registry

KILLS = 60 if os.environ.get("K2S_SLOW") else 4
KEEP = "docker.io/library/keep:1"


class Faults(Images):
    def prepare(self, megabytes):
        """What each command needs that is done to a store: an image, a larger one as an archive, a registry."""
        self.big = self.file("big", os.urandom(megabytes << 20))
        self.archive = self.base + "/big.tar"
        source = self.base + "/source"
        self.image("build", "--platform", "linux/amd64", "--add", native(self.big) + ":/big", "--compression", "none",
                   "-t", "big:1", store=source)
        self.image("export", "big:1", native(self.archive), store=source)
        server = Registry(megabytes=megabytes)
        self.addCleanup(server.end)
        return {
            "build": ("build", "--add", native(self.big) + ":/big", "--compression", "none", "-t", "big:1"),
            "import": ("import", native(self.archive)),
            "pull": ("pull", "--plain-http", "--platform", "linux/amd64", server.host + "/big:1"),
            "tag": ("tag", "keep:1", "other:1"),
        }

    def sound(self, store, digest):
        """Every image is whole, and the old one is the old one."""
        names = self.names(store)
        self.assertEqual(names.pop(KEEP), digest)
        self.assertLessEqual(len(names), 1)
        self.assertEqual({problem for entry in self.image("verify", store=store) for problem in entry["problems"]}, set())
        return names


class Killed(Faults):
    def test_at_any_time(self):
        commands = self.prepare(megabytes=4)

        def killed(name, words):
            store = f"{self.base}/killed-{name}"
            digest = self.build("keep:1", store=store)
            begin = time.monotonic()
            self.image(*words, store=store)  # how long it takes
            whole = time.monotonic() - begin
            done = self.sound(store, digest)
            half = 0
            for number in range(KILLS):
                self.image("rm", *done, store=store)
                process = subprocess.Popen(self.exe("k2s") + self.words(*words, store=store), env=self.environment,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(whole * (number + 0.5) / KILLS)
                process.kill()
                process.wait()
                names = self.sound(store, digest)
                self.assertIn(names, ({}, done))
                half += not names
                if not names:  # a second run mends it
                    self.image(*words, store=store)
                    self.assertEqual(self.sound(store, digest), done)
            self.image("rm", *done, store=store)
            self.assertEqual(self.ingest(store), [])
            self.assertEqual(len(self.blobs(store)), 3)
            self.assertGreater(half, 0, f"no kill met {name}")
        at_once(*(lambda item=item: killed(*item) for item in commands.items()))


@unittest.skipUnless(ROOT, "needs root to mount a small file system; under wine the store has no file system of its own")
class Full(Faults):
    def test_full_disk(self):
        os.makedirs(self.store)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", self.store], check=False).returncode:
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.store], check=True)
        commands = self.prepare(megabytes=6)
        digest = self.build("keep:1")
        for name in ("build", "import", "pull"):
            self.assertIn("No space left", self.refuses(1, *commands[name]))
            self.assertEqual(self.sound(self.store, digest), {})
            self.assertEqual([part for part in self.ingest() if not part.startswith("pull-")], [])
        self.image("prune")  # half a download was kept for the next one
        self.assertEqual(self.ingest(), [])
        filler = self.store + "/filler"
        with open(filler, "wb", buffering=0) as file:
            with self.assertRaises(OSError):
                while True:
                    file.write(bytes(4096))
        self.assertIn("No space left", self.refuses(1, *commands["tag"]))
        self.assertEqual(self.sound(self.store, digest), {})
        os.remove(filler)
        self.image(*commands["tag"])
        self.assertEqual(len(self.sound(self.store, digest)), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)

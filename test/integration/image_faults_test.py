# SPDX-License-Identifier: MIT
"""kill -9 and a full disk in the middle of what changes the store: what was there stays whole, nothing is
half-visible, and a second run mends the rest. K2S_SLOW: many kills instead of a few."""
import os
import shutil
import subprocess
import time
import unittest

from images import ROOT, Images, at_once
from k2s import WINDOWS, native
from registry_double import Registry

KILLS = 60 if os.environ.get("K2S_SLOW") else 2 if WINDOWS else 4
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

    def kill(self, moment, *words, **options):
        process = subprocess.Popen(self.exe("k2s") + self.words(*words, **options), env=self.environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment)
        process.kill()
        process.wait()

    def moments(self, run):
        """When to kill what takes as long as this run."""
        begin = time.monotonic()
        run()
        whole = time.monotonic() - begin
        return [whole * (number + 0.5) / KILLS for number in range(KILLS)]

    def with_many_blobs(self, store):
        """`keep:1`, and `many:1` of eight layers; the digest of the first."""
        digest = self.build("keep:1", store=store)
        for number in range(8):
            self.image("build", *(("--from", "many:1") if number else ()), "--platform", "linux/amd64", "--add",
                       native(self.file(f"part/{number}", os.urandom(1 << 18))) + f":/{number}", "-t", "many:1",
                       store=store)
        self.image("prune", store=store)
        return digest

    def test_removing(self):
        full = self.base + "/full"
        digest = self.with_many_blobs(full)
        orphans = self.base + "/orphans"  # as a kill between the name and the blobs leaves it
        shutil.copytree(full, orphans)
        small = self.base + "/small"
        self.build("keep:1", store=small)
        shutil.copyfile(small + "/index.json", orphans + "/index.json")

        def killed(command, origin, words):
            def copy(number):
                shutil.copytree(origin, f"{self.base}/{command}-{number}")
                return f"{self.base}/{command}-{number}"
            trial = copy("trial")
            for number, moment in enumerate(self.moments(lambda: self.image(command, *words, store=trial))):
                store = copy(number)
                self.kill(moment, command, *words, store=store)
                if self.sound(store, digest):
                    self.image(command, *words, store=store)
                self.image("prune", store=store)
                self.assertEqual((len(self.blobs(store)), self.ingest(store)), (3, []))
                self.assertEqual(self.sound(store, digest), {})
        at_once(lambda: killed("rm", full, ["many:1"]), lambda: killed("prune", orphans, []))

    def test_exporting(self):
        self.prepare(megabytes=4)
        self.image("import", native(self.archive))
        whole = os.path.join(self.base, "whole")
        half = 0
        for number, moment in enumerate(self.moments(lambda: self.image("export", "big:1", native(whole)))):
            folder = f"{self.base}/out-{number}"
            os.makedirs(folder)
            target = folder + "/target"
            with open(target, "w", encoding="utf-8") as file:
                file.write("old")
            self.kill(moment, "export", "big:1", native(target))
            with open(target, "rb") as file, open(whole, "rb") as expected:
                content, expected = file.read(), expected.read()
            self.assertTrue(content in (b"old", expected))
            half += content == b"old"
            self.assertEqual(os.listdir(folder), ["target"])
            self.image("export", "big:1", native(target))
            with open(target, "rb") as file:
                self.assertTrue(file.read() == expected)
        self.assertGreater(half, 0)

    def test_pushing(self):
        digest = self.build(content=os.urandom(40 << 20))  # three pieces
        here = {"sha256:" + name for name in self.blobs()} - {digest}

        def push(server):
            return "push", "x:1", f"{server.host}/x:1", "--plain-http"

        def registry():
            server = Registry()
            self.addCleanup(server.end)
            return server
        half = 0
        for moment in self.moments(lambda server=registry(): self.image(*push(server))):
            server = registry()
            self.kill(moment, *push(server))
            if server.manifest_digest == digest:  # named last: all of it is there
                self.assertEqual(here - set(server.blobs), set())
            else:
                half += 1
                self.image(*push(server))
                self.assertEqual((server.manifest_digest, here - set(server.blobs)), (digest, set()))
            self.assertEqual(self.ingest(), [])
        self.assertGreater(half, 0)


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
        # An export beside the store.
        out = self.store + "/out"
        self.assertIn("No space left", self.refuses(1, "export", "keep:1", out))
        os.remove(filler)
        self.assertNotIn("out", os.listdir(self.store))
        with open(out, "w", encoding="utf-8") as file:
            file.write("old")
        source = self.base + "/source"
        for kind in ("oci-archive", "docker-archive"):
            self.assertIn("No space left", self.refuses(1, "export", "big:1", out, "--as", kind, store=source))
            with open(out, encoding="utf-8") as file:
                self.assertEqual(file.read(), "old")
        os.remove(out)
        self.assertEqual(sorted(os.listdir(self.store)), [".k2s", "blobs", "index.json", "oci-layout"])
        other = self.store + "/layout"
        self.assertIn("No space left", self.refuses(1, "export", "big:1", other, "--as", "layout", store=source))
        self.assertEqual(self.image("ls", store=other), [])
        shutil.rmtree(other)
        self.image(*commands["tag"])
        self.assertEqual(len(self.sound(self.store, digest)), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)

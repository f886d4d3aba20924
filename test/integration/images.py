# SPDX-License-Identifier: MIT
"""What the tests of `k2s image` share."""
import concurrent.futures
import os
import shutil
import unittest

from k2s import WINDOWS, TreeTest, native

ROOT = not WINDOWS and os.geteuid() == 0


def needs(*tools):
    """Of the build machine; what they and we exchange are files and connections."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    return unittest.skipIf(missing, f"needs {', '.join(missing)}")


class Images(TreeTest):
    def setUp(self):
        self.base = os.path.join(self.folder, self._testMethodName)
        os.makedirs(self.base)
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)
        self.store = os.path.join(self.base, "store")

    def file(self, name, content=b"content"):
        path = os.path.join(self.base, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)
        return path

    def words(self, command, *arguments, store=None):
        return ["image", command, *arguments, "--store", native(store or self.store)]

    def image(self, command, *arguments, **options):
        return self.data("k2s", *self.words(command, *arguments, **options))

    def refuses(self, code, command, *arguments, **options):
        env = options.pop("env", {})
        done = self.run_tool("k2s", *self.words(command, *arguments, **options), env=env)
        self.assertEqual(done.returncode, code, (done.stdout, done.stderr))
        return done.stderr

    def build(self, name="x:1", *arguments, content=b"content", store=None):
        path = self.file(os.path.basename(store or "x") + "/file", content)
        return self.image("build", "--platform", "linux/amd64", "--add", native(path) + ":/bin/file",
                          "--chmod", "0755", "-t", name, *arguments, store=store)["digest"]

    def blobs(self, store=None):
        return sorted(os.listdir((store or self.store) + "/blobs/sha256"))

    def ingest(self, store=None):
        return os.listdir((store or self.store) + "/.k2s/ingest")

    def names(self, store=None):
        return {entry["name"]: entry["digest"] for entry in self.image("ls", store=store)}


def at_once(*parts):
    """Runs what does not depend on each other; the first failure is the test's."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(part) for part in parts]:
            done.result()

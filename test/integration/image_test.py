# SPDX-License-Identifier: MIT
"""`k2s image` as users call it, beside skopeo, umoci and podman where they are installed, and at moments that
mean it ill."""
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
import unittest

from images import ROOT, Images, at_once, needs
from k2s import WINDOWS, native


class Commands(Images):
    def test_the_life_of_an_image(self):
        digest = self.build("web:1", "--entrypoint", "/bin/file", "--env", "A=1")
        self.assertEqual(self.build("web:1", "--entrypoint", "/bin/file", "--env", "A=1", "--threads", "3"), digest)
        self.image("tag", "web:1", "registry.local/web:2")
        listed = self.image("ls")
        self.assertEqual({entry["name"] for entry in listed},
                         {"docker.io/library/web:1", "registry.local/web:2"})
        self.assertEqual({entry["platforms"] for entry in listed}, {"linux/amd64"})
        shown = self.image("inspect", "web:1")["images"][0]
        self.assertEqual(shown["configuration"]["config"], {"Env": ["A=1"], "Entrypoint": ["/bin/file"]})
        self.assertEqual(self.image("verify")[0]["problems"], [])
        archive = self.base + "/web.tar"
        self.image("export", "web:1", native(archive))
        self.image("rm", "web:1", "registry.local/web:2")
        self.assertEqual(self.blobs(), [])
        self.assertEqual(self.image("import", native(archive), "--verify")[0]["digest"], digest)
        self.assertEqual(self.image("ls")[0]["name"], "docker.io/library/web:1")
        self.assertIn("no image", self.refuses(6, "rm", "web:1", "web:7"))
        self.assertEqual(len(self.image("ls")), 1)
        self.assertIn("is no image name", self.refuses(2, "tag", "web:1", "Web"))

    def test_the_originals_spelling(self):
        path = self.file("f")
        self.image("build", "--add", native(path) + ":/f", "-n", "local.host/app", "-t", "v1")
        archive = native(self.base + "/a.tar")
        self.image("export", "-n", "local.host/app:v1", "-t", archive, "--docker-archive")
        self.image("rm", "local.host/app:v1")
        self.assertEqual(self.image("import", "-t", archive, "--docker-archive")[0]["name"], "local.host/app:v1")

    def test_platforms_under_one_name(self):
        path = native(self.file("f"))
        for platform in ("linux/amd64", "linux/arm64", "windows/amd64:10.0.20348.1", "linux/amd64"):
            self.image("build", "--platform", platform, "--add", path + ":/f", "-t", "m:1", "--merge")
        self.assertEqual(self.image("ls")[0]["platforms"], "linux/amd64, linux/arm64, windows/amd64:10.0.20348.1")
        self.assertIn("nothing for linux/riscv64",
                      self.refuses(6, "export", "m:1", native(self.base + "/d.tar"), "--docker-archive",
                                   "--platform", "linux/riscv64"))

    def test_pause_is_built_from_the_tree(self):
        other = self.file("pause.exe" if not WINDOWS else "pause", b"the other system's")
        option = "--pause" if WINDOWS else "--pause-exe"
        first = self.image("build-pause", option, native(other))
        self.assertEqual(first["platforms"], ["linux/amd64", "windows/amd64"])
        self.assertEqual(self.image("build-pause", option, native(other))["digest"], first["digest"])
        self.assertEqual(self.image("verify", "k2s/pause")[0]["problems"], [])

    def test_damage_is_told(self):
        self.build()
        largest = max(self.blobs(), key=lambda name: os.path.getsize(f"{self.store}/blobs/sha256/{name}"))
        with open(f"{self.store}/blobs/sha256/{largest}", "r+b") as blob:
            blob.seek(-3, os.SEEK_END)
            blob.write(b"!!!")
        done = self.run_tool("k2s", *self.words("verify"), "--format", "json")
        self.assertEqual(done.returncode, 1, done.stderr)
        problem, = json.loads(done.stdout)[0]["problems"]
        self.assertIn(largest, problem)
        self.assertIn(problem, done.stderr)

    def test_source_date_epoch(self):
        path = native(self.file("f"))
        arguments = self.words("build", "--add", path + ":/f", "-t", "e:1")
        self.succeed("k2s", *arguments, env={"SOURCE_DATE_EPOCH": "86400"})
        self.assertEqual(self.image("inspect", "e:1")["images"][0]["configuration"]["created"], "1970-01-02T00:00:00Z")
        done = self.run_tool("k2s", *arguments, env={"SOURCE_DATE_EPOCH": "now"})
        self.assertEqual(done.returncode, 2)

    def test_reset_of_layer_stores(self):
        root = self.base + "/containerd/root"
        for number in (1, 2, 10):
            self.file(f"containerd/root/io.containerd.snapshotter.v1.windows/snapshots/{number}/Files/x")
        call = ("image", "reset-win-storage", "--containerd", native(root), "--docker", native(root))
        self.assertIn("--force", self.fails(2, "k2s", *call[:4]))
        self.assertEqual(self.data("k2s", *call[:4], "--dry-run")[0]["removed"], False)
        self.assertTrue(os.path.exists(root))
        self.assertEqual(self.data("k2s", *call[:4], "-f")[0]["removed"], True)
        self.assertFalse(os.path.exists(root))
        self.fails(6, "k2s", *call[:4], "-f")


class Bombs(Images):
    """Little that becomes much: refused or read with little memory, and nothing of it stays."""

    def archive(self, *entries, compressed=False):
        """A Docker archive: names, contents and what stands in their pax headers."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, content, headers in entries:
                info = tarfile.TarInfo(name)
                info.size, info.pax_headers = len(content), headers
                archive.addfile(info, io.BytesIO(content))
        data = packed.getvalue()
        return native(self.file("bomb.tar", gzip.compress(data, 1) if compressed else data))

    def image_of(self, layer, diff_id, headers=None):
        config = json.dumps({"os": "linux", "architecture": "amd64",
                             "rootfs": {"type": "layers", "diff_ids": [diff_id]}}).encode()
        manifest = json.dumps([{"Config": "c.json", "RepoTags": ["bomb:1"], "Layers": ["layer.tar"]}]).encode()
        return (("manifest.json", manifest, {}), ("c.json", config, {}), ("layer.tar", layer, headers or {}))

    def in_little_memory(self, command, *words):
        """Its exit code."""
        process = subprocess.Popen(self.exe("k2s") + self.words(command, *words), env=self.environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if WINDOWS:
            return process.wait()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if not os.environ.get("K2S_SANITIZED"):
            self.assertLess(usage.ru_maxrss, 40_000)
        return process.returncode

    def test_a_layer_that_becomes_a_gigabyte(self):
        piece = bytes(1 << 20)
        header = tarfile.TarInfo("zeros")
        header.size = 1 << 30
        start, end = header.tobuf(), bytes(1024)
        digest = hashlib.sha256(start)
        for _ in range(1024):
            digest.update(piece)
        digest.update(end)
        layer = gzip.compress(start) + gzip.compress(piece) * 1024 + gzip.compress(end)
        self.image("import", self.archive(*self.image_of(layer, "sha256:" + digest.hexdigest())))
        self.assertEqual(self.in_little_memory("verify"), 0)
        self.assertEqual(self.in_little_memory("verify", "--max-layer", "100000000"), 1)
        said = self.refuses(1, "verify", "--max-layer", "100000000")
        self.assertIn("zeros", said)
        self.assertIn("limit", said)

    def test_archives_that_become_more_than_they_have(self):
        store = self.build("keep:1")
        layer = bytes(1024)
        diff_id = "sha256:" + hashlib.sha256(layer).hexdigest()
        parts = self.image_of(layer, diff_id)
        self.assertEqual(self.image("import", self.archive(*parts))[0]["name"], "docker.io/library/bomb:1")  # the positive control
        self.image("rm", "bomb:1")
        sparse = {"GNU.sparse.size": str(1 << 40), "GNU.sparse.numblocks": "1", "GNU.sparse.map": "0,512"}
        self.assertIn("sparse", self.refuses(1, "import", self.archive(*self.image_of(layer[:512], diff_id, sparse))))
        with open(self.archive(*parts, compressed=True).removeprefix("Z:").replace("\\", "/"), "rb") as file:
            twice = self.file("twice.tar", gzip.compress(file.read()))
        self.assertIn("no sound tar archive", self.refuses(1, "import", native(twice)))
        deep = b'[{"Config":' + b"[" * 1_000_000
        self.assertIn("no valid JSON", self.refuses(1, "import", self.archive(("manifest.json", deep, {}))))
        self.assertEqual((self.names(), self.ingest()), ({"docker.io/library/keep:1": store}, []))
        self.image("prune")
        self.assertEqual(len(self.blobs()), 3)


@unittest.skipIf(WINDOWS, "a file cannot be a device there")
class Devices(Images):
    def test_output_is_no_device(self):
        self.build()
        self.assertIn("special file", self.refuses(2, "export", "x:1", "/dev/full"))


class Others(Images):
    def setUp(self):
        super().setUp()
        self.run_quietly = lambda *words: subprocess.run(words, capture_output=True, text=True, check=True).stdout

    @needs("skopeo")
    def test_skopeo_reads_and_writes_what_we_do(self):
        def there_and_back(compression):
            store, layout, archive = (f"{self.base}/{kind}-{compression}" for kind in ("store", "layout", "archive"))
            digest = self.build("x:1", "--compression", compression, store=store)
            self.image("export", "x:1", native(layout), "--as", "layout", store=store)
            self.run_quietly("skopeo", "copy", "--preserve-digests", f"oci:{layout}", f"oci-archive:{archive}:x:2")
            imported = self.image("import", native(archive), "--verify", "--name", "y:1", store=store)
            self.assertEqual(imported[0]["digest"], digest)

        def docker_archives():
            self.build("x:1")
            self.image("export", "x:1", native(self.base + "/d.tar"), "--docker-archive")
            self.run_quietly("skopeo", "copy", f"docker-archive:{self.base}/d.tar", f"docker-archive:{self.base}/e.tar:z:1")
            imported = self.image("import", native(self.base + "/e.tar"), "--verify")
            self.assertEqual(imported[0]["name"], "docker.io/library/z:1")
        at_once(docker_archives, *(lambda kind=kind: there_and_back(kind) for kind in ("gzip", "zstd", "none")))

    @needs("umoci")
    def test_umoci_unpacks_what_we_build(self):
        self.build("x:1", content=b"from here")
        over = self.file("over", b"over it")
        self.image("build", "--platform", "linux/amd64", "--from", "x:1", "--add", native(over) + ":/etc/over", "--remove", "/bin/file", "-t", "x:2")
        layout = self.base + "/layout"
        self.image("export", "x:2", native(layout), "--as", "layout")
        with open(layout + "/index.json", encoding="utf-8") as file:  # umoci's tags are no full names
            index = json.load(file)
        index["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "two"}
        with open(layout + "/index.json", "w", encoding="utf-8") as file:
            json.dump(index, file)
        self.run_quietly("umoci", "unpack", *([] if ROOT else ["--rootless"]), "--image", layout + ":two", self.base + "/bundle")
        self.assertEqual(sorted(os.listdir(self.base + "/bundle/rootfs")), ["bin", "etc"])
        self.assertEqual(os.listdir(self.base + "/bundle/rootfs/bin"), [])
        self.run_quietly("umoci", "config", "--image", layout + ":two", "--config.user", "7")
        self.assertEqual(len(self.image("import", native(layout), "--verify", "--name", "x:3")), 1)

    @needs("podman", "runc")
    @unittest.skipUnless(ROOT, "needs root")
    def test_the_pause_image_holds_a_pod_of_podman(self):
        self.image("build-pause", "-t", "localhost/pause:1")
        run = tempfile.mkdtemp()  # podman wants a short one
        self.addCleanup(shutil.rmtree, run, ignore_errors=True)
        config = {"CONTAINERS_CONF": self.file("containers.conf", f"""[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{run}/tmp"
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
""".encode()), "CONTAINERS_STORAGE_CONF": self.file("storage.conf", f"""[storage]
driver = "vfs"
graphroot = "{self.base}/containers"
runroot = "{run}"
""".encode())}
        self.environment = self.environment | config
        loaded = self.image("load", "localhost/pause:1", "--into", "podman")
        self.assertEqual(loaded["into"], ["podman"])

        def podman(*words):
            done = subprocess.run(["podman", *words], capture_output=True, text=True, env=os.environ | config, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout
        self.addCleanup(podman, "pod", "rm", "--all", "--force")
        podman("pod", "create", "--name", "pod", "--infra-image", "localhost/pause:1", "--infra-command", "/pause", "--network", "none")
        podman("pod", "start", "pod")
        self.assertIn("Up", podman("ps", "--all", "--pod", "--format", "{{.Image}} {{.Status}}"))
        begin = time.monotonic()
        podman("pod", "stop", "--time", "90", "pod")  # SIGTERM is enough
        self.assertLess(time.monotonic() - begin, 80)

    @needs("containerd", "ctr", "runc")
    @unittest.skipUnless(ROOT, "needs root")
    def test_containerd_runs_the_pause_image(self):
        self.image("build-pause", "-t", "localhost/pause:1")
        address = self.base + "/c.sock"
        with open(self.base + "/log", "w", encoding="utf-8") as log:
            daemon = subprocess.Popen(["containerd", "--root", self.base + "/root", "--state", self.base + "/state",
                                       "--address", address, "--log-level", "error"], stdout=log, stderr=log)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)
        end = time.monotonic() + 60
        while time.monotonic() < end and not os.path.exists(address):
            time.sleep(0.05)
        loaded = self.image("load", "localhost/pause:1", "--into", "containerd", "--address", address)

        def ctr(*words):
            done = subprocess.run(["ctr", "--address", address, "--namespace", "k8s.io", *words],
                                  capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout
        self.assertIn(loaded["digest"], ctr("images", "ls"))
        ctr("run", "--detach", "--snapshotter", "native", "localhost/pause:1", "sandbox")
        self.addCleanup(ctr, "containers", "rm", "sandbox")
        self.addCleanup(ctr, "tasks", "rm", "--force", "sandbox")
        self.assertIn("RUNNING", ctr("tasks", "ls"))
        ctr("tasks", "kill", "--signal", "SIGTERM", "sandbox")
        end = time.monotonic() + 60
        while time.monotonic() < end and "STOPPED" not in ctr("tasks", "ls"):
            time.sleep(0.1)
        self.assertIn("STOPPED", ctr("tasks", "ls"))


if __name__ == "__main__":
    unittest.main(verbosity=2)

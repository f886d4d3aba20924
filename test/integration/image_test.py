# SPDX-License-Identifier: MIT
"""`k2s image` as users call it, beside skopeo, umoci, podman and a real registry where they are installed,
and against registries and moments that mean it ill."""
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
import unittest

from k2s import WINDOWS, TreeTest, native

ROOT = not WINDOWS and os.geteuid() == 0


def needs(*tools):
    missing = [tool for tool in tools if WINDOWS or not shutil.which(tool)]
    return unittest.skipIf(missing, f"needs {', '.join(missing)}")


@unittest.skipIf(WINDOWS, "the plugin is not built for Windows yet")
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

    def build(self, name="x:1", *arguments, content=b"content"):
        path = self.file("file", content)
        return self.image("build", "--platform", "linux/amd64", "--add", native(path) + ":/bin/file",
                          "--chmod", "0755", "-t", name, *arguments)["digest"]

    def blobs(self):
        return sorted(os.listdir(self.store + "/blobs/sha256"))

    def ingest(self):
        return os.listdir(self.store + "/.k2s/ingest")


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
        self.assertIn("1 problem", self.refuses(1, "verify"))

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


class Dying(Images):
    """kill -9 and a full disk: what was there stays whole, and a second run mends the rest."""

    @unittest.skipIf(WINDOWS, "SIGKILL")
    def test_killed_at_any_time(self):
        self.build("keep:1")
        big = self.file("big", os.urandom(40 << 20))
        for delay in (0.02, 0.1, 0.3, 0.6, 1.0):
            process = subprocess.Popen(
                self.exe("k2s") + self.words("build", "--add", big + ":/big", "--compression", "none", "-t", "big:1"),
                env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(delay)
            process.kill()
            process.wait()
            self.assertEqual([entry["problems"] for entry in self.image("verify")],
                             [[]] * len(self.image("ls")))
        self.image("build", "--add", big + ":/big", "-t", "big:1")
        self.image("rm", "big:1")
        self.assertEqual(self.ingest(), [])
        self.assertEqual(len(self.blobs()), 3)

    @unittest.skipUnless(ROOT, "needs root to mount a small file system")
    def test_full_disk(self):
        os.makedirs(self.store)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", self.store], check=False).returncode:
            self.skipTest("no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.store], check=True)
        digest = self.build("keep:1")
        big = self.file("big", os.urandom(8 << 20))
        self.assertIn("No space left", self.refuses(1, "build", "--add", big + ":/big", "-t", "big:1"))
        self.assertEqual([(entry["name"], entry["digest"]) for entry in self.image("ls")],
                         [("docker.io/library/keep:1", digest)])
        self.assertEqual(self.ingest(), [])
        self.assertEqual(self.image("verify")[0]["problems"], [])

    @unittest.skipIf(WINDOWS or not os.path.exists("/dev/full"), "needs /dev/full")
    def test_output_is_no_device(self):
        self.build()
        self.assertIn("special file", self.refuses(2, "export", "x:1", "/dev/full"))


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Hostile(http.server.BaseHTTPRequestHandler):
    """A registry with one image; `server.tricks` says what it does wrong, and how often."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def trick(self, name):
        left = self.server.tricks.get(name, 0)
        if left > 0:
            self.server.tricks[name] = left - 1
        return left > 0

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        server = self.server
        server.seen.append((self.path, self.headers.get("Authorization"), self.headers.get("Range")))
        here = f"http://127.0.0.1:{server.server_port}"
        if self.path.startswith("/token"):
            server.tokens += 1
            return self.answer(200, json.dumps({"token": f"t{server.tokens}"}).encode())
        if server.need_token:
            if self.headers.get("Authorization") != f"Bearer t{server.tokens}" or self.trick("expire"):
                server.tokens += 1  # the token that was given is no longer the right one
                return self.answer(401, WWW_Authenticate=f'Bearer realm="{server.realm or here + "/token"}",service="s"')
        digest = self.path.rsplit("/", 1)[1]
        if "/manifests/" in self.path:
            if self.trick("busy"):
                return self.answer(503)
            body = server.manifest if digest in ("1", server.manifest_digest) else None
            if body is None:
                return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such\\nthing"}]}')
            return self.answer(200, b"{}" if self.trick("other manifest") else body,
                               Content_Type="application/vnd.oci.image.manifest.v1+json")
        body = server.blobs.get(digest)
        if body is None:
            return self.answer(404)
        if self.trick("redirect"):
            return self.answer(307, Location=server.elsewhere)
        if self.trick("loop"):
            return self.answer(307, Location=self.path)
        begin = 0
        if self.headers.get("Range") and not server.tricks.get("no ranges"):
            begin = int(self.headers["Range"][6:-1])
        status = 206 if begin else 200
        headers = {"Content_Range": f"bytes {begin}-{len(body) - 1}/{len(body)}"} if begin else {}
        part = body[begin:]
        if self.trick("reset"):
            self.answer(status, part[:len(part) // 2], Content_Length=str(len(part)), **headers)
            self.close_connection = True
            return None
        if self.trick("too long"):
            return self.answer(status, part + b"more", **headers)
        if self.trick("too short"):
            return self.answer(status, part[:-1], **headers)
        if self.trick("wrong bytes"):
            return self.answer(status, bytes(len(part)), **headers)
        if self.trick("two lengths"):
            return self.answer(status, part, Content_Length=str(len(part)), Transfer_Encoding="chunked")
        if self.trick("silence"):
            time.sleep(3)
        return self.answer(status, part, **headers)

    do_HEAD = do_GET


class Registries(Images):
    def registry(self, **tricks):
        """A hostile registry on a free port."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            info = tarfile.TarInfo("big")
            info.size = 300_000
            archive.addfile(info, io.BytesIO(os.urandom(info.size)))
        digest = lambda data: "sha256:" + hashlib.sha256(data).hexdigest()
        layer = layer.getvalue()
        config = json.dumps({"os": "linux", "architecture": "amd64",
                             "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}}).encode()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
        server.daemon_threads = True
        server.blobs = {digest(data): data for data in (layer, config)}
        server.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(config), "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(layer), "size": len(layer)}],
        }).encode()
        server.manifest_digest = digest(server.manifest)
        server.tricks, server.seen, server.tokens = tricks, [], 0
        server.need_token, server.realm, server.elsewhere = False, None, None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.handle_error = lambda *_: None  # a client that gives up is meant to
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def pull(self, server, *arguments, code=0, env=None):
        name = f"127.0.0.1:{server.server_port}/x:1"
        words = self.words("pull", "--plain-http", "--platform", "linux/amd64", "--timeout", "1s", name, *arguments)
        done = self.run_tool("k2s", *words, env=env or {})
        self.assertEqual(done.returncode, code, done.stderr)
        if code == 0:
            self.assertEqual(self.image("verify", name)[0]["problems"], [])
        return done.stderr

    def test_what_passes_is_endured(self):
        for tricks in ({}, {"busy": 2}, {"reset": 3}, {"too short": 2}, {"silence": 1}, {"reset": 2, "no ranges": 9}):
            with self.subTest(tricks):
                shutil.rmtree(self.store, ignore_errors=True)
                server = self.registry(**tricks)
                self.pull(server)
                if tricks == {"reset": 3}:
                    self.assertIn("bytes=", str(server.seen))

    def test_what_does_not_pass_is_refused(self):
        for tricks, code, reason in (({"too long": 99}, 1, "sends more than"),
                                     ({"wrong bytes": 99}, 1, "other content"),
                                     ({"other manifest": 99}, 1, "schemaVersion"),
                                     ({"two lengths": 99}, 1, "Transfer-Encoding"),
                                     ({"loop": 99}, 1, "redirects more than"),
                                     ({"busy": 99}, 1, "with 503")):
            with self.subTest(tricks):
                shutil.rmtree(self.store, ignore_errors=True)
                self.assertIn(reason, self.pull(self.registry(**tricks), code=code))
                self.assertEqual(self.image("ls"), [])
        server = self.registry()
        self.assertIn("MANIFEST_UNKNOWN no such thing",
                      self.refuses(6, "pull", "--plain-http", f"127.0.0.1:{server.server_port}/x:2"))
        self.refuses(1, "pull", "--plain-http", f"127.0.0.1:{free_port()}/x:1")

    def test_a_download_goes_on_after_death(self):
        server = self.registry(reset=1)
        blob = max(server.blobs, key=lambda digest: len(server.blobs[digest]))
        self.image("prune")  # makes the store
        with open(f"{self.store}/.k2s/ingest/pull-{blob[7:]}", "wb") as part:
            part.write(server.blobs[blob][:100_000])
        self.pull(server)
        self.assertIn("bytes=100000-", str(server.seen))
        self.assertEqual(self.ingest(), [])

    def test_tokens(self):
        server = self.registry(expire=1)
        server.need_token = True
        self.pull(server, env={"K2S_REGISTRY_USER": "me", "K2S_REGISTRY_PASSWORD": "secret"})
        tokens = [seen for seen in server.seen if seen[0].startswith("/token")]
        self.assertIn("scope=repository%3Ax%3Apull&service=s", tokens[0][0])
        self.assertEqual(tokens[0][1], "Basic bWU6c2VjcmV0")
        # Another server's realm gets no password over plain HTTP.
        shutil.rmtree(self.store)
        thief = self.registry()
        server.realm = f"http://127.0.0.1:{thief.server_port}/token"
        said = self.pull(server, code=5, env={"K2S_REGISTRY_USER": "me", "K2S_REGISTRY_PASSWORD": "secret"})
        self.assertIn("unencrypted", said)
        self.assertNotIn("secret", said)
        self.assertEqual(thief.seen, [])

    def test_redirects_take_no_token_along(self):
        server = self.registry(redirect=1)
        other = self.registry()
        other.blobs = server.blobs
        server.need_token = True
        config = min(server.blobs, key=lambda digest: len(server.blobs[digest]))
        server.elsewhere = f"http://127.0.0.1:{other.server_port}/v2/x/blobs/{config}"
        self.pull(server)
        self.assertEqual([seen[1] for seen in other.seen], [None])

    def test_mirrors_and_credentials_in_files(self):
        server, mirror = self.registry(), self.registry()
        mirror.manifest, mirror.manifest_digest, mirror.blobs = server.manifest, server.manifest_digest, server.blobs
        self.pull(server, "--mirror", f"127.0.0.1:{mirror.server_port}")
        self.assertEqual(server.seen, [])
        shutil.rmtree(self.store)
        self.pull(server, "--mirror", f"127.0.0.1:{free_port()}")  # a mirror that is down
        auth = self.file("auth.json", json.dumps(
            {"auths": {f"127.0.0.1:{server.server_port}": {"auth": "bWU6c2VjcmV0"}}}).encode())
        shutil.rmtree(self.store)
        server.need_token = True
        server.seen.clear()
        self.pull(server, "--auth-file", native(auth))
        self.assertIn("Basic bWU6c2VjcmV0", str(server.seen))

    @needs("docker-registry", "skopeo")
    def test_a_real_registry(self):
        port = free_port()
        config = self.file("registry.yml", f"""version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {self.base}/registry}}}}
http: {{addr: "127.0.0.1:{port}"}}
""".encode())
        registry = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(registry.wait)
        self.addCleanup(registry.send_signal, signal.SIGKILL)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        digest = self.build("x:1", content=os.urandom(40 << 20))  # several pieces
        name = f"127.0.0.1:{port}/a/x:1"
        self.image("push", "x:1", name, "--plain-http")
        self.image("push", "x:1", name, "--plain-http")  # everything is there
        inspect = subprocess.run(["skopeo", "inspect", "--tls-verify=false", f"docker://{name}"],
                                 capture_output=True, text=True, check=True)
        self.assertEqual(json.loads(inspect.stdout)["Digest"], digest)
        subprocess.run(["skopeo", "copy", "-q", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
                        f"docker://{name}", f"docker://127.0.0.1:{port}/a/y:1"], check=True)
        other = self.base + "/other"
        pulled = self.image("pull", f"127.0.0.1:{port}/a/y:1", "--plain-http", "--platform", "linux/amd64", store=other)
        self.assertEqual(pulled["digest"], digest)
        self.image("pull", f"127.0.0.1:{port}/a/y@{digest}", "--plain-http", store=other)
        self.assertEqual(self.image("verify", store=other)[0]["problems"], [])


class Others(Images):
    def setUp(self):
        super().setUp()
        self.run_quietly = lambda *words: subprocess.run(words, capture_output=True, text=True, check=True).stdout

    @needs("skopeo")
    def test_skopeo_reads_and_writes_what_we_do(self):
        for compression in ("gzip", "zstd", "none"):
            digest = self.build("x:1", "--compression", compression)
            layout = f"{self.base}/layout-{compression}"
            self.image("export", "x:1", layout, "--as", "layout")
            self.run_quietly("skopeo", "copy", "--preserve-digests", f"oci:{layout}", f"oci-archive:{self.base}/{compression}.tar:x:2")
            self.assertEqual(self.image("import", f"{self.base}/{compression}.tar", "--verify", "--name", "y:1")[0]["digest"], digest)
        self.build("x:1")
        self.image("export", "x:1", self.base + "/d.tar", "--docker-archive")
        self.run_quietly("skopeo", "copy", f"docker-archive:{self.base}/d.tar", f"docker-archive:{self.base}/e.tar:z:1")
        self.assertEqual(self.image("import", self.base + "/e.tar", "--verify")[0]["name"], "docker.io/library/z:1")

    @needs("umoci")
    def test_umoci_unpacks_what_we_build(self):
        self.build("x:1", content=b"from here")
        over = self.file("over", b"over it")
        self.image("build", "--platform", "linux/amd64", "--from", "x:1", "--add", over + ":/etc/over", "--remove", "/bin/file", "-t", "x:2")
        layout = self.base + "/layout"
        self.image("export", "x:2", layout, "--as", "layout")
        with open(layout + "/index.json", encoding="utf-8") as file:  # umoci's tags are no full names
            index = json.load(file)
        index["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "two"}
        with open(layout + "/index.json", "w", encoding="utf-8") as file:
            json.dump(index, file)
        self.run_quietly("umoci", "unpack", *([] if ROOT else ["--rootless"]), "--image", layout + ":two", self.base + "/bundle")
        self.assertEqual(sorted(os.listdir(self.base + "/bundle/rootfs")), ["bin", "etc"])
        self.assertEqual(os.listdir(self.base + "/bundle/rootfs/bin"), [])
        self.run_quietly("umoci", "config", "--image", layout + ":two", "--config.user", "7")
        self.assertEqual(len(self.image("import", layout, "--verify", "--name", "x:3")), 1)

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

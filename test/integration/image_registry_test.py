# SPDX-License-Identifier: MIT
"""`k2s image pull` and `push`: a real registry where one is installed, and registries, networks and
certificates that mean it ill."""
import json
import os
import socket
import subprocess
import time
import unittest

from images import Images, at_once, needs
from k2s import WINDOWS, Running, free_port, native
from registry_double import Registry, basic

USER = {"K2S_REGISTRY_USER": "me", "K2S_REGISTRY_PASSWORD": "secret"}


class Registries(Images):
    def registry(self, tls=None, **tricks):
        server = Registry(tls, **tricks)
        self.addCleanup(server.end)
        return server

    def pull(self, server, *arguments, name=None, code=0, env=None, plain=True):
        """Pulls into a store of its own; what was said, or a verified image."""
        store = f"{self.base}/store-{server.server_port}-{len(server.seen)}"
        name = f"{name or server.host}/x:1"
        words = self.words("pull", *(["--plain-http"] if plain else []), "--platform", "linux/amd64", "--timeout", "1s",
                           name, *arguments, store=store)
        done = self.run_tool("k2s", *words, env=env or {})
        self.assertEqual(done.returncode, code, (arguments, server.tricks, done.stderr))
        self.assertNotIn("secret", done.stdout + done.stderr)
        if code == 0:
            self.assertEqual(self.image("verify", name, store=store)[0]["problems"], [])
        elif os.path.exists(store + "/index.json"):
            self.assertEqual(self.image("ls", store=store), [])
        return done.stderr


class Pulling(Registries):
    def test_what_passes_is_endured(self):
        def endured(tricks):
            server = self.registry(**tricks)
            self.pull(server)
            if tricks == {"reset": 3}:
                self.assertIn("bytes=", str(server.seen))
        at_once(*(lambda tricks=tricks: endured(tricks) for tricks in (
            {}, {"busy": 2}, {"reset": 3}, {"too short": 2}, {"silence": 1}, {"reset": 2, "no ranges": 9})))

    def test_what_does_not_pass_is_refused(self):
        def refused(trick, reason):
            self.assertIn(reason, self.pull(self.registry(**{trick: 99}), code=1))
        server = self.registry()
        at_once(*(lambda case=case: refused(*case) for case in (
            ("busy", "with 503"), ("too long", "sends more than"), ("wrong bytes", "other content"),
            ("other manifest", "schemaVersion"), ("two lengths", "Transfer-Encoding"), ("loop", "redirects more than"))),
            lambda: self.assertIn("MANIFEST_UNKNOWN no such thing",
                                  self.refuses(6, "pull", "--plain-http", f"{server.host}/x:2")),
            lambda: self.refuses(1, "pull", "--plain-http", f"127.0.0.1:{free_port()}/x:1"))

    def test_a_download_goes_on_after_death(self):
        server = self.registry(reset=1)
        blob = server.largest()
        self.image("prune")  # makes the store
        with open(f"{self.store}/.k2s/ingest/pull-{blob[7:]}", "wb") as part:
            part.write(server.blobs[blob][:100_000])
        self.image("pull", "--plain-http", "--platform", "linux/amd64", f"{server.host}/x:1")
        self.assertIn("bytes=100000-", str(server.seen))
        self.assertEqual(self.ingest(), [])

    def test_what_is_damaged_is_pulled_again(self):
        server = self.registry()
        words = ("pull", "--plain-http", "--platform", "linux/amd64", f"{server.host}/x:1")
        self.image(*words)
        for name in self.blobs():
            with open(f"{self.store}/blobs/sha256/{name}", "r+b") as blob:  # its size stays
                first = blob.read(1)
                blob.seek(0)
                blob.write(bytes([first[0] ^ 1]))
        self.refuses(1, "verify", f"{server.host}/x:1")
        self.image(*words)
        self.assertEqual(self.image("verify", f"{server.host}/x:1")[0]["problems"], [])
        asked = len(server.seen)
        self.image(*words)  # all of it is there: only the manifest is asked for
        self.assertFalse(any("/blobs/" in str(seen) for seen in server.seen[asked:]))

    def test_tokens_expire(self):
        server = self.registry()
        server.need_token, server.token_uses = True, 1
        self.pull(server, env=USER)
        tokens = [seen for seen in server.seen if seen[0].startswith("/token")]
        self.assertEqual(len(tokens), 3)  # the manifest and two blobs
        self.assertIn("scope=repository%3Ax%3Apull&service=s", tokens[0][0])
        self.assertEqual({seen[1] for seen in tokens}, {basic("me", "secret")})
        self.assertNotIn(basic("me", "secret"), [seen[1] for seen in server.seen if seen not in tokens])

    def test_another_servers_realm_gets_no_password_over_plain_http(self):
        server, thief = self.registry(), self.registry()
        server.need_token, server.realm = True, thief.url + "/token"
        self.assertIn("unencrypted", self.pull(server, code=5, env=USER))
        self.assertEqual(thief.seen, [])

    def test_wrong_credentials(self):
        server = self.registry()
        server.password = basic("me", "other")
        self.assertIn("with 401", self.pull(server, code=5, env=USER))
        self.assertEqual(len(server.seen), 2)  # asked, told, and no hammering

    def test_redirects_take_nothing_along(self):
        for way in ("token", "password"):
            server, other = self.registry(redirect=2), self.registry()
            other.mirror_of(server)
            server.need_token = way == "token"
            server.password = basic("me", "secret")
            server.elsewhere = f"{other.url}/v2/x/blobs/{server.smallest()}"
            server.blobs.pop(server.largest())  # only what is redirected can be had
            store = f"{self.base}/{way}"
            self.refuses(6, "pull", "--plain-http", "--platform", "linux/amd64", f"{server.host}/x:1", store=store, env=USER)
            self.assertEqual({seen[1] for seen in other.seen}, {None})
            self.assertTrue(other.seen)

    def test_mirrors_and_credentials_in_files(self):
        server, mirror = self.registry(), self.registry()
        mirror.mirror_of(server)
        self.pull(server, "--mirror", mirror.host)
        self.assertEqual(server.seen, [])
        self.assertTrue(mirror.seen)
        self.pull(server, "--mirror", f"127.0.0.1:{free_port()}")  # a mirror that is down
        mirror.need_token = True  # it is not the registry that the password is for
        mirror.seen.clear()
        self.pull(server, "--mirror", mirror.host, env=USER)
        self.assertNotIn(basic("me", "secret"), str(mirror.seen))
        auth = self.file("auth.json", json.dumps({"auths": {server.host: {"auth": "bWU6c2VjcmV0"}}}).encode())
        server.need_token = True
        server.seen.clear()
        self.pull(server, "--auth-file", native(auth))
        self.assertIn(basic("me", "secret"), str(server.seen))


class Pushing(Registries):
    def test_uploads_go_on(self):
        digest = self.build("x:1", content=os.urandom(17 << 20))  # two pieces

        def pushed(tricks, **facts):
            server = self.registry(**tricks)
            server.__dict__.update(facts)
            self.image("push", "x:1", f"{server.host}/x:1", "--plain-http")
            self.assertEqual(server.manifest_digest, digest)
            self.assertEqual(set(server.blobs) & {"sha256:" + name for name in self.blobs()},
                             {"sha256:" + name for name in self.blobs()} - {digest})
        at_once(lambda: pushed({}), lambda: pushed({"cut upload": 2}), lambda: pushed({"lost answer": 1}),
                lambda: pushed({"lost end": 1}), lambda: pushed({}, need_token=True, token_uses=1))

    def test_what_the_registry_makes_of_it_is_checked(self):
        self.build()
        server = self.registry(**{"other digest": 9})
        self.assertIn("under another digest", self.refuses(1, "push", "x:1", f"{server.host}/x:1", "--plain-http"))


class Certified(Registries):
    """An authority of our own, and certificates of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
                    "-subj", "/CN=an authority")
        cls.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "other.key", "-out", "other.pem",
                    "-days", "2", "-subj", "/CN=another authority")
        cls.good = cls.certificate("good", "DNS:registry.example,IP:127.0.0.1", 2)
        cls.expired = cls.certificate("expired", "DNS:registry.example,IP:127.0.0.1", -1)
        cls.elsewhere = cls.certificate("elsewhere", "DNS:elsewhere.example,IP:127.0.0.9", 2)

    @classmethod
    def openssl(cls, *words):
        subprocess.run(["openssl", *words], cwd=cls.folder, check=True, capture_output=True)

    @classmethod
    def certificate(cls, name, names, days):
        with open(f"{cls.folder}/{name}.ext", "w", encoding="utf-8") as file:
            file.write("subjectAltName=" + names)
        cls.openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=x")
        cls.openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                    "-days", str(days), "-extfile", name + ".ext", "-out", name + ".pem")
        return f"{cls.folder}/{name}.pem", f"{cls.folder}/{name}.key"

    def ca(self, name="ca"):
        return "--ca", native(f"{self.folder}/{name}.pem")


class Secure(Certified):
    """TLS, and the way out through our own httpproxy."""

    def proxy(self):
        """Our proxy; it alone knows where registry.example is."""
        proxy = Running(self, "httpproxy", "--addr=127.0.0.1:0", "--verbose", "--set",
                        'features.httpproxy.settings.hosts={"registry.example":["127.0.0.1"]}')
        return proxy, "http://%s:%d" % proxy.listening()

    def test_certificates(self):
        def refused(certificate, reason, *words, code=5):
            server = self.registry(certificate)
            self.assertIn(reason, self.pull(server, *words, code=code, plain=False, env=USER))
            self.assertEqual(server.seen, [])
        garbage = self.file("garbage.pem", b"no certificate")
        good = self.registry(self.good)
        at_once(lambda: self.pull(good, *self.ca(), plain=False),
                lambda: refused(self.good, "unable to get local issuer certificate"),
                lambda: refused(self.good, "unable to get local issuer certificate", *self.ca("other")),
                lambda: refused(self.expired, "expired", *self.ca()),
                lambda: refused(self.elsewhere, "mismatch", *self.ca()),
                lambda: refused(self.good, "cannot read certificates", "--ca", native(garbage), code=3),
                lambda: self.pull(self.registry(self.expired), "--skip-verify", plain=False))
        plain = self.registry()  # speaks no TLS
        self.assertIn("no TLS", self.pull(plain, *self.ca(), plain=False, code=1))

    @unittest.skipIf(WINDOWS, "on Windows the roots are those of its store, which wine fills from the machine's")
    def test_the_systems_roots(self):
        self.pull(self.registry(self.good), plain=False, env={"SSL_CERT_FILE": f"{self.folder}/ca.pem"})

    def test_redirects_within_tls(self):
        server, other = self.registry(self.good, redirect=1), self.registry(self.good)
        other.mirror_of(server)
        server.password = basic("me", "secret")
        server.elsewhere = f"{other.url}/v2/x/blobs/{server.smallest()}"
        self.pull(server, *self.ca(), plain=False, env=USER)
        self.assertEqual([seen[1] for seen in other.seen], [None])
        plain = self.registry()
        server.tricks["redirect"] = 1
        server.elsewhere = f"{plain.url}/v2/x/blobs/{server.smallest()}"
        self.assertIn("not encrypted", self.pull(server, *self.ca(), plain=False, env=USER, code=5))
        self.assertEqual(plain.seen, [])

    def test_the_password_goes_to_another_realm_over_tls_alone(self):
        server, realm = self.registry(self.good), self.registry(self.good)
        server.need_token, server.realm = True, realm.url + "/token"
        server.tokens, server.uses = 1, -1  # what the realm gives is what the server wants
        self.pull(server, *self.ca(), plain=False, env=USER)
        self.assertEqual({seen[1] for seen in realm.seen}, {basic("me", "secret")})
        self.assertNotIn(basic("me", "secret"), str(server.seen))

    def test_through_our_proxy(self):
        server = self.registry(self.good)
        server.password = basic("me", "secret")
        proxy, address = self.proxy()
        name = f"registry.example:{server.server_port}"
        self.pull(server, *self.ca(), name=name, plain=False, env=USER | {"HTTPS_PROXY": address})
        tunnel = proxy.wait_for("request", method="CONNECT")
        self.assertIn(name, str(tunnel))
        # The target is verified, not the proxy: another name behind the same tunnel is refused.
        wrong = self.registry(self.elsewhere)
        said = self.pull(wrong, *self.ca(), name=f"registry.example:{wrong.server_port}", plain=False, code=5,
                         env=USER | {"HTTPS_PROXY": address})
        self.assertIn("mismatch", said)
        self.assertEqual(wrong.seen, [])
        # Loopback never goes through it, and NO_PROXY keeps a name out of it.
        tunnels = lambda: sum(record["msg"] == "request" for record in proxy.records())
        before = tunnels()
        self.pull(server, *self.ca(), plain=False, env=USER | {"HTTPS_PROXY": f"http://127.0.0.1:{free_port()}"})
        said = self.pull(server, *self.ca(), name=name, plain=False, code=6,
                         env=USER | {"HTTPS_PROXY": address, "NO_PROXY": "other.example,.registry.example,registry.example"})
        self.assertIn("cannot find the address of 'registry.example'", said)
        self.assertEqual(tunnels(), before)
        # Nothing is allowed behind a proxy that is not there.
        self.pull(server, *self.ca(), name=name, plain=False, code=1,
                  env=USER | {"HTTPS_PROXY": f"http://127.0.0.1:{free_port()}"})

    def test_plain_http_through_a_proxy_with_a_password(self):
        server = self.registry()
        server.proxy_password = basic("you", "p@ss")
        server.password = basic("me", "secret")
        proxy = f"http://you:p%40ss@{server.host}"
        self.pull(server, name="registry.example", env=USER | {"HTTP_PROXY": proxy})
        self.assertEqual({seen[1] for seen in server.proxied}, {basic("you", "p@ss")})
        said = self.pull(server, name="registry.example", code=1, env=USER | {"HTTP_PROXY": f"http://you:no@{server.host}"})
        self.assertIn("407", said)
        for wrong in ("socks5://u:secret@127.0.0.1:1", "http://u:secret@:1"):
            self.assertIn("HTTP_PROXY", self.pull(server, code=3, env={"HTTP_PROXY": wrong}))


class Real(Certified):
    """Debian's docker-registry, behind TLS and a password."""

    def docker_registry(self):
        port = free_port()
        users = self.file("htpasswd", b"me:$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n")  # secret
        config = self.file("registry.yml", f"""version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {self.base}/registry}}}}
auth: {{htpasswd: {{realm: r, path: {users}}}}}
http: {{addr: "127.0.0.1:{port}", tls: {{certificate: {self.good[0]}, key: {self.good[1]}}}}}
""".encode())
        registry = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
        self.addCleanup(registry.wait)
        self.addCleanup(registry.kill)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return port
            time.sleep(0.05)
        self.fail("docker-registry does not start")

    def skopeo(self, *words):
        done = subprocess.run(["skopeo", *words], capture_output=True, text=True,
                              env=os.environ | {"SSL_CERT_FILE": f"{self.folder}/ca.pem"}, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    @needs("docker-registry", "skopeo")
    def test_what_we_push_others_have_and_the_reverse(self):
        host = f"127.0.0.1:{self.docker_registry()}"
        digest = self.build("x:1", content=os.urandom(17 << 20))  # two pieces
        name = host + "/a/x:1"
        self.assertIn("with 401", self.refuses(5, "push", "x:1", name, *self.ca()))
        self.assertIn("local issuer", self.refuses(5, "push", "x:1", name, env=USER))
        for _ in range(2):  # the second time everything is there
            done = self.run_tool("k2s", *self.words("push", "x:1", name, *self.ca()), env=USER)
            self.assertEqual(done.returncode, 0, done.stderr)
        inspect = self.skopeo("inspect", "--creds", "me:secret", f"docker://{name}")
        self.assertEqual(json.loads(inspect)["Digest"], digest)
        self.skopeo("copy", "-q", "--preserve-digests", "--src-creds", "me:secret", "--dest-creds", "me:secret",
                    f"docker://{name}", f"docker://{host}/a/y:1")
        other = self.base + "/other"
        proxy = Running(self, "httpproxy", "--addr=127.0.0.1:0", "--set",
                        'features.httpproxy.settings.hosts={"registry.example":["127.0.0.1"]}')
        named = host.replace("127.0.0.1", "registry.example")
        for target in (f"{named}/a/y:1", f"{named}/a/y@{digest}"):
            done = self.run_tool("k2s", *self.words("pull", target, *self.ca(), "--platform", "linux/amd64", store=other),
                                 env=USER | {"HTTPS_PROXY": "http://%s:%d" % proxy.listening()})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(digest, done.stdout)
        self.assertEqual(self.image("verify", store=other)[0]["problems"], [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

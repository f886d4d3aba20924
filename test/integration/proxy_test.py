# SPDX-License-Identifier: MIT
"""The httpproxy exe with real clients: curl, wget, git, apt-get, over HTTP and CONNECT."""
import os
import shutil
import subprocess
import unittest

from k2s import Running, TreeTest
from web import certificate, serve


class Clients(TreeTest):
    def setUp(self):
        self.content = os.path.join(self.folder, "content")
        os.makedirs(self.content, exist_ok=True)
        with open(os.path.join(self.content, "big"), "wb") as file:
            file.write(os.urandom(1 << 20))
        self.proxy = Running(self, "httpproxy", "--addr", "127.0.0.1:0", "-verbose")
        self.address = "http://%s:%d" % self.proxy.listening()
        self.url = serve(self, self.content)

    def client(self, *command, **options):
        environment = {k: v for k, v in os.environ.items() if k.lower() != "no_proxy"}
        environment |= {"http_proxy": self.address, "https_proxy": self.address} | options.pop("env", {})
        return subprocess.run(command, capture_output=True, timeout=60, env=environment, **options)

    def fetched(self):
        with open(os.path.join(self.content, "big"), "rb") as file:
            return file.read()

    def requests(self):
        return [record for record in self.proxy.records() if record["msg"] == "request"]

    def test_curl_plain_and_through_a_tunnel(self):
        plain = self.client("curl", "-sS", "-x", self.address, self.url + "big")
        self.assertEqual(plain.stdout, self.fetched(), plain.stderr)
        tunnel = self.client("curl", "-sSp", "-x", self.address, self.url + "big")
        self.assertEqual(tunnel.stdout, self.fetched(), tunnel.stderr)
        self.proxy.wait_for("request", method="CONNECT")  # reported when the tunnel has ended
        self.assertEqual({record["method"] for record in self.requests()}, {"GET", "CONNECT"})

    def test_curl_https(self):
        certified = certificate(self)
        url = serve(self, self.content, certified=certified)
        done = self.client("curl", "-sS", "--cacert", certified[0], "-x", self.address, url + "big")
        self.assertEqual(done.stdout, self.fetched(), done.stderr)

    def test_two_requests_share_both_connections(self):
        done = self.client("curl", "-sSv", "-x", self.address, self.url, self.url, "-o", "/dev/null", "-o", "/dev/null")
        self.assertIn(b"Re-using existing connection", done.stderr)

    def test_wget(self):
        target = os.path.join(self.folder, "wgot")
        done = self.client("wget", "-q", "-O", target, self.url + "big")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(target, "rb") as file:
            self.assertEqual(file.read(), self.fetched())

    def test_git_clone(self):
        work, bare = os.path.join(self.folder, "work"), os.path.join(self.content, "repo.git")
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
        for command in ([*git, "init", "-q", work], [*git, "-C", work, "commit", "-q", "--allow-empty", "-m", "one"],
                        [*git, "clone", "-q", "--bare", work, bare], [*git, "-C", bare, "update-server-info"]):
            subprocess.run(command, check=True, capture_output=True)
        target = os.path.join(self.folder, "cloned")
        done = self.client("git", "clone", "-q", self.url + "repo.git", target)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(any("repo.git" in record["target"] for record in self.requests()))

    @unittest.skipUnless(shutil.which("apt-get"), "this system has no apt-get")
    def test_apt_get(self):
        suite = os.path.join(self.content, "dists", "test")
        os.makedirs(os.path.join(suite, "main", "binary-amd64"), exist_ok=True)
        packages = os.path.join(suite, "main", "binary-amd64", "Packages")
        with open(packages, "w") as file:
            file.write("")
        import hashlib
        with open(os.path.join(suite, "Release"), "w") as file:
            file.write("Suite: test\nCodename: test\nComponents: main\nArchitectures: amd64\n"
                       "Date: Sun, 01 Jan 2023 00:00:00 UTC\nSHA256:\n "
                       f"{hashlib.sha256(b'').hexdigest()} 0 main/binary-amd64/Packages\n")
        lists, sources = os.path.join(self.folder, "lists"), os.path.join(self.folder, "sources.list")
        os.makedirs(lists + "/partial", exist_ok=True)
        with open(sources, "w") as file:
            file.write(f"deb [trusted=yes arch=amd64] {self.url} test main\n")
        done = self.client("apt-get", "-o", f"Dir::State::lists={lists}", "-o", f"Dir::Etc::sourcelist={sources}",
                           "-o", "Dir::Etc::sourceparts=-", "-o", f"Dir::Cache={self.folder}/cache",
                           "-o", "APT::Sandbox::User=root", "-o", f"Acquire::http::Proxy={self.address}",
                           "-o", "Acquire::Languages=none", "-o", "APT::Update::Post-Invoke-Success::=", "update")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(any("Release" in record["target"] for record in self.requests()), done.stdout)

    def test_not_a_proxy_request(self):
        done = self.client("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", self.address + "/x",
                           env={"http_proxy": ""})
        self.assertEqual(done.stdout[:1], b"4")


class Upstream(TreeTest):
    """A second proxy in front: NO_PROXY for plain HTTP too, and the original's flags."""

    def test_chain_and_bypass(self):
        content = os.path.join(self.folder, "content")
        os.makedirs(content)
        url = serve(self, content)
        upstream = Running(self, "httpproxy", "--addr=127.0.0.1:0", "--verbose=true")
        forward = "http://%s:%d" % upstream.listening()
        # Loopback targets always go direct, as in the original; a name does not until NO_PROXY says so.
        named = url.replace("127.0.0.1", "origin.example")
        for bypass, expected in (("", 1), ("origin.example", 1), ("10.0.0.0/8,.example", 1)):
            front = Running(self, "httpproxy", "-addr", "127.0.0.1:0", "-forwardproxy", forward,
                            "--allowed-cidr", "172.19.1.0/24", "--allowed-cidr", "172.20.0.0/16", "--verbose",
                            "--set", 'features.httpproxy.settings.hosts={"origin.example":["127.0.0.1"]}',
                            env={"NO_PROXY": bypass} if bypass else {})
            address = "http://%s:%d" % front.listening()
            done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "",
                                   "-x", address, named], capture_output=True, timeout=60)
            front.wait_for("request")
            routes = [record["route"] for record in front.records() if record["msg"] == "request"]
            self.assertEqual(len(routes), expected, done.stderr)
            self.assertEqual(routes[0] == "direct", bool(bypass), (bypass, routes))
            front.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)

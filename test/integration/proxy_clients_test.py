# SPDX-License-Identifier: MIT
"""httpproxy with clients and peers of others: curl's ways to use a proxy, Go's net/http, npm's
https-proxy-agent, undici and ws, h11 as a strict peer on both sides, squid as an upstream."""
import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import unittest

from k2s import Running, TreeTest, free_port, native
from web import Files, certificate, serve

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "k2s")


class Origin(Files):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST


class ProxyTest(TreeTest):
    def serve(self, certified=None):
        content = os.path.join(self.folder, "content")
        os.makedirs(content, exist_ok=True)
        with open(os.path.join(content, "big"), "wb") as file:
            file.write(b"0123456789abcdef" * 65536)
        return serve(self, content, Origin, certified)

    def proxy(self, *arguments, **options):
        running = Running(self, "httpproxy", "--addr", "127.0.0.1:0", "--verbose", *arguments, **options)
        running.port = running.listening()[1]
        running.url = f"http://127.0.0.1:{running.port}"
        return running


class Clients(ProxyTest):
    def client(self, *command, **options):
        done = subprocess.run(command, capture_output=True, timeout=120, **options)
        self.assertEqual(done.returncode, 0, done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def test_curl_in_its_modes(self):
        certified = certificate(self)
        plain, secure, proxy = self.serve(), self.serve(certified), self.proxy()
        body = os.path.join(self.folder, "body")
        with open(body, "wb") as file:
            file.write(os.urandom(2_000_000))
        curl = ("curl", "-sS", "-m", "60", "--noproxy", "", "--cacert", certified[0])
        for mode in (("-x", proxy.url), ("-x", proxy.url, "--proxytunnel"), ("--proxy1.0", f"127.0.0.1:{proxy.port}"),
                     ("--proxy1.0", f"127.0.0.1:{proxy.port}", "--proxytunnel"),
                     ("-x", proxy.url.replace("127.0.0.1", "user:word@127.0.0.1"))):
            for url in (plain, secure):
                for version in ((), ("-0",)):
                    got = self.client(*curl, *mode, *version, url + "big")
                    self.assertEqual(len(got), 1 << 20, (mode, url))
                with open(body, "rb") as file:
                    sent = file.read()
                for upload in (("--data-binary", "@" + body), ("--data-binary", "@" + body, "-H", "Expect: 100-continue"),
                               ("--data-binary", "@" + body, "-H", "Transfer-Encoding: chunked"),
                               ("-T", body, "-H", "Transfer-Encoding: chunked")):
                    self.assertEqual(self.client(*curl, *mode, *upload, url), sent, (mode, url, upload))
                head = self.client(*curl, *mode, "-I", url + "big")
                self.assertIn(b"1048576", head)
        self.assertNotIn("user:word", proxy.output())

    @unittest.skipUnless(shutil.which("go"), "there is no go")
    def test_go(self):
        program = os.path.join(self.folder, "client")
        environment = os.environ | {"GOCACHE": os.path.join(CACHE, "go-build"), "GO111MODULE": "off", "CGO_ENABLED": "0"}
        self.client("go", "build", "-o", program, os.path.join(HERE, "clients", "client.go"), env=environment)
        self.assertEqual(self.client(program, self.proxy().url), b"ok\n")

    @unittest.skipUnless(shutil.which("node"), "there is no node")
    def test_node(self):
        modules = os.environ | {"NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs", "NODE_NO_WARNINGS": "1"}
        said = self.client("node", os.path.join(HERE, "clients", "clients.js"), self.proxy().url, self.serve(),
                           self.serve(certificate(self)), env=modules)
        for name in (b"https-proxy-agent", b"undici 2", b"ws", b"upgrade"):
            self.assertIn(b"ok " + name, said)


try:
    import h11
except ImportError:
    h11 = None


@unittest.skipUnless(h11, "python3-h11 is not here")
class StrictPeers(ProxyTest):
    """h11 raises for whatever is not in order, on the client's and on the origin's side."""

    def origin(self, answer):
        """Reads requests with h11 and lets `answer(connection, request, body)` give the events to send."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        seen, problems = [], []

        def serve(peer):
            connection = h11.Connection(h11.SERVER)
            try:
                with peer:
                    while True:
                        request, body, trailers = self.receive(connection, peer)
                        if request is None:
                            return
                        seen.append((request, body, trailers))
                        for event in answer(request, body):
                            peer.sendall(connection.send(event))
                        if connection.our_state is not h11.DONE:
                            return
                        connection.start_next_cycle()
            except OSError:
                pass
            except h11.ProtocolError as problem:
                problems.append(problem)

        def accept():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(peer,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        self.addCleanup(lambda: self.assertEqual(problems, []))
        return listener.getsockname()[1], seen

    @staticmethod
    def receive(connection, peer):
        """The next message: its head, its body and its trailers."""
        head, body = None, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    peer.sendall(connection.send(h11.InformationalResponse(status_code=100, headers=[])))
                connection.receive_data(peer.recv(65536))
            elif isinstance(event, (h11.Request, h11.Response)):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return head, body, dict(event.headers)
            elif isinstance(event, h11.ConnectionClosed):
                return None, b"", {}

    def exchange(self, connection, peer, method, url, headers=(), body=None, trailers=()):
        events = [h11.Request(method=method, target=url, headers=[("Host", "x"), *headers])]
        if body:
            events += [h11.Data(data=body[i:i + 7000]) for i in range(0, len(body), 7000)]
        for event in (*events, h11.EndOfMessage(headers=list(trailers))):
            data = connection.send(event)
            peer.sendall(data)
        interim = []
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(peer.recv(65536))
            elif isinstance(event, h11.InformationalResponse):
                interim.append(event.status_code)
            elif isinstance(event, h11.Response):
                break
            else:
                raise AssertionError(event)
        got, answer_trailers = b"", {}
        while True:
            more = connection.next_event()
            if more is h11.NEED_DATA:
                connection.receive_data(peer.recv(65536))
            elif isinstance(more, h11.Data):
                got += bytes(more.data)
            elif isinstance(more, h11.EndOfMessage):
                answer_trailers = dict(more.headers)
                break
        if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
            connection.start_next_cycle()
        return event, got, interim, answer_trailers

    def test_exchanges_of_every_kind(self):
        end = h11.EndOfMessage()

        def answer(request, body):
            path = bytes(request.target)
            sized = [("Content-Length", str(len(body)))]
            if path == b"/chunked":
                return [h11.Response(status_code=200, headers=[("Transfer-Encoding", "chunked"), ("Trailer", "x-sum")]),
                        h11.Data(data=b"some "), h11.Data(data=body), h11.EndOfMessage(headers=[("x-sum", "7")])]
            if path == b"/hints":
                return [h11.InformationalResponse(status_code=103, headers=[("Link", "</x>")]),
                        h11.Response(status_code=200, headers=sized), h11.Data(data=body), end]
            if path == b"/204":
                return [h11.Response(status_code=204, headers=[]), end]
            if path == b"/304":
                return [h11.Response(status_code=304, headers=[("ETag", '"x"')]), end]
            if request.method == b"HEAD":
                return [h11.Response(status_code=200, headers=[("Content-Length", "1234")]), end]
            return [h11.Response(status_code=200, headers=sized), *([h11.Data(data=body)] if body else []), end]

        port, seen = self.origin(answer)
        url = f"http://127.0.0.1:{port}"
        proxy = self.proxy()
        connection = h11.Connection(h11.CLIENT)
        big = os.urandom(300_000)
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as peer:
            call = lambda *args, **kw: self.exchange(connection, peer, *args, **kw)  # noqa: E731
            self.assertEqual(call("GET", url + "/")[0].status_code, 200)
            self.assertEqual(call("POST", url + "/", [("Content-Length", "5")], b"hello")[1], b"hello")
            self.assertEqual(call("POST", url + "/", [("Transfer-Encoding", "chunked")], big)[1], big)
            got = call("POST", url + "/chunked", [("Transfer-Encoding", "chunked"), ("TE", "trailers"),
                                                  ("Connection", "TE")], b"body", [("x-in", "3")])
            self.assertEqual((got[1], got[3]), (b"some body", {b"x-sum": b"7"}))
            self.assertEqual(seen[-1][2], {b"x-in": b"3"})
            self.assertEqual(call("GET", url + "/hints")[2], [103])
            self.assertEqual(call("GET", url + "/204")[0].status_code, 204)
            self.assertEqual(call("GET", url + "/304")[0].status_code, 304)
            self.assertEqual(dict(call("HEAD", url + "/")[0].headers)[b"content-length"], b"1234")
            got = call("GET", url + "/last", [("X-Hop", "gone"), ("Connection", "X-Hop"), ("Keep-Alive", "5")])
            self.assertEqual(got[0].status_code, 200)
        request = dict(seen[-1][0].headers)
        self.assertEqual(request[b"host"], f"127.0.0.1:{port}".encode())
        self.assertTrue(request[b"via"].startswith(b"1.1 k2s-httpproxy-"))
        for gone in (b"x-hop", b"keep-alive", b"connection", b"proxy-connection"):
            self.assertNotIn(gone, request)


@unittest.skipUnless(shutil.which("squid"), "squid is not here")
class Squid(ProxyTest):
    def squid(self, auth):
        port = free_port()
        folder = os.path.join(self.folder, f"squid-{port}")
        os.makedirs(folder)
        os.chmod(self.folder, 0o755)
        os.chmod(folder, 0o777)
        lines = [f"http_port 127.0.0.1:{port}", "cache deny all", f"pid_filename {folder}/pid", "shutdown_lifetime 0",
                 f"cache_log {folder}/cache.log", "access_log none", f"coredump_dir {folder}", "pinger_enable off",
                 "visible_hostname squid.test", "client_persistent_connections on"]
        if auth:
            hashed = subprocess.run(["openssl", "passwd", "-apr1", "s3:cret word"], capture_output=True, text=True,
                                    check=True).stdout
            with open(f"{folder}/users", "w") as file:
                file.write("us er:" + hashed)
            lines += [f"auth_param basic program /usr/lib/squid/basic_ncsa_auth {folder}/users",
                      "acl known proxy_auth REQUIRED", "http_access allow known"]
        lines += ["http_access deny all" if auth else "http_access allow all"]
        with open(f"{folder}/conf", "w") as file:
            file.write("\n".join(lines) + "\n")
        process = subprocess.Popen(["squid", "-N", "-f", f"{folder}/conf"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.kill)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return port
            except OSError:
                time.sleep(0.05)
        self.fail("squid does not start")

    def test_upstream_with_basic(self):
        certified = certificate(self)
        plain, secure = self.serve(), self.serve(certified)
        upstream = f"http://127.0.0.1:{self.squid(auth=True)}"
        # Names of this host go direct unless a rule says otherwise.
        def through(credentials):
            rule = {"match": ["*"], "via": upstream, "credentials_file": credentials}
            return "--set", "features.httpproxy.settings.routes=" + json.dumps([rule])

        right, wrong = self.write("right", "us er:s3:cret word\n"), self.write("wrong", "us er:guess\n")
        for credentials, expected in ((right, b"200"), (wrong, b"502")):
            proxy = self.proxy(*through(credentials))
            for url in (plain, secure):
                for _ in range(2):
                    done = subprocess.run(["curl", "-sS", "-m", "60", "--noproxy", "", "--cacert", certified[0], "-x",
                                           proxy.url, "-o", "/dev/null", "-w", "%{http_code} %{http_connect}",
                                           url + "big"], capture_output=True, timeout=90)
                    self.assertIn(expected, done.stdout, (url, done.stderr))
            self.assertIn(upstream, {record["route"] for record in proxy.records() if record["msg"] == "request"})
            self.assertNotIn("s3:cret", proxy.output())
            inside = self.run_tool("httpproxy", "test", "--format", "json", "--ca-file", native(certified[0]),
                                   *through(credentials), secure)
            self.assertEqual("TLSv1" in inside.stdout, credentials == right, inside.stdout)
            test = self.run_tool("httpproxy", "test", "--format", "json", *through(credentials), plain)
            self.assertEqual(test.returncode, 0 if credentials == right else 1, test.stdout)
            self.assertIn(upstream, test.stdout)

    def test_the_target_of_a_test_is_verified(self):
        secure = self.serve(certificate(self))
        refused = self.run_tool("httpproxy", "test", secure)
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn("certificate was refused", refused.stdout)

    # What goes through must be the same as with squid; what is ambiguous must not go through at all.
    VALID = [
        b"GET %u/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"GET %u HTTP/1.1\r\nHost: wrong.test\r\nConnection: close\r\n\r\n",
        b"GET %u/?q=%%20 HTTP/1.0\r\n\r\n",
        b"HEAD %u/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"POST %u/p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
        b"POST %u/p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"PUT %u/p HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"DELETE %u/p HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"OPTIONS %u/p HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        b"GET %u/a HTTP/1.1\r\nHost: h\r\nConnection: close, X-A\r\nX-A: 1\r\nX-B: 2\r\n\r\n",
    ]
    # What is ambiguous or malformed, by the names in docs/operators/hostile-requests.md.
    HOSTILE = {
        "Content-Length and Transfer-Encoding": b"POST %u/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET %u/smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
        "two Content-Lengths that differ": b"POST %u/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "two Content-Lengths alike": b"POST %u/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "Content-Length with a sign": b"POST %u/ HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc",
        "Content-Length as a list": b"POST %u/ HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc",
        "chunked is not the last coding": b"POST %u/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "an unknown coding": b"POST %u/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "chunked twice": b"POST %u/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a control character before chunked": b"POST %u/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "chunked in HTTP/1.0": b"POST %u/ HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a blank before the colon": b"POST %u/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "a chunk size with a sign": b"POST %u/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
        "a chunk size that wraps": b"POST %u/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n",
        "bare LF in chunks": b"POST %u/ HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
        "a folded line": b"GET %u/ HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n",
        "NUL in a value": b"GET %u/ HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n\r\n",
        "bare LF in the head": b"GET %u/ HTTP/1.1\r\nHost: h\nX: a\n\n",
        "bare CR in a value": b"GET %u/ HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        "two Hosts": b"GET %u/ HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
        "no Host": b"GET %u/ HTTP/1.1\r\n\r\n",
        "a blank after Host": b"GET %u/ HTTP/1.1\r\nHost : h\r\n\r\n",
        "two blanks before the target": b"GET  %u/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "a control character in the target": b"GET %u/\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
        "HTTP/2.0": b"GET %u/ HTTP/2.0\r\nHost: h\r\n\r\n",
        "a control character in the method": b"G\x7fT %u/ HTTP/1.1\r\nHost: h\r\n\r\n",
    }

    def goproxy(self):
        """The library of the original tool, when there is a Go that can build it."""
        program = os.path.join(self.folder, "goproxy")
        if not shutil.which("go"):
            return None
        source = os.path.join(HERE, "..", "bench", "peers", "goproxy")
        environment = os.environ | {"GOCACHE": os.path.join(CACHE, "go-build"), "GOPATH": os.path.join(CACHE, "go"),
                                    "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
        built = subprocess.run(["go", "build", "-o", program, "."], cwd=source, env=environment, capture_output=True,
                               timeout=300)
        if built.returncode != 0:
            return None
        port = free_port()
        process = subprocess.Popen([program, f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.kill)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return port
            except OSError:
                time.sleep(0.05)
        self.fail("goproxy does not start")

    def test_differences_to_squid_and_goproxy(self):
        seen = []

        def answer_one(peer):
            peer.settimeout(30)
            data = b""
            while b"\r\n\r\n" not in data:
                data += (piece := peer.recv(65536))
                if not piece:
                    return
            head, _, body = data.partition(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            fields = {line.split(b":")[0].lower(): line.split(b":", 1)[1].strip() for line in lines[1:]}
            chunked = fields.get(b"transfer-encoding") == b"chunked"
            length = int(fields.get(b"content-length", 0))
            while not body.endswith(b"0\r\n\r\n") if chunked else len(body) < length:
                body += (piece := peer.recv(65536))
                if not piece:  # the proxy has broken the message off
                    return
            kept = {name: value for name, value in fields.items() if name in (b"host", b"x-a", b"x-b")}
            seen.append((lines[0], kept, b"abc" if b"abc" in body else b""))
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n" +
                         (b"" if lines[0].startswith(b"HEAD") else b"ok"))

        def serve_one(peer):
            with peer, contextlib.suppress(OSError):  # a proxy resets what it has given up
                answer_one(peer)

        def serve(listener):
            with contextlib.suppress(OSError):  # closed at the end
                while True:
                    threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()

        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        url = b"http://127.0.0.1:%d" % listener.getsockname()[1]
        ports = {"ours": self.proxy().port, "squid": self.squid(auth=False)}
        if port := self.goproxy():
            ports["goproxy"] = port
        numbers = itertools.count()

        def ask(name, request, passed_on=False):
            seen.clear()
            hostile = request in self.HOSTILE.values()
            # What an earlier one left behind may come late: hostile ones are known by their path.
            mark = b"/%s-%d" % (name.encode(), next(numbers)) if hostile else b""
            with socket.create_connection(("127.0.0.1", ports[name]), timeout=20) as peer:
                peer.sendall(request.replace(b"%u", url + mark).replace(b"%%", b"%"))
                answer = b""
                if hostile:
                    peer.settimeout(3)  # some wait for more, or keep the connection
                try:
                    while (piece := peer.recv(65536)) and not (hostile and b"\r\n\r\n" in answer + piece):
                        answer += piece
                    answer += piece
                except OSError:
                    pass
            late = time.monotonic() + 20  # a busy proxy takes its time
            while not (reached := [one for one in seen if mark in one[0]]) and passed_on and time.monotonic() < late:
                time.sleep(0.05)
            return answer.partition(b"\r\n")[0].split(b" ")[1:2], answer.partition(b"\r\n\r\n")[2], reached

        for request in self.VALID:
            ours = ask("ours", request)
            self.assertEqual(ours[0], [b"200"], request)
            for name in ports.keys() - {"ours"}:
                if name == "goproxy" and b"X-A" in request:
                    continue  # it passes on what Connection names
                self.assertEqual(ask(name, request), ours, (name, request))
        with open(os.path.join(HERE, "..", "..", "docs", "operators", "hostile-requests.md")) as page:
            rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in page if line.startswith("| ")]
        documented = {row[0]: dict(zip(rows[0][1:], row[1:])) for row in rows[1:]}
        self.assertEqual(documented.keys(), self.HOSTILE.keys())
        for case, request in self.HOSTILE.items():
            for name in ports:
                status, _, reached = ask(name, request, documented[case][name] == "passed on")
                answer = "passed on" if reached else status[0].decode() if status else "closed"
                with self.subTest(case, proxy=name):
                    if name == "ours":
                        self.assertEqual(answer, documented[case][name])
                    else:  # how others refuse is their affair
                        self.assertEqual(answer == "passed on", documented[case][name] == "passed on", answer)


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: MIT
"""A registry with one image that keeps to the distribution specification, but for what `tricks` says: a
name, and how often."""
import base64
import hashlib
import http.server
import io
import json
import os
import ssl
import tarfile
import threading
import time

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
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

    def break_off(self):
        self.close_connection = True

    def admitted(self):
        """Notes the request; False: it was answered already."""
        server = self.server
        if self.path.startswith("http://"):  # this is the proxy as well
            server.proxied.append((self.path, self.headers.get("Proxy-Authorization")))
            if server.proxy_password and self.headers.get("Proxy-Authorization") != server.proxy_password:
                self.answer(407, Proxy_Authenticate='Basic realm="p"')
                return False
            self.path = "/" + self.path.split("/", 3)[3]
        given = self.headers.get("Authorization")
        server.seen.append((self.path, given, self.headers.get("Range")))
        if self.path.startswith("/token"):
            server.tokens += 1
            server.uses = server.token_uses
            self.answer(200, json.dumps({"token": f"t{server.tokens}"}).encode())
            return False
        challenge = None
        if server.need_token:
            challenge = f'Bearer realm="{server.realm or server.url + "/token"}",service="s"'
            if given == f"Bearer t{server.tokens}" and server.uses != 0:
                server.uses -= 1  # of a token without end it stays below 0
                challenge = None
        elif server.password and given != server.password:
            challenge = 'Basic realm="r"'
        if challenge:
            self.answer(401, WWW_Authenticate=challenge)
        return challenge is None

    def do_GET(self):
        if not self.admitted():
            return None
        server = self.server
        if "/blobs/uploads/" in self.path:
            size = len(server.upload)
            return self.answer(204, Location=self.path, Range=f"0-{max(size - 1, 0)}")
        digest = self.path.rsplit("/", 1)[1]
        if "/manifests/" in self.path:
            if self.trick("busy"):
                return self.answer(503)
            body = server.manifest if digest in ("1", server.manifest_digest) else None
            if body is None:
                return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such\\nthing"}]}')
            return self.answer(200, b"{}" if self.trick("other manifest") else body, Content_Type=MANIFEST)
        body = server.blobs.get(digest)
        if body is None:
            return self.answer(404)
        if self.trick("redirect"):
            return self.answer(307, Location=server.elsewhere)
        if self.trick("loop"):
            return self.answer(307, Location=self.path)
        return self.blob(body)

    do_HEAD = do_GET

    def blob(self, body):
        begin = 0
        if self.headers.get("Range") and not self.server.tricks.get("no ranges"):
            begin = int(self.headers["Range"][6:-1])
        status = 206 if begin else 200
        headers = {"Content_Range": f"bytes {begin}-{len(body) - 1}/{len(body)}"} if begin else {}
        part = body[begin:]
        if self.trick("reset"):
            self.answer(status, part[:len(part) // 2], Content_Length=str(len(part)), **headers)
            return self.break_off()
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

    # --- pushing

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def do_POST(self):
        self.body()
        if self.admitted():
            self.server.upload = bytearray()
            self.answer(202, Location=f"{self.path}1?state=a")

    def do_PATCH(self):
        server = self.server
        body = self.body()
        if not self.admitted():
            return None
        begin = int(self.headers["Content-Range"].split("-")[0])
        if begin != len(server.upload):
            return self.answer(416, Location=self.path, Range=f"0-{max(len(server.upload) - 1, 0)}")
        if self.trick("cut upload"):
            server.upload += body[:len(body) // 2]
            return self.break_off()
        server.upload += body
        if self.trick("lost answer"):
            return self.break_off()
        return self.answer(202, Location=self.path, Range=f"0-{len(server.upload) - 1}")

    def do_PUT(self):
        server = self.server
        body = self.body()
        if not self.admitted():
            return None
        if "/manifests/" in self.path:
            server.manifest, server.manifest_digest = body, digest_of(body)
            told = digest_of(b"") if self.trick("other digest") else server.manifest_digest
            return self.answer(201, Docker_Content_Digest=told)
        whole = bytes(server.upload) + body
        named = self.path.rsplit("digest=", 1)[1].replace("%3A", ":")
        if digest_of(whole) != named:
            return self.answer(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}')
        server.blobs[named] = whole
        return self.break_off() if self.trick("lost end") else self.answer(201)


class Registry(http.server.ThreadingHTTPServer):
    """On a free port of 127.0.0.1. `tls`: a certificate and its key."""
    daemon_threads = True

    def __init__(self, tls=None, megabytes=0.3, **tricks):
        super().__init__(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server_port}"
        self.url = ("https://" if tls else "http://") + self.host
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            info = tarfile.TarInfo("big")
            info.size = int(megabytes * 1_000_000)
            archive.addfile(info, io.BytesIO(os.urandom(info.size)))
        layer = layer.getvalue()
        config = json.dumps({"os": "linux", "architecture": "amd64",
                             "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]}}).encode()
        self.blobs = {digest_of(data): data for data in (layer, config)}
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(config),
                       "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(layer),
                        "size": len(layer)}],
        }).encode()
        self.manifest_digest = digest_of(self.manifest)
        self.tricks, self.seen, self.proxied = tricks, [], []
        self.upload = bytearray()
        self.need_token, self.tokens, self.uses, self.token_uses = False, 0, 0, -1
        self.realm = self.elsewhere = self.password = self.proxy_password = None
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_):
        pass  # a client that gives up is meant to

    def largest(self):
        return max(self.blobs, key=lambda digest: len(self.blobs[digest]))

    def smallest(self):
        return min(self.blobs, key=lambda digest: len(self.blobs[digest]))

    def mirror_of(self, other):
        self.manifest, self.manifest_digest, self.blobs = other.manifest, other.manifest_digest, other.blobs

    def end(self):
        self.shutdown()
        self.server_close()


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

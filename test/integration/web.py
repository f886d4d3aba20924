# SPDX-License-Identifier: MIT
"""Web servers for the clients of a proxy."""
import http.server
import os
import ssl
import subprocess
import threading


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def certificate(test):
    """A new one for this machine that nobody signed, and its key."""
    key, made = os.path.join(test.folder, "key.pem"), os.path.join(test.folder, "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", made,
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    return made, key


def serve(test, folder, handler=Files, certified=None):
    """A server for `folder` until the test ends; its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                             lambda *args, **kw: handler(*args, directory=folder, **kw))
    if certified:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certified)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    return f"{'https' if certified else 'http'}://127.0.0.1:{server.server_port}/"

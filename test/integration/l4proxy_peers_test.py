# SPDX-License-Identifier: MIT
"""HAProxy and nginx on both ends of PROXY v1 and v2: what the first is told, the last one knows. iperf3 and nc
through it from one network namespace to the other."""
import hashlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import threading
import unittest

from forwarding import MARK, Forwarding, NamespaceTest
from k2s import WINDOWS, Running, free_ports

STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"

HAPROXY = """
global
    maxconn 100
defaults
    timeout connect 10s
    timeout client 10s
    timeout server 10s
"""
NGINX = """
load_module {module};
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 100; }}
stream {{ {fronts} }}
http {{
    access_log off;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen 127.0.0.1:{back} proxy_protocol;
              location / {{ return 200 "$proxy_protocol_addr:$proxy_protocol_port "; }} }}
}}
"""


@unittest.skipIf(WINDOWS, "HAProxy and nginx run on Linux; the parser is the same")
@unittest.skipUnless(shutil.which("haproxy") and shutil.which("nginx") and os.path.exists(STREAM_MODULE),
                     "HAProxy or nginx with its stream module is not here")
class ProxyProtocol(Forwarding):
    """client → front → l4proxy → back: the back says which client it was told."""

    FRONTS = ("haproxy-v1", "haproxy-v2", "nginx-v1")
    BACKS = ("haproxy", "nginx")

    def background(self, *command):
        log = open(os.path.join(self.folder, command[0] + ".log"), "w")
        self.addCleanup(log.close)
        program = subprocess.Popen(command, stdout=log, stderr=log)
        self.addCleanup(program.wait)
        self.addCleanup(program.terminate)

    def told(self, port):
        """(the client's own address, the address that the back knows)"""
        with socket.create_connection(("127.0.0.1", port), 10) as client:
            mine = "%s:%d" % client.getsockname()
            client.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
            answer = b""
            while piece := client.recv(4096):
                answer += piece
        return mine, answer.rsplit(b"\r\n\r\n", 1)[-1].decode().strip()

    def test_every_front_with_every_back(self):
        names = list(itertools.product(self.FRONTS, self.BACKS, ("v1", "v2")))
        ports = free_ports(2 * len(names) + len(self.BACKS))
        backs = {back: ports.pop() for back in self.BACKS}
        chains = {name: (ports.pop(), ports.pop()) for name in names}
        forwards, haproxy, fronts = [], HAPROXY, ""
        for (front, back, version), (outer, inner) in chains.items():
            name = f"{front}-{back}-{version}"
            forwards.append({"name": name, "listen": [f"tcp://127.0.0.1:{inner}"],
                             "targets": [{"to": f"tcp://127.0.0.1:{backs[back]}"}],
                             "proxy_protocol": {"accept": "required", "trusted": ["127.0.0.0/8"], "send": version}})
            if front == "nginx-v1":
                fronts += f"server {{ listen 127.0.0.1:{outer}; proxy_pass 127.0.0.1:{inner}; proxy_protocol on; }} "
            else:
                sends = "send-proxy-v2" if front.endswith("v2") else "send-proxy"
                haproxy += (f"listen {name}\n    bind 127.0.0.1:{outer}\n    mode tcp\n"
                            f"    server next 127.0.0.1:{inner} {sends}\n")
        haproxy += (f"frontend back\n    bind 127.0.0.1:{backs['haproxy']} accept-proxy\n    mode http\n"
                    '    http-request return status 200 content-type text/plain lf-string "%ci:%cp "\n')
        with open(os.path.join(self.folder, "haproxy.cfg"), "w") as file:
            file.write(haproxy)
        with open(os.path.join(self.folder, "nginx.conf"), "w") as file:
            file.write(NGINX.format(module=STREAM_MODULE, folder=self.folder, fronts=fronts, back=backs["nginx"]))
        self.background("haproxy", "-f", os.path.join(self.folder, "haproxy.cfg"))
        self.background("nginx", "-c", os.path.join(self.folder, "nginx.conf"))
        host = Running(self, "k2s", "run", "--config", self.write("chain.json", json.dumps(
            {"services": {"l4": {"feature": "l4proxy", "settings": {"forwards": forwards}}}})))
        host.wait_for("service started")

        def up(port):
            try:
                return self.told(port)[1] != ""
            except OSError:
                return False
        for chain, (outer, _) in chains.items():
            with self.subTest(chain):
                self.wait_until(lambda: up(outer))
                mine, known = self.told(outer)
                self.assertEqual(known, mine)
        # And whoever sends no header is not served.
        _, inner = next(iter(chains.values()))
        self.assertEqual(self.told(inner)[1], "")
        self.succeed("k2s", "host", "stop")


@unittest.skipUnless(shutil.which("iperf3") and shutil.which("nc"), "iperf3 or nc is not here")
class Across(NamespaceTest):
    """From web to db, which have no way to each other's loopback but the proxy."""

    def inside(self, name, *words, **options):
        process = subprocess.Popen(["ip", "netns", "exec", MARK + name, *words], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, **options)
        for cleanup in (process.stdout.close, process.stdin.close if process.stdin else int, process.wait, process.kill):
            self.addCleanup(cleanup)
        return process

    def listens(self, name, port, kind="t"):
        shown = subprocess.run(["ip", "netns", "exec", MARK + name, "ss", f"-H{kind}nl", f"sport = :{port}"],
                               capture_output=True, check=True)
        return bool(shown.stdout)

    def forward(self, port, *kinds):
        forwards = [{"name": kind, "listen": [f"{kind}://{self.place('web')}127.0.0.1:{port}"],
                     "targets": [{"to": f"{kind}://{self.place('db')}127.0.0.1:{port}"}]} for kind in kinds]
        host = Running(self, "k2s", "run", "--config", self.write("across.yaml", json.dumps(
            {"services": {"l4": {"feature": "l4proxy", "settings": {"forwards": forwards}}}})))
        host.wait_for("service started")

    def test_iperf3(self):
        self.inside("db", "iperf3", "-s", "-B", "127.0.0.1", "-p", "5201")
        self.wait_until(lambda: self.listens("db", 5201))
        self.forward(5201, "tcp", "udp")

        def measure(*words):
            done = self.inside("web", "iperf3", "-J", "-c", "127.0.0.1", "-p", "5201", *words)
            told = json.loads(done.communicate(timeout=120)[0])
            self.assertNotIn("error", told)
            return told["end"]
        for way in ((), ("-R",)):
            end = measure("-n", "200M", "-P", "4", *way)
            self.assertGreaterEqual(end["sum_sent"]["bytes"], 200 << 20)
            # The end is told on a connection of its own, and overtakes what is on its way.
            self.assertGreater(end["sum_received"]["bytes"], 100 << 20)
        end = measure("-t", "1", "-P", "2", "--bidir")
        for way in ("sum_received", "sum_received_bidir_reverse"):
            self.assertGreater(end[way]["bytes"], 1 << 20)
        end = measure("-u", "-b", "20M", "-l", "1200", "-n", "2M")["sum"]
        self.assertGreater(end["packets"], 1500)
        self.assertLess(end["lost_percent"], 50)  # other work on the machine may cost some

    def test_nc(self):
        question, answer = os.urandom(3_000_000), os.urandom(2_000_000)
        for name, content in (("question", question), ("answer", answer)):
            self.write(name, content)
        with open(f"{self.folder}/answer", "rb") as give:
            server = self.inside("db", "nc", "-N", "-l", "127.0.0.1", "5300", stdin=give)
        self.wait_until(lambda: self.listens("db", 5300))
        self.forward(5300, "tcp", "udp")
        with open(f"{self.folder}/question", "rb") as give:  # each ends its side and reads on
            client = self.inside("web", "nc", "-N", "127.0.0.1", "5300", stdin=give)
        served = []
        reader = threading.Thread(target=lambda: served.append(server.communicate(timeout=60)[0]))
        reader.start()
        got = client.communicate(timeout=60)[0]
        reader.join()
        digest = [hashlib.sha256(content).hexdigest() for content in (got, served[0], answer, question)]
        self.assertEqual(digest[:2], digest[2:])
        echo = self.inside("db", "nc", "-u", "-l", "127.0.0.1", "5300", stdin=subprocess.PIPE)
        self.wait_until(lambda: self.listens("db", 5300, "u"))
        client = self.inside("web", "nc", "-u", "127.0.0.1", "5300", stdin=subprocess.PIPE)
        for one, other in ((client, echo), (echo, client)):
            one.stdin.write(b"a datagram\n")
            one.stdin.flush()
            self.assertEqual(other.stdout.readline(), b"a datagram\n")


if __name__ == "__main__":
    unittest.main()

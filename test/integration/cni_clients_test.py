# SPDX-License-Identifier: MIT
"""bridge and host-local as real programs use them: cnitool for all verbs, podman, containerd, flannel's delegate on
two nodes. Each in namespaces of the test's own."""
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import time

from cni_node import DEBIANS, NODE, OURS, Cni, cnitool, flannel, main, sh
from namespaces import make

BUSYBOX = "/bin/busybox"
IMAGE = "localhost/tiny:1"


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.05)


def tiny_image(path):
    """An OCI archive with busybox in it."""
    def tar(files):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, (mode, data) in files.items():
                entry = tarfile.TarInfo(name)
                entry.mode, entry.size = mode, len(data)
                archive.addfile(entry, io.BytesIO(data))
        return buffer.getvalue()

    blobs = {}

    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = (0o644, data)
        return {"digest": f"sha256:{digest}", "size": len(data)}

    def text(value):
        return json.dumps(value).encode()

    with open(BUSYBOX, "rb") as file:
        layer = tar({"bin/busybox": (0o755, file.read()), "etc/hosts": (0o644, b""), "etc/resolv.conf": (0o644, b"")})
    kind = "application/vnd.oci.image."
    media = {"mediaType": kind + "layer.v1.tar", **blob(layer)}
    config = blob(text({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/busybox", "sleep", "1000"]},
                        "rootfs": {"type": "layers", "diff_ids": [media["digest"]]}}))
    manifest = blob(text({"schemaVersion": 2, "mediaType": kind + "manifest.v1+json", "layers": [media],
                          "config": {"mediaType": kind + "config.v1+json", **config}}))
    index = {"schemaVersion": 2, "manifests": [{
        "mediaType": kind + "manifest.v1+json", **manifest,
        "annotations": {"org.opencontainers.image.ref.name": IMAGE, "io.containerd.image.name": IMAGE}}]}
    with open(path, "wb") as file:
        file.write(tar({"oci-layout": (0o644, text({"imageLayoutVersion": "1.0.0"})),
                        "index.json": (0o644, text(index)), **blobs}))


class Clients(Cni):
    """A folder of plugins in which bridge also writes down how it is called."""

    def setUp(self):
        super().setUp()
        self.plugins, self.networks = os.path.join(self.folder, "bin"), os.path.join(self.folder, "net.d")
        self.log = os.path.join(self.folder, "calls")
        os.makedirs(self.plugins)
        os.makedirs(self.networks)
        with open(os.path.join(self.plugins, "bridge"), "w") as file:
            file.write(f'#!/bin/sh\necho "$CNI_COMMAND netns=$CNI_NETNS" >>{self.log}\nexec {OURS}/bridge\n')
        os.chmod(os.path.join(self.plugins, "bridge"), 0o755)
        os.symlink(os.path.join(OURS, "host-local"), os.path.join(self.plugins, "host-local"))
        for name in ("portmap", "loopback"):
            if os.path.exists(os.path.join(DEBIANS, name)):
                os.symlink(os.path.join(DEBIANS, name), os.path.join(self.plugins, name))

    def network(self, *more, version="1.0.0", name="net", **options):
        plugin = {**self.config(isDefaultGateway=True, **options)}
        for key in ("cniVersion", "name"):
            del plugin[key]
        with open(os.path.join(self.networks, "10-net.conflist"), "w") as file:
            json.dump({"cniVersion": version, "name": name, "plugins": [plugin, *more]}, file)

    def calls(self):
        with open(self.log) as file:
            return [line.split() for line in file]

    def need(self, *tools):
        missing = [tool for tool in tools if not shutil.which(tool)]
        if missing:
            self.skipTest(f"{', '.join(missing)} missing")

    def on_node(self, *words, check=True, **options):
        """In the node's network, with the machine's /sys, as container runtimes need it."""
        done = subprocess.run(["nsenter", f"--net=/run/netns/{NODE}", *words], capture_output=True, text=True,
                              timeout=120, **options)
        if check and done.returncode:
            self.fail(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout


class CniTool(Clients):
    def setUp(self):
        super().setUp()
        folder, why = cnitool()
        if not folder:
            self.skipTest(f"cnitool cannot be had: {why}")
        self.tool = os.path.join(folder, "cnitool")

    def run_tool(self, verb, netns, check=True, **more):
        env = {**os.environ, "CNI_PATH": self.plugins, "NETCONFPATH": self.networks, "CNI_IFNAME": "eth0", **more}
        return self.on_node(self.tool, verb, "net", netns, check=check, env=env)

    def test_all_verbs_in_all_versions(self):
        netns = self.pod("a")
        for version in ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"):
            with self.subTest(version):
                self.network(version=version, ipMasq=True)
                result = json.loads(self.run_tool("add", netns))
                self.assertEqual(result["cniVersion"], version)
                self.assertEqual(result["interfaces"][2]["name"], "eth0")
                if version >= "0.4.0":
                    self.run_tool("check", netns)
                if version >= "1.1.0":
                    self.run_tool("status", netns)
                self.run_tool("del", netns)
                self.assertEqual(self.ports(), [])
                self.assertEqual(self.reserved(), [])

    def test_garbage_is_collected(self):
        netns = self.pod("a")
        self.network(version="1.1.0", ipMasq=True)
        self.run_tool("add", netns)
        self.run_tool("gc", netns)
        self.assertEqual(self.ports(), [])
        self.assertEqual(self.reserved(), [])
        self.assertNotIn("10.77", self.node("nft", "list", "ruleset"))

    def test_check_says_what_is_wrong(self):
        netns = self.pod("a")
        self.network(version="1.0.0")
        self.run_tool("add", netns)
        sh("ip", "-n", f"{NODE}-a", "addr", "flush", "dev", "eth0")
        done = subprocess.run(["nsenter", f"--net=/run/netns/{NODE}", self.tool, "check", "net", netns],
                              env={**os.environ, "CNI_PATH": self.plugins, "NETCONFPATH": self.networks},
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("10.77.0.2", done.stdout + done.stderr)
        self.run_tool("del", netns)


class Podman(Clients):
    def setUp(self):
        super().setUp()
        self.need("podman", "runc")
        if not os.path.exists(BUSYBOX) or not os.path.exists(os.path.join(DEBIANS, "portmap")):
            self.skipTest("busybox-static or containernetworking-plugins is missing")
        config = os.path.join(self.folder, "containers.conf")
        with open(config, "w") as file:
            file.write(f'[containers]\ndefault_ulimits=["nofile=1024:4096","nproc=1024:4096"]\n'
                       f'[engine]\nruntime="runc"\ncgroup_manager="cgroupfs"\nevents_logger="file"\n'
                       f'[network]\nnetwork_backend="cni"\ncni_plugin_dirs=["{self.plugins}"]\n'
                       f'network_config_dir="{self.networks}"\ndefault_network="net"\n')
        self.env = {**os.environ, "CONTAINERS_CONF": config}
        self.store = [f"--root={self.folder}/root", f"--runroot={self.folder}/run", f"--tmpdir={self.folder}/tmp",
                      "--storage-driver=vfs"]
        image = os.path.join(self.folder, "tiny.tar")
        tiny_image(image)
        self.network({"type": "portmap", "capabilities": {"portMappings": True}}, version="0.4.0", ipMasq=True)
        self.podman("load", "-q", "-i", image)
        self.addCleanup(self.podman, "rm", "-a", "-f", "-t", "0", check=False)

    def podman(self, *words, check=True):
        return self.on_node("podman", *self.store, *words, check=check, env=self.env)

    def test_containers_ping_resolve_and_publish(self):
        self.podman("run", "-d", "--network=net", "--name=server", "-p", "8080:80", IMAGE, "/bin/busybox", "sh", "-c",
                    "echo hello >/index.html; exec /bin/busybox httpd -f -p 80 -h /")
        address = json.loads(self.podman("inspect", "server"))[0]["NetworkSettings"]["Networks"]["net"]["IPAddress"]
        self.assertTrue(address.startswith("10.77.0."))
        run = ["run", "--rm", "--network=net", IMAGE, "/bin/busybox"]
        self.assertIn("1 packets received", self.podman(*run, "ping", "-c", "1", "-W", "5", address))
        self.assertEqual(self.podman(*run, "wget", "-q", "-O", "-", f"http://{address}/"), "hello\n")
        self.assertEqual(self.podman(*run, "wget", "-q", "-O", "-", "http://10.77.0.1:8080/"), "hello\n")
        self.podman("run", "--rm", "--network=net", "--add-host=web:" + address, IMAGE, "/bin/busybox", "ping", "-c",
                    "1", "-W", "5", "web")
        self.podman("rm", "-f", "-t", "0", "server")
        calls = [command for command, _ in self.calls()]
        # It asks for the version before each verb.
        for at, command in enumerate(calls):
            if command != "VERSION":
                self.assertEqual(calls[at - 1], "VERSION")
        self.assertEqual(calls.count("ADD"), calls.count("DEL"))
        self.assertEqual(self.ports(), [])
        self.assertEqual(self.reserved(), [])


class Containerd(Clients):
    def setUp(self):
        super().setUp()
        self.need("containerd", "ctr", "runc", "unshare")
        if not os.path.exists(BUSYBOX):
            self.skipTest("busybox-static is missing")
        self.socket = os.path.join(self.folder, "containerd.sock")
        config = os.path.join(self.folder, "containerd.toml")
        with open(config, "w") as file:
            file.write(f'version = 2\nroot = "{self.folder}/croot"\nstate = "{self.folder}/cstate"\n'
                       'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
                       f'[grpc]\naddress = "{self.socket}"\n[ttrpc]\naddress = "{self.socket}.ttrpc"\n')
        self.output = open(os.path.join(self.folder, "containerd.log"), "w")
        daemon = subprocess.Popen(["nsenter", f"--net=/run/netns/{NODE}", "containerd", "-c", config],
                                  stdout=self.output, stderr=self.output)
        self.addCleanup(self.output.close)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)
        wait_until(lambda: os.path.exists(self.socket))
        image = os.path.join(self.folder, "tiny.tar")
        tiny_image(image)
        self.network(ipMasq=True)
        self.ctr("image", "import", "--snapshotter", "native", image)

    def ctr(self, *words, check=True):
        """ctr knows one place for networks and one for plugins: ours are put there for it alone."""
        script = ('mount -t tmpfs none /etc/cni && mkdir /etc/cni/net.d && mount --bind "$1" /etc/cni/net.d && '
                  'mount -t tmpfs none /opt && mkdir -p /opt/cni/bin && mount --bind "$2" /opt/cni/bin && '
                  'shift 2 && exec ctr "$@"')
        return self.on_node("unshare", "-m", "sh", "-c", script, "ctr", self.networks, self.plugins, "-a", self.socket,
                            *words, check=check)

    def test_a_container_is_plugged_in_and_out(self):
        if not os.path.isdir("/etc/cni"):
            self.skipTest("/etc/cni is missing, over which the test would mount its own")
        run = ["run", "--rm", "--cni", "--snapshotter", "native"]
        shown = self.ctr(*run, IMAGE, "one", "/bin/busybox", "ip", "-4", "addr", "show", "eth0")
        self.assertIn("10.77.0.2/16", shown)
        self.assertIn("1 packets received", self.ctr(*run, IMAGE, "two", "/bin/busybox", "ping", "-c", "1", "-W", "5", "10.77.0.1"))
        calls = self.calls()
        self.assertEqual([command for command, _ in calls].count("ADD"), 2)
        # The task and its namespace are gone by then.
        self.assertIn(["DEL", "netns="], calls)
        self.assertEqual(self.ports(), [])
        self.assertEqual(self.reserved(), [])


class Flannel(Clients):
    """Two nodes with a subnet each, and on them flannel's own plugin; where that cannot be had, what it would call
    bridge with."""

    def setUp(self):
        super().setUp()
        self.flannel, self.why = flannel()
        if self.flannel:
            os.symlink(os.path.join(self.flannel, "flannel"), os.path.join(self.plugins, "flannel"))
        self.nodes = [f"{NODE}-n1", f"{NODE}-n2"]
        make(self, *self.nodes)
        one, two = self.nodes
        sh("ip", "-n", one, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", two)
        for number, node in enumerate(self.nodes, 1):
            self.inside(node, "ip", "addr", "add", f"192.168.9.{number}/24", "dev", "eth0")
            self.inside(node, "ip", "link", "set", "eth0", "up")

    def inside(self, netns, *words, check=True):
        done = subprocess.run(["ip", "netns", "exec", netns, *words], capture_output=True, text=True, timeout=60)
        if check and done.returncode:
            self.fail(f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def delegate(self, number, mtu, masquerade=False):
        """What flannel's plugin makes of FLANNEL_NETWORK, _SUBNET, _MTU and _IPMASQ with K2s' net-conf."""
        return {"cniVersion": "0.3.1", "name": "cbr0", "type": "bridge", "mtu": mtu, "hairpinMode": True,
                "isDefaultGateway": True, "isGateway": True, "ipMasq": masquerade, "ipam": {
                    "type": "host-local", "dataDir": os.path.join(self.folder, f"ipam{number}"),
                    "ranges": [[{"subnet": f"10.244.{number}.0/24"}]], "routes": [{"dst": "10.244.0.0/16"}]}}

    def asked(self, number, mtu, masquerade):
        """The network that asks flannel's plugin for this delegate; K2s' net-conf has the same."""
        env = os.path.join(self.folder, f"subnet{number}.env")
        with open(env, "w") as file:
            file.write(f"FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.{number}.1/24\nFLANNEL_MTU={mtu}\n"
                       f"FLANNEL_IPMASQ={'false' if masquerade else 'true'}\n")
        return {"cniVersion": "0.3.1", "name": "cbr0", "type": "flannel", "subnetFile": env,
                "dataDir": os.path.join(self.folder, f"flannel{number}"),
                "ipam": {"dataDir": os.path.join(self.folder, f"ipam{number}")},
                "delegate": {"hairpinMode": True, "isDefaultGateway": True}}

    def test_flannels_own_plugin(self):
        if not self.flannel:
            self.skipTest(f"flannel's plugin cannot be had: {self.why}; its delegate was called in its stead")

    def plug(self, number, mtu, masquerade=False, command="ADD"):
        node, pod = self.nodes[number - 1], f"p{number}"
        netns = f"/run/netns/{NODE}-{pod}"
        if command == "ADD":
            self.pod(pod)
        env = {**os.environ, "CNI_COMMAND": command, "CNI_CONTAINERID": pod, "CNI_IFNAME": "eth0", "CNI_NETNS": netns,
               "CNI_PATH": self.plugins}
        name, config = (("flannel", self.asked) if self.flannel else ("bridge", self.delegate))
        done = subprocess.run(["ip", "netns", "exec", node, os.path.join(self.plugins, name)], env=env, text=True,
                              input=json.dumps(config(number, mtu, masquerade)), capture_output=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.calls()[-1][0], command)
        return json.loads(done.stdout) if done.stdout else None

    def pods_reach_each_other(self, size):
        for source, target in ((1, 2), (2, 1)):
            self.inside(f"{NODE}-p{source}", "ping", "-c", "1", "-W", "5", "-M", "do", "-s", str(size), f"10.244.{target}.2")

    def test_host_gw(self):
        for number in (1, 2):
            result = self.plug(number, 1500)
            self.assertEqual(result["ips"][0]["address"], f"10.244.{number}.2/24")
            self.assertIn({"dst": "10.244.0.0/16"}, result["routes"])
            other = 3 - number
            self.inside(self.nodes[number - 1], "ip", "route", "add", f"10.244.{other}.0/24", "via", f"192.168.9.{other}")
        self.pods_reach_each_other(1472)
        for number in (1, 2):
            self.plug(number, 1500, command="DEL")

    def test_vxlan(self):
        for number in (1, 2):
            node, other = self.nodes[number - 1], 3 - number
            self.inside(node, "ip", "link", "add", "flannel.4096", "mtu", "1450", "address", f"02:00:00:00:00:0{number}",
                        "type", "vxlan", "id", "4096", "dev", "eth0", "local", f"192.168.9.{number}", "dstport", "4789",
                        "nolearning")
            self.inside(node, "ip", "addr", "add", f"10.244.{number}.0/32", "dev", "flannel.4096")
            self.inside(node, "ip", "link", "set", "flannel.4096", "up")
            self.inside(node, "ip", "route", "add", f"10.244.{other}.0/24", "via", f"10.244.{other}.0", "dev", "flannel.4096", "onlink")
            self.inside(node, "ip", "neigh", "add", f"10.244.{other}.0", "lladdr", f"02:00:00:00:00:0{other}", "dev", "flannel.4096")
            self.inside(node, "bridge", "fdb", "add", f"02:00:00:00:00:0{other}", "dev", "flannel.4096", "dst", f"192.168.9.{other}")
            self.plug(number, 1450)
            shown = json.loads(sh("ip", "-n", f"{NODE}-p{number}", "-j", "link", "show", "eth0"))[0]
            self.assertEqual(shown["mtu"], 1450)
        self.pods_reach_each_other(1422)

    def test_what_leaves_is_masqueraded_and_what_stays_is_not(self):
        """Seen by the packets that arrive."""
        for number in (1, 2):
            self.plug(number, 1500, masquerade=True)
        self.inside(self.nodes[1], "ip", "route", "add", "10.244.1.0/24", "via", "192.168.9.1")
        # One socket in each place; the first packet of a flow decides.
        self.assertEqual(self.source_seen(self.nodes[1], "192.168.9.2", f"{NODE}-p1"), "192.168.9.1")
        self.assertEqual(self.source_seen(self.nodes[0], "10.244.1.1", f"{NODE}-p1"), "10.244.1.2")

    def source_seen(self, there, address, sender):
        """The source address of a datagram that is sent to `address` in the namespace `there`."""
        script = ("import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind((sys.argv[1],9999))\n"
                  "s.settimeout(20)\nprint('ready',flush=True)\nprint(s.recvfrom(9)[1][0])")
        listener = subprocess.Popen(["ip", "netns", "exec", there, "python3", "-c", script, address],
                                    stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(listener.stdout.readline(), "ready\n")
            self.inside(sender, "python3", "-c", "import socket,sys\nsocket.socket(socket.AF_INET,socket.SOCK_DGRAM)"
                        ".sendto(b'x',(sys.argv[1],9999))", address)
            return listener.stdout.readline().strip()
        finally:
            listener.kill()
            listener.wait()
            listener.stdout.close()


if __name__ == "__main__":
    main()

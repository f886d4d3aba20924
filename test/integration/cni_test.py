# SPDX-License-Identifier: MIT
"""bridge and host-local as container runtimes call them, beside the reference plugins: same results, same
state of the kernel. In network namespaces of the test's own."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

STAGE = os.environ["K2S_STAGE"]
OURS = os.path.join(STAGE, "bin")
THEIRS = "/usr/lib/cni"
NODE = f"k2scni{os.getpid()}"


def sh(*words, check=True, **options):
    return subprocess.run(words, check=check, capture_output=True, text=True, **options).stdout


def why_not():
    if sys.platform != "linux" or os.environ.get("K2S_EXE_WRAPPER"):
        return "CNI plugins are there for Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft", "bridge") if not shutil.which(tool)]
    if missing:
        return f"{', '.join(missing)} missing"
    return None


class Cni(unittest.TestCase):
    """Each test has a node: a namespace for the host's side, folders, and namespaces for pods."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.pods = []
        sh("ip", "netns", "add", NODE)
        self.addCleanup(sh, "ip", "netns", "del", NODE)
        sh("ip", "-n", NODE, "link", "set", "lo", "up")

    def pod(self, name):
        sh("ip", "netns", "add", f"{NODE}-{name}")
        self.addCleanup(sh, "ip", "netns", "del", f"{NODE}-{name}", check=False)
        return f"/run/netns/{NODE}-{name}"

    def config(self, **more):
        config = {"cniVersion": "1.1.0", "name": "net", "type": "bridge", "bridge": "cbr",
                  "ipam": {"type": "host-local", "subnet": "10.77.0.0/16",
                           "dataDir": os.path.join(self.folder, "ipam")}}
        config.update(more)
        return config

    def call(self, command, config, pod="a", netns=None, plugin=OURS, path=None, name="bridge", **env):
        variables = {**os.environ, "CNI_COMMAND": command, "CNI_CONTAINERID": pod, "CNI_IFNAME": "eth0",
                     "CNI_NETNS": f"/run/netns/{NODE}-{pod}" if netns is None else netns,
                     "CNI_PATH": path or plugin, **env}
        done = subprocess.run(["ip", "netns", "exec", NODE, os.path.join(plugin, name)],
                              input=config if isinstance(config, str) else json.dumps(config),
                              capture_output=True, text=True, env=variables)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr

    def good(self, *arguments, **options):
        code, result, error = self.call(*arguments, **options)
        self.assertEqual(code, 0, f"{arguments[0]}: {result} {error}")
        return result

    def bad(self, *arguments, **options):
        code, result, error = self.call(*arguments, **options)
        self.assertEqual(code, 1, f"{result} {error}")
        self.assertIn("msg", result)
        return result["code"], result["msg"]

    def reserved(self):
        folder = os.path.join(self.folder, "ipam", "net")
        return sorted(name for name in os.listdir(folder) if name[0].isdigit()) if os.path.isdir(folder) else []

    def node(self, *words):
        return sh("ip", "netns", "exec", NODE, *words)

    def ports(self):
        return json.loads(self.node("ip", "-j", "link", "show", "type", "veth") or "[]")

    # --- what is compared ---
    def shape(self, where):
        """`ip -j` without what differs from run to run."""
        links = []
        for link in json.loads(sh("ip", "-n", where, "-d", "-j", "addr")):
            if link["ifname"] == "lo":
                continue
            slave = link.get("linkinfo", {}).get("info_slave_data", {})
            links.append({
                "name": re.sub(r"^veth[0-9a-f]{8}$", "veth", link["ifname"]), "mtu": link["mtu"],
                "flags": sorted(link["flags"]), "kind": link.get("linkinfo", {}).get("info_kind"),
                "master": link.get("master"), "state": link["operstate"],
                "hairpin": slave.get("hairpin"), "isolated": slave.get("isolated"),
                "addresses": sorted((a["local"], a["prefixlen"], a.get("broadcast"), a["scope"])
                                    for a in link["addr_info"] if not a["local"].startswith("fe80")),
            })
        routes = [{k: v for k, v in route.items() if k != "pref"}
                  for family in ("-4", "-6") for route in json.loads(sh("ip", "-n", where, family, "-j", "route"))
                  if not route["dst"].startswith("fe80")]
        return sorted(links, key=lambda each: each["name"]), routes

    @staticmethod
    def normal(result):
        text = re.sub(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", "MAC", json.dumps(result, sort_keys=True))
        return json.loads(re.sub(r"veth[0-9a-f]{8}", "veth", text))


MATRIX = {
    "plain": {},
    "layer 2": {"ipam": {}},
    "gateway": {"isGateway": True},
    "default gateway": {"isDefaultGateway": True},
    "mtu": {"mtu": 1400, "isGateway": True},
    "hairpin": {"hairpinMode": True},
    "promiscuous": {"promiscMode": True},
    "dns": {"dns": {"nameservers": ["10.0.0.10"], "search": ["a.b"], "domain": "d", "options": ["ndots:5"]}},
    "routes": {"isGateway": True, "ipam": {"routes": [{"dst": "10.99.0.0/16"}, {"dst": "10.98.0.0/16", "gw": "10.77.0.9"}]}},
    "dual stack": {"isDefaultGateway": True,
                   "ipam": {"subnet": None, "ranges": [[{"subnet": "10.77.0.0/16"}], [{"subnet": "fd77::/64"}]]}},
    "0.4.0": {"cniVersion": "0.4.0", "isGateway": True},
    "0.3.1": {"cniVersion": "0.3.1", "isDefaultGateway": True},
    "0.2.0": {"cniVersion": "0.2.0", "isGateway": True},
    "mac": {"runtimeConfig": {"mac": "02:11:22:33:44:55"}},
    "requested address": {"runtimeConfig": {"ips": ["10.77.3.4/16"]}},
}


class BesideReference(Cni):
    def setUp(self):
        if not os.path.exists(os.path.join(THEIRS, "bridge")):
            self.skipTest("containernetworking-plugins is missing")
        super().setUp()

    def one(self, plugin, config, path=None):
        """Result and state of an ADD, then of a DEL; the node is new each time."""
        sh("ip", "netns", "add", f"{NODE}-a")
        try:
            result = self.good("ADD", config, plugin=plugin, path=path)
            state = self.shape(NODE), self.shape(f"{NODE}-a")
            self.good("DEL", config, plugin=plugin, path=path)
            self.good("DEL", config, plugin=plugin, path=path)
            # Without a port it loses its carrier, a moment later.
            after = [(link["name"], link["addresses"]) for link in self.shape(NODE)[0]]
            self.assertEqual(self.reserved(), [])
        finally:
            sh("ip", "netns", "del", f"{NODE}-a")
            sh("ip", "-n", NODE, "link", "del", "cbr", check=False)
            shutil.rmtree(os.path.join(self.folder, "ipam"), ignore_errors=True)
        return self.normal(result), state, after

    def test_same_results_and_same_state(self):
        for name, more in MATRIX.items():
            config = self.config(**{key: value for key, value in more.items() if key != "ipam"})
            if more.get("ipam") == {}:
                config["ipam"] = {}
            config["ipam"].update(more.get("ipam", {}))
            config["ipam"] = {key: value for key, value in config["ipam"].items() if value is not None}
            theirs = dict(config)
            if theirs["cniVersion"] == "1.1.0":
                theirs["cniVersion"] = "1.0.0"  # Debian's reference is older
            with self.subTest(name):
                ours, expected = self.one(OURS, config), self.one(THEIRS, theirs)
                expected[0]["cniVersion"] = config["cniVersion"]
                for result in (ours[0], expected[0]):
                    result.setdefault("dns", {})
                self.assertEqual(ours[0], expected[0])
                self.assertEqual(ours[1], expected[1])
                self.assertEqual(ours[2], expected[2])

    def test_either_with_the_others_host_local(self):
        config = self.config(cniVersion="1.0.0", isGateway=True)
        mixed = os.path.join(self.folder, "mixed")
        for bridge, ipam in ((OURS, THEIRS), (THEIRS, OURS)):
            with self.subTest(bridge=bridge):
                expected = self.one(THEIRS, config)
                self.assertEqual(self.one(bridge, config, path=ipam)[0]["ips"], expected[0]["ips"])
        self.assertFalse(os.path.exists(mixed))

    def test_one_folder_for_both(self):
        config = self.config(cniVersion="1.0.0")
        given = []
        for i in range(20):
            plugin = (OURS, THEIRS)[i % 2]
            result = self.good("ADD", config, pod=f"p{i}", netns="/x", plugin=plugin, name="host-local")
            given.append(result["ips"][0]["address"])
        self.assertEqual(given, [f"10.77.0.{i + 2}/16" for i in range(20)])
        for i in range(20):
            plugin = (THEIRS, OURS)[i % 2]
            self.good("DEL", config, pod=f"p{i}", netns="/x", plugin=plugin, name="host-local")
        self.assertEqual(self.reserved(), [])


class Bridge(Cni):
    def test_check_finds_each_drift(self):
        config = self.config(isDefaultGateway=True, ipMasq=True, macspoofchk=True, hairpinMode=True)
        pod = f"{NODE}-a"
        damages = {
            "address": ["ip", "-n", pod, "addr", "del", "10.77.0.2/16", "dev", "eth0"],
            "route": ["ip", "-n", pod, "route", "del", "default"],
            "down": ["ip", "-n", pod, "link", "set", "eth0", "down"],
            "mac": ["ip", "-n", pod, "link", "set", "eth0", "address", "02:00:00:00:00:99"],
            "link": ["ip", "-n", pod, "link", "del", "eth0"],
            "gateway": ["ip", "-n", NODE, "addr", "flush", "dev", "cbr"],
            "master": ["ip", "-n", NODE, "link", "set", "PORT", "nomaster"],
            "hairpin": ["ip", "-n", NODE, "link", "set", "PORT", "type", "bridge_slave", "hairpin", "off"],
            "masquerade": ["ip", "netns", "exec", NODE, "nft", "flush chain inet cni_plugins_masquerade masq_checks"],
            "spoof": ["ip", "netns", "exec", NODE, "nft", "flush chain bridge nat PREROUTING"],
        }
        for name, damage in damages.items():
            with self.subTest(name):
                sh("ip", "netns", "add", pod)
                try:
                    result = self.good("ADD", config)
                    checked = {**config, "prevResult": result}
                    self.good("CHECK", checked)
                    port = self.ports()[0]["ifname"]
                    sh(*[port if word == "PORT" else word for word in damage])
                    self.bad("CHECK", checked)
                    self.good("DEL", config)
                finally:
                    sh("ip", "netns", "del", pod)
                    sh("ip", "-n", NODE, "link", "del", "cbr")
                    shutil.rmtree(os.path.join(self.folder, "ipam"))
                self.assertNotIn("macspoofchk", self.node("nft", "list", "ruleset"))

    def test_a_failure_leaves_nothing(self):
        self.pod("a")
        for name, more in {
            "route": {"ipam": {"routes": [{"dst": "10.5.0.0/16", "gw": "172.31.0.1"}]}},
            "interface name": {"_env": {"CNI_IFNAME": "lo"}},
            "iptables": {"ipMasq": True, "ipMasqBackend": "none"},
            "exhausted": {"ipam": {"rangeStart": "10.77.0.1", "rangeEnd": "10.77.0.1"}},
        }.items():
            with self.subTest(name):
                config = self.config(isGateway=True, macspoofchk=True, **{k: v for k, v in more.items() if k not in ("ipam", "_env")})
                config["ipam"].update(more.get("ipam", {}))
                self.bad("ADD", config, **more.get("_env", {}))
                self.assertEqual(self.reserved(), [])
                self.assertEqual(self.shape(NODE)[0], [])
                self.assertEqual(self.shape(f"{NODE}-a")[0], [])
                self.assertNotIn("macspoofchk", self.node("nft", "list", "ruleset"))

    def test_a_bridge_that_differs(self):
        self.pod("a")
        config = self.config(isGateway=True)
        self.node("ip", "link", "add", "cbr", "type", "veth", "peer", "name", "other")
        self.assertIn("is not a bridge", self.bad("ADD", config)[1])
        self.node("ip", "link", "del", "cbr")
        self.node("ip", "link", "add", "cbr", "type", "bridge")
        self.node("ip", "addr", "add", "10.1.1.1/24", "dev", "cbr")
        self.assertIn("10.1.1.1/24", self.bad("ADD", config)[1])
        self.assertEqual(self.reserved(), [])
        self.good("ADD", {**config, "forceAddress": True})
        addresses = json.loads(self.node("ip", "-4", "-j", "addr", "show", "cbr"))[0]["addr_info"]
        self.assertEqual([one["local"] for one in addresses], ["10.77.0.1"])

    def test_delete_without_a_namespace(self):
        config = self.config(ipMasq=True, macspoofchk=True)
        netns = self.pod("a")
        self.good("ADD", config)
        self.good("DEL", config, netns="")
        self.assertEqual(self.ports(), [])
        self.assertEqual(self.reserved(), [])
        self.assertNotIn("10.77", self.node("nft", "list", "ruleset"))
        self.good("ADD", config)
        sh("ip", "netns", "del", f"{NODE}-a")
        self.good("DEL", config, netns=netns)
        self.assertEqual(self.reserved(), [])
        self.assertEqual(self.bad("ADD", config, netns=netns)[0], 3)
        self.assertEqual(self.bad("ADD", config, netns="/etc/passwd")[0], 8)

    def test_own_namespace_is_refused(self):
        self.assertEqual(self.bad("ADD", self.config(), netns=f"/run/netns/{NODE}")[0], 8)
        self.assertEqual(self.bad("DEL", self.config(), netns=f"/run/netns/{NODE}")[0], 8)

    def test_garbage_collection(self):
        config = self.config(ipMasq=True, macspoofchk=True)
        for name in ("a", "b"):
            self.pod(name)
            self.good("ADD", config, pod=name)
        valid = {**config, "cni.dev/valid-attachments": [{"containerID": "b", "ifname": "eth0"}]}
        self.good("GC", {**valid, "name": "other"})
        self.assertEqual(len(self.ports()), 2)
        self.good("GC", valid)
        self.assertEqual(len(self.ports()), 1)
        self.assertEqual(self.reserved(), ["10.77.0.3"])
        rules = self.node("nft", "list", "ruleset")
        self.assertNotIn("macspoofchk-a", rules)
        self.assertNotIn("10.77.0.2 ", rules)
        self.assertIn("macspoofchk-b", rules)
        self.assertIn("10.77.0.3 ", rules)

    def test_status(self):
        config = self.config(ipMasq=True)
        self.good("STATUS", config)
        config["ipam"].update({"rangeStart": "10.77.0.1", "rangeEnd": "10.77.0.1"})
        self.assertEqual(self.bad("STATUS", config)[0], 50)

    def test_pods_reach_each_other_and_spoofed_frames_do_not(self):
        config = self.config(isDefaultGateway=True, macspoofchk=True)
        for name in ("a", "b"):
            self.pod(name)
            self.good("ADD", config, pod=name)
        ping = ["ip", "netns", "exec", f"{NODE}-a", "ping", "-c1", "-W2", "10.77.0.3"]
        self.assertEqual(subprocess.run(ping, capture_output=True).returncode, 0)
        sh("ip", "-n", f"{NODE}-a", "link", "set", "eth0", "address", "02:00:00:00:00:77")
        self.assertNotEqual(subprocess.run(ping, capture_output=True).returncode, 0)

    def test_many_at_once(self):
        config, count = self.config(isDefaultGateway=True, ipMasq=True), 40
        pods = [f"p{i}" for i in range(count)]
        for name in pods:
            self.pod(name)
        with ThreadPoolExecutor(20) as pool:
            results = list(pool.map(lambda name: self.good("ADD", config, pod=name), pods))
            addresses = {result["ips"][0]["address"] for result in results}
            self.assertEqual(len(addresses), count)
            self.assertEqual(len(self.ports()), count)
            self.assertEqual(self.node("nft", "list", "ruleset").count("masquerade comment"), count)
            list(pool.map(lambda name: self.good("DEL", config, pod=name), pods))
        self.assertEqual(self.reserved(), [])
        self.assertEqual(self.ports(), [])
        self.assertNotIn("masquerade comment", self.node("nft", "list", "ruleset"))

    def test_killed_at_any_moment(self):
        config = self.config(isDefaultGateway=True, ipMasq=True, macspoofchk=True)
        self.pod("a")
        self.good("ADD", config)
        self.good("DEL", config)
        for delay in range(40):
            variables = {**os.environ, "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "a", "CNI_IFNAME": "eth0",
                         "CNI_NETNS": f"/run/netns/{NODE}-a", "CNI_PATH": OURS}
            running = subprocess.Popen(["nsenter", f"--net=/run/netns/{NODE}", os.path.join(OURS, "bridge")],
                                       stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, env=variables)
            running.stdin.write(json.dumps(config).encode())
            running.stdin.close()
            try:
                running.wait(delay * 0.0004)
            except subprocess.TimeoutExpired:
                pass
            running.send_signal(signal.SIGKILL)
            running.wait()
            self.good("DEL", config)
            self.assertEqual(self.reserved(), [])
            self.assertEqual(self.ports(), [])
            rules = self.node("nft", "list", "ruleset")
            self.assertNotIn("macspoofchk", rules)
            self.assertNotIn("10.77.0", rules)


class HostLocal(Cni):
    def test_a_folder_that_cannot_be_written(self):
        config = self.config()
        config["ipam"]["dataDir"] = "/proc/nowhere"
        code, message = self.bad("ADD", config, netns="/x", name="host-local")
        self.assertEqual(code, 5)
        self.assertIn("/proc/nowhere", message)

    def test_version_and_introduction(self):
        for name in ("bridge", "host-local"):
            self.assertEqual(self.good("VERSION", "", name=name)["cniVersion"], "1.1.0")
            code, _, error = self.call("", "", name=name)
            self.assertEqual(code, 0)
            self.assertIn(f"CNI {name} plugin", error)


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print(reason)
        sys.exit(77)
    unittest.main()

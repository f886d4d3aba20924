# SPDX-License-Identifier: MIT
"""bridge and host-local as container runtimes call them, beside the reference plugins: same results, same
state of the kernel. In network namespaces of the test's own."""
import json
import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from cni_faults import without_netfilter
from cni_node import DEBIANS, NODE, OURS, STAGE, Cni, main, reference, sh, why_not
from namespaces import hide, pings

THEIRS, NO_REFERENCE = (None, why_not()) if why_not() else reference()
NEWEST = THEIRS is not None
THEIRS = THEIRS or DEBIANS

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
    "masquerade": {"isGateway": True, "ipMasq": True, "ipMasqBackend": "nftables"},
    "masquerade by iptables": {"isGateway": True, "ipMasq": True, "ipMasqBackend": "iptables"},
    "masquerade, dual stack": {"isDefaultGateway": True, "ipMasq": True, "ipMasqBackend": "nftables",
                               "ipam": {"subnet": None, "ranges": [[{"subnet": "10.77.0.0/16"}], [{"subnet": "fd77::/64"}]]}},
    "macspoofchk": {"macspoofchk": True},
    "port isolation": {"portIsolation": True},
    "duplicate detection": {"enabledad": True, "ipam": {"subnet": "fd77::/64"}},
    "route priority": {"isGateway": True, "ipam": {"routes": [{"dst": "10.99.0.0/16", "priority": 50}]}},
    "mac": {"runtimeConfig": {"mac": "02:11:22:33:44:55"}},
    "requested address": {"runtimeConfig": {"ips": ["10.77.3.4/16"]}},
}


# Debian's 1.1.1 has none of these yet; nor CNI 1.1.0.
NEWER = {"masquerade", "masquerade by iptables", "masquerade, dual stack", "port isolation", "duplicate detection",
         "route priority"}


class BesideReference(Cni):
    def setUp(self):
        if not os.path.exists(os.path.join(THEIRS, "bridge")):
            self.skipTest("containernetworking-plugins is missing")
        super().setUp()

    def rules(self):
        """`nft -j` without numbers that differ from run to run."""
        def plain(value):
            if isinstance(value, dict):
                return {k: plain(v) for k, v in value.items() if k not in ("handle", "packets", "bytes")}
            if isinstance(value, list):
                return [plain(each) for each in value]
            if isinstance(value, str):
                value = re.sub(r"veth[0-9a-f]{8}", "veth", value)
                value = re.sub(r"^([0-9a-f]{2}:){5}[0-9a-f]{2}$", "MAC", value)
            return value

        # The reference tries iptables, too, when it removes: that leaves empty tables behind.
        listed = json.loads(self.node("nft", "-j", "list", "ruleset"))["nftables"]
        return sorted((plain(each) for each in listed if "chain" in each or "rule" in each), key=json.dumps)

    def one(self, plugin, config, path=None):
        """Result and state of an ADD, then of a DEL; the node is new each time."""
        sh("ip", "netns", "add", f"{NODE}-a")
        try:
            result = self.good("ADD", config, plugin=plugin, path=path)
            state = self.shape(NODE), self.shape(f"{NODE}-a"), self.rules()
            self.good("DEL", config, plugin=plugin, path=path)
            self.good("DEL", config, plugin=plugin, path=path)
            # Without a port it loses its carrier, a moment later.
            after = [(link["name"], link["addresses"]) for link in self.shape(NODE)[0]], self.rules()
            self.assertEqual(self.reserved(), [])
        finally:
            sh("ip", "netns", "del", f"{NODE}-a")
            sh("ip", "-n", NODE, "link", "del", "cbr", check=False)
            self.node("nft", "flush", "ruleset")
            shutil.rmtree(os.path.join(self.folder, "ipam"), ignore_errors=True)
        return self.normal(result), state, after

    def test_same_results_and_same_state(self):
        for name, more in MATRIX.items():
            if name in NEWER and not NEWEST:
                continue
            self.compare(name, more, THEIRS, NEWEST)

    def test_beside_debians_reference(self):
        if not NEWEST or not os.path.exists(os.path.join(DEBIANS, "bridge")):
            self.skipTest("Debian's is the only one, or missing")
        for name, more in MATRIX.items():
            if name not in NEWER:
                self.compare(name, more, DEBIANS, False)

    def compare(self, name, more, reference, newest):
        config = self.config(**{key: value for key, value in more.items() if key != "ipam"})
        if more.get("ipam") == {}:
            config["ipam"] = {}
        config["ipam"].update(more.get("ipam", {}))
        config["ipam"] = {key: value for key, value in config["ipam"].items() if value is not None}
        theirs = dict(config)
        if theirs["cniVersion"] == "1.1.0" and not newest:
            theirs["cniVersion"] = "1.0.0"
        with self.subTest(name):
            ours, expected = self.one(OURS, config), self.one(reference, theirs)
            expected[0]["cniVersion"] = config["cniVersion"]
            for result in (ours[0], expected[0]):
                result.setdefault("dns", {})
            self.assertEqual(ours[0], expected[0])
            self.assertEqual(ours[1], expected[1])
            self.assertEqual(ours[2], expected[2])

    def test_the_reference_of_today(self):
        if not NEWEST:
            self.skipTest(f"the reference of today cannot be had: {NO_REFERENCE}; Debian's was compared with")

    def test_either_removes_what_the_other_made(self):
        if not NEWEST:
            self.skipTest(f"Debian's reference has no masquerading by nftables: {NO_REFERENCE}")
        for backend, maker, remover in (("nftables", OURS, THEIRS), ("nftables", THEIRS, OURS),
                                        ("iptables", OURS, THEIRS), ("iptables", THEIRS, OURS)):
            config = self.config(isGateway=True, ipMasq=True, ipMasqBackend=backend, macspoofchk=True)
            with self.subTest(backend, maker=maker):
                sh("ip", "netns", "add", f"{NODE}-a")
                try:
                    result = self.good("ADD", config, plugin=maker, path=maker)
                    self.good("CHECK", {**config, "prevResult": result}, plugin=remover, path=remover)
                    self.good("DEL", config, plugin=remover, path=remover)
                finally:
                    sh("ip", "netns", "del", f"{NODE}-a")
                self.assertEqual(self.ports(), [])
                self.assertEqual(self.reserved(), [])
                self.assertEqual([rule for rule in self.rules() if "rule" in rule and "10.77" in json.dumps(rule)], [])
                self.assertNotIn("CNI-", self.node("iptables", "-t", "nat", "-S"))

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
        self.assertIn("does not filter VLANs", self.bad("ADD", {**config, "vlan": 100})[1])
        self.assertEqual(self.reserved(), [])
        self.good("ADD", {**config, "forceAddress": True})
        addresses = json.loads(self.node("ip", "-4", "-j", "addr", "show", "cbr"))[0]["addr_info"]
        self.assertEqual([one["local"] for one in addresses], ["10.77.0.1"])

    def test_a_failure_leaves_the_address_of_a_bridge_that_was_there(self):
        """It fails after the bridge has got its address: the chain of masquerading is taken by another kind."""
        self.pod("a")
        bridge = f"cbr{os.getpid()}"  # no other run's: its calls would hold the lock of that name
        self.node("ip", "link", "add", bridge, "type", "bridge")
        self.node("ip", "link", "set", bridge, "up")
        self.node("nft", "add table inet cni_plugins_masquerade; add chain inet cni_plugins_masquerade masq_checks "
                  "{ type filter hook input priority 0; }")
        config = self.config(bridge=bridge, isGateway=True, ipMasq=True)
        self.bad("ADD", config)
        self.assertEqual([link["addresses"] for link in self.shape(NODE)[0]], [[]])
        for command in ("link add uplink type veth peer name far", f"link set uplink master {bridge}",
                        f"addr add 192.168.55.1/24 dev {bridge}", "route add default via 192.168.55.254"):
            self.node("ip", *command.split())
        before = self.node("ip", "addr", "show", bridge), self.node("ip", "route")
        self.bad("ADD", {**config, "forceAddress": True})
        self.assertEqual((self.node("ip", "addr", "show", bridge), self.node("ip", "route")), before)
        self.assertEqual([port["ifname"] for port in self.ports() if port["ifname"].startswith("veth")], [])

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

    def test_a_namespace_that_is_none_of_the_network(self):
        for path, expected in (("/proc/self/ns/mnt", 4), ("/proc/self/ns/user", 4), ("/proc/version", 8)):
            with self.subTest(path):
                code, message = self.bad("ADD", self.config(), netns=path)
                self.assertEqual(code, expected)
                self.assertIn("no network namespace" if code == 4 else "no namespace", message)
                self.good("DEL", self.config(), netns=path)
        self.assertEqual((self.reserved(), self.shape(NODE)[0]), ([], []))

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

    def test_iptables_of_two_interfaces_in_one_network(self):
        """Both have their rules in the container's chain."""
        config = self.config(isGateway=True, ipMasq=True, ipMasqBackend="iptables")
        self.pod("a")
        for forgotten in ("neither", "its namespace", "result and namespace"):
            with self.subTest(forgotten):
                results = {name: self.good("ADD", config, CNI_IFNAME=name) for name in ("eth0", "net1")}
                first = results["eth0"]["ips"][0]["address"].split("/")[0]
                gone = config if forgotten.startswith("result") else {**config, "prevResult": results["eth0"]}
                for _ in range(2):
                    self.good("DEL", gone, netns=None if forgotten == "neither" else "")
                self.good("CHECK", {**config, "prevResult": results["net1"]}, CNI_IFNAME="net1")
                self.assertEqual(f"-s {first}/32" in self.node("iptables", "-t", "nat", "-S"), forgotten.startswith("result"))
                self.good("DEL", config, CNI_IFNAME="net1")
                self.assertNotIn("CNI-", self.node("iptables", "-t", "nat", "-S"))

    def test_garbage_collection_of_iptables(self):
        config = self.config(ipMasq=True, ipMasqBackend="iptables")
        config["ipam"] = {"type": "host-local", "dataDir": os.path.join(self.folder, "ipam"),
                          "ranges": [[{"subnet": "10.77.0.0/16"}], [{"subnet": "fd77::/64"}]]}
        for name in ("a", "b"):
            self.pod(name)
            self.good("ADD", config, pod=name)
        sh("ip", "netns", "del", f"{NODE}-a")
        valid = {**config, "cni.dev/valid-attachments": [{"containerID": "b", "ifname": "eth0"}]}
        self.good("GC", {**valid, "name": "other"})
        for program, gone, kept in (("iptables", "10.77.0.2/32", "10.77.0.3/32"), ("ip6tables", "fd77::2/128", "fd77::3/128")):
            self.assertEqual(self.node(program, "-t", "nat", "-S").count("-N CNI-"), 2)
            self.good("GC", {**valid, "ipMasqBackend": "nftables" if program == "iptables" else "iptables"})
            rules = self.node(program, "-t", "nat", "-S")
            self.assertEqual(rules.count("-N CNI-"), 1)
            self.assertNotIn(gone, rules)
            self.assertIn(kept, rules)
            if program == "iptables":
                sh("ip", "netns", "add", f"{NODE}-a")
                self.good("ADD", config, pod="a", CNI_IFNAME="eth0")

    def test_check_finds_lost_rules_of_iptables(self):
        config = self.config(isGateway=True, ipMasq=True, ipMasqBackend="iptables")
        self.pod("a")
        for damage in (["-F"], ["-F", "POSTROUTING"], ["-F", "CHAIN"]):
            with self.subTest(damage):
                checked = {**config, "prevResult": self.good("ADD", config)}
                self.good("CHECK", checked)
                chain = re.search(r"CNI-\w+", self.node("iptables", "-t", "nat", "-S")).group()
                self.node("iptables", "-t", "nat", *[chain if word == "CHAIN" else word for word in damage])
                self.assertIn("iptables", self.bad("CHECK", checked)[1])
                self.good("DEL", config)

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
        self.assertTrue(pings(f"{NODE}-a", "10.77.0.3"))
        sh("ip", "-n", f"{NODE}-a", "link", "set", "eth0", "address", "02:00:00:00:00:77")
        self.assertFalse(pings(f"{NODE}-a", "10.77.0.3"))

    def test_isolated_ports(self):
        config = self.config(isDefaultGateway=True, portIsolation=True)
        for name in ("a", "b"):
            self.pod(name)
            self.good("ADD", config, pod=name)
        self.assertTrue(pings(f"{NODE}-a", "10.77.0.1"))
        self.assertFalse(pings(f"{NODE}-a", "10.77.0.3"))

    def test_an_address_that_another_host_has(self):
        config = self.config(isGateway=True, enabledad=True)
        config["ipam"] = {"type": "host-local", "dataDir": os.path.join(self.folder, "ipam"), "subnet": "fd77::/64"}
        self.pod("a")
        self.good("ADD", config)
        addresses = json.loads(sh("ip", "-n", f"{NODE}-a", "-6", "-j", "addr", "show", "eth0"))[0]["addr_info"]
        self.assertFalse(any(one.get("tentative") for one in addresses))
        sh("ip", "-n", f"{NODE}-a", "addr", "add", "fd77::3/64", "dev", "eth0", "nodad")
        self.pod("b")
        self.assertIn("fd77::3", self.bad("ADD", config, pod="b")[1])
        self.assertEqual(self.reserved(), ["fd77::2"])
        self.assertEqual(len(self.ports()), 1)

    def test_without_nftables(self):
        self.pod("a")
        for option in ("ipMasq", "macspoofchk"):
            config = self.config(isGateway=True, **{option: True})
            self.assertEqual(self.bad("STATUS", config, before=without_netfilter)[0], 50)
            self.assertIn("netlink", self.bad("ADD", config, before=without_netfilter)[1])
            self.assertEqual(self.reserved(), [])
            self.assertEqual(self.shape(NODE)[0], [])
        plain = self.config(isGateway=True)
        self.good("STATUS", plain, before=without_netfilter)
        self.good("ADD", plain, before=without_netfilter)
        self.good("DEL", plain, before=without_netfilter)

    def test_many_at_once(self):
        config, count = self.config(isDefaultGateway=True, ipMasq=True), 100
        pods = [f"p{i}" for i in range(2 * count)]
        for name in pods:
            self.pod(name)
        calls = [("ADD", name) for name in pods[:count]]
        with ThreadPoolExecutor(50) as pool:
            def all_at_once(calls):
                return list(pool.map(lambda call: self.good(call[0], config, pod=call[1]), calls))

            results = all_at_once(calls)
            self.assertEqual(len({result["ips"][0]["address"] for result in results}), count)
            self.assertEqual(len(self.ports()), count)
            self.assertEqual(self.node("nft", "list", "ruleset").count("masquerade comment"), count)
            # 200: some come while others go.
            all_at_once([call for pair in zip((("DEL", name) for name in pods[:count]),
                                              (("ADD", name) for name in pods[count:])) for call in pair])
            self.assertEqual(len(self.ports()), count)
            all_at_once([("DEL", name) for name in pods[count:]])
        self.assertEqual(self.reserved(), [])
        self.assertEqual(self.ports(), [])
        self.assertNotIn("masquerade comment", self.node("nft", "list", "ruleset"))

    def nothing_left(self):
        self.assertEqual(self.reserved(), [])
        self.assertEqual(self.ports(), [])
        rules = self.node("nft", "list", "ruleset")
        self.assertNotIn("macspoofchk", rules)
        self.assertNotIn("10.77.0", rules)

    def test_killed_at_system_calls(self):
        """DEL removes whatever an ADD that was killed there has left."""
        config = self.config(isDefaultGateway=True, ipMasq=True, macspoofchk=True)
        self.pod("a")
        for _ in self.killed("ADD", config, 5):
            self.good("DEL", config)
            self.nothing_left()

    def test_killed_before_garbage_collection(self):
        config = self.config(isDefaultGateway=True, ipMasq=True, macspoofchk=True)
        self.pod("a")
        for command in ("ADD", "DEL"):
            for _ in self.killed(command, config, 13):
                self.good("GC", {**config, "cni.dev/valid-attachments": []})
                self.nothing_left()
                if command == "DEL":
                    self.good("ADD", config)

    def test_a_namespace_that_is_deleted_meanwhile(self):
        config = self.config(isDefaultGateway=True, ipMasq=True, macspoofchk=True)
        for delay in range(12):
            self.pod("a")
            running = subprocess.Popen(["nsenter", f"--net=/run/netns/{NODE}", os.path.join(OURS, "bridge")],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.variables("ADD"))
            running.stdin.write(json.dumps(config).encode())
            running.stdin.close()
            time.sleep(delay * 0.002)
            sh("ip", "netns", "del", f"{NODE}-a")
            output = running.stdout.read()
            running.stdout.close()
            if running.wait() != 0:
                self.assertIn("code", json.loads(output))
                self.assertEqual(self.reserved(), [])
            self.good("DEL", config)
            self.nothing_left()


class PortRules(Cni):
    """vfprules.json beside the exe. The pod's default gateway is an address that nobody has, as the .1 of a Windows
    node."""

    @classmethod
    def setUpClass(cls):
        hide("/run/k2s")

    def setUp(self):
        super().setUp()
        shutil.rmtree("/run/k2s/vfprules", True)
        self.bin = os.path.join(self.folder, "bin")
        os.mkdir(self.bin)
        for name in ("bridge", "host-local"):
            shutil.copy(os.path.join(OURS, name), self.bin)
        with open(os.path.join(self.bin, "k2s.root"), "w") as file:
            file.write(os.path.relpath(STAGE, self.bin))
        self.node("ip", "addr", "add", "10.73.0.1/24", "dev", "lo")
        self.net = self.config(isGateway=True)
        self.net["ipam"]["routes"] = [{"dst": "0.0.0.0/0", "gw": "10.77.0.254"}]
        self.pod("a")

    def rules(self, text):
        with open(os.path.join(self.bin, "vfprules.json"), "w") as file:
            file.write(text)

    def route(self, gateway):
        self.rules(json.dumps({"routes": [{"name": "s", "subnet": "10.73.0.0/24", "gateway": gateway, "priority": "9"}]}))

    def arrives(self):
        sh("ip", "-n", f"{NODE}-a", "neigh", "replace", "10.77.0.254", "lladdr", "02:00:00:00:00:01", "dev", "eth0")
        return pings(f"{NODE}-a", "10.73.0.1")

    def remembered(self):
        folder = "/run/k2s/vfprules"
        return [name for name in os.listdir(folder) if name.endswith(".port")] if os.path.isdir(folder) else []

    def nothing_left(self):
        self.assertEqual(self.remembered(), [])
        self.assertNotIn("chain", self.node("nft", "list", "ruleset"))
        self.assertEqual((self.ports(), self.reserved()), ([], []))

    def test_frames_arrive_when_add_has_returned(self):
        self.route("10.77.0.1")
        result = self.good("ADD", self.net, plugin=self.bin)
        port = self.ports()[0]["ifname"]
        self.assertTrue(self.arrives())
        self.assertEqual(self.remembered(), [f"{port}.port"])
        checked = {**self.net, "prevResult": result}
        self.good("CHECK", checked, plugin=self.bin)
        self.node("nft", "flush", "chain", "netdev", "k2s_vfprules", port)
        self.assertIn("route rule s", self.bad("CHECK", checked, plugin=self.bin)[1])
        self.good("DEL", self.net, plugin=self.bin)
        self.nothing_left()
        self.good("ADD", self.net, plugin=self.bin)
        self.good("GC", {**self.net, "cni.dev/valid-attachments": []}, plugin=self.bin)
        self.nothing_left()

    def test_garbage_collection_forgets_ports_that_went_with_their_pods(self):
        self.route("10.77.0.1")
        self.good("ADD", self.net, plugin=self.bin)
        valid = {**self.net, "cni.dev/valid-attachments": [{"containerID": "a", "ifname": "eth0"}]}
        self.good("GC", valid, plugin=self.bin)
        self.assertEqual(len(self.remembered()), 1)
        sh("ip", "-n", NODE, "link", "del", self.ports()[0]["ifname"])
        self.good("GC", valid, plugin=self.bin)
        self.assertEqual(self.remembered(), [])
        self.good("DEL", self.net, plugin=self.bin)
        self.nothing_left()

    def test_records_that_cannot_be_written(self):
        """On a full or read-only disk the pod gets no rules that nobody would know of, so no port either."""
        self.route("10.77.0.1")
        os.makedirs("/run/k2s/vfprules")
        for options, reason in (("nr_inodes=1", "No space left on device"), ("ro", "Read-only file system")):
            sh("mount", "-t", "tmpfs", "-o", options, "tmpfs", "/run/k2s/vfprules")
            try:
                self.assertIn(reason, self.bad("ADD", self.net, plugin=self.bin)[1])
                self.nothing_left()
            finally:
                sh("umount", "/run/k2s/vfprules")
        self.good("ADD", self.net, plugin=self.bin)
        self.good("DEL", self.net, plugin=self.bin)
        self.nothing_left()

    def test_killed_at_system_calls(self):
        """Nothing is left of a port that was in the making or going, and the second run mends it."""
        self.route("10.77.0.1")
        garbage = {**self.net, "cni.dev/valid-attachments": []}
        for command, mend, config in (("ADD", "DEL", self.net), ("ADD", "GC", garbage), ("DEL", "GC", garbage)):
            for _ in self.killed(command, self.net, 17, plugin=self.bin):
                self.good(mend, config, plugin=self.bin)
                self.nothing_left()
                if command == "DEL":
                    self.good("ADD", self.net, plugin=self.bin)

    def test_left_out_when_the_environment_says_so(self):
        self.route("10.77.0.1")
        self.good("ADD", self.net, plugin=self.bin, BRIDGE_NO_VFPRULES="true")
        self.assertFalse(self.arrives())
        self.good("DEL", self.net, plugin=self.bin)

    def test_rules_that_cannot_be_applied_fail_the_pod(self):
        self.rules('{"routes": [{"name": "s", "subnet": "10.73.0.0/99", "gateway": "10.77.0.1", "priority": "9"}]}')
        code, message = self.bad("ADD", self.net, plugin=self.bin)
        self.assertEqual(code, 7)
        self.assertIn("10.73.0.0/99", message)
        self.assertEqual((self.ports(), self.reserved()), ([], []))
        self.route("10.77.0.1")
        self.assertIn("netlink", self.bad("ADD", self.net, plugin=self.bin, before=without_netfilter)[1])
        self.assertEqual((self.ports(), self.reserved()), ([], []))

    def test_a_gateway_that_is_elsewhere(self):
        self.route("10.99.0.1")
        self.good("ADD", self.net, plugin=self.bin)
        self.assertFalse(self.arrives())
        self.good("DEL", self.net, plugin=self.bin)


class HostLocal(Cni):
    def test_a_folder_that_cannot_be_written(self):
        config = self.config()
        config["ipam"]["dataDir"] = "/proc/nowhere"
        code, message = self.bad("ADD", config, netns="/x", name="host-local")
        self.assertEqual(code, 5)
        self.assertIn("/proc/nowhere", message)

    def test_a_disk_that_is_full_or_read_only(self):
        config = self.config()
        folder = config["ipam"]["dataDir"]
        os.mkdir(folder)

        for limit in ("nr_inodes=5", "size=8k"):  # a folder, a lock, the last address and one reservation
            with self.subTest(limit):
                sh("mount", "-t", "tmpfs", "-o", limit, "tmpfs", folder)
                try:
                    self.good("ADD", config, pod="first", netns="/x", name="host-local")
                    code, message = self.bad("ADD", config, pod="second", netns="/x", name="host-local")
                    self.assertEqual(code, 5)
                    self.assertIn("No space left on device; make room", message)
                    self.assertEqual(self.reserved(), ["10.77.0.2"])
                    sh("mount", "-o", "remount,ro", folder)
                    for command, pod in (("ADD", "second"), ("DEL", "first")):
                        code, message = self.bad(command, config, pod=pod, netns="/x", name="host-local")
                        self.assertEqual(code, 5)
                        self.assertIn("Read-only file system", message)
                    sh("mount", "-o", "remount,rw", folder)
                    self.good("DEL", config, pod="first", netns="/x", name="host-local")
                    self.good("ADD", config, pod="second", netns="/x", name="host-local")
                finally:
                    sh("umount", folder)

    def test_long_and_deep_input(self):
        for name in ("bridge", "host-local"):
            code, message = self.bad("ADD", json.dumps(self.config(filler="x" * 10_000_000)), netns="/x", name=name)
            self.assertEqual((code, message), (6, "the network configuration is longer than 4 MiB"))
            self.assertEqual(self.bad("ADD", "[" * 1_000_000, netns="/x", name=name)[0], 6)
            self.assertEqual(self.bad("ADD", "", netns="/x", name=name)[0], 6)

    def test_version_and_introduction(self):
        for name in ("bridge", "host-local"):
            self.assertEqual(self.good("VERSION", "", name=name)["cniVersion"], "1.1.0")
            code, _, error = self.call("", "", name=name)
            self.assertEqual(code, 0)
            self.assertIn(f"CNI {name} plugin", error)


if __name__ == "__main__":
    main()

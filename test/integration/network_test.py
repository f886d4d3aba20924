# SPDX-License-Identifier: MIT
"""k2s network on Linux: routes that carry packets between two nodes, in namespaces of the test's own."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from namespaces import make, pings, sh, why_not

STAGE = os.environ["K2S_STAGE"]
K2S = os.path.join(STAGE, "bin", "k2s")
HOST = f"k2snet{os.getpid()}"
NODE = f"{HOST}-node"


class Network(unittest.TestCase):
    """A Linux host and its Windows machine (another namespace), whose pods are behind it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        make(self, HOST, NODE)
        sh("ip", "-n", HOST, "link", "add", "virbr-k2s", "type", "veth", "peer", "name", "eth0", "netns", NODE)
        for name, words in ((HOST, "addr add 172.19.1.1/24 dev virbr-k2s"), (HOST, "link set virbr-k2s up"),
                            (NODE, "addr add 172.19.1.101/24 dev eth0"), (NODE, "addr add 172.19.1.120/24 dev eth0"),
                            (NODE, "link set eth0 up"), (NODE, "addr add 172.20.1.2/24 dev lo"),
                            (NODE, "addr add 172.20.7.2/24 dev lo")):
            sh("ip", "-n", name, *words.split())
        self.config = os.path.join(self.folder, "config.json")
        self.write(self.config, {"smallsetup": {}})
        self.nodes = os.path.join(self.folder, "cluster.json")
        self.write(self.nodes, {"nodes": [{"Name": "win2", "IpAddress": "172.19.1.120", "PodCIDR": "172.20.7.0/24"}]})

    @staticmethod
    def write(path, content):
        with open(path, "w", encoding="ascii") as file:
            json.dump(content, file)

    def command(self, *words):
        return ["ip", "netns", "exec", HOST, K2S, "network", *words, "--cluster-config", self.config, "--nodes", self.nodes,
                "--folder", os.path.join(self.folder, "state")]

    def call(self, *words):
        done = subprocess.run(self.command(*words, "--format", "json"), capture_output=True, text=True, timeout=60)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr

    def good(self, *words):
        code, result, error = self.call(*words)
        self.assertEqual(code, 0, f"{result} {error}")
        return result

    def states(self, result, kind="route"):
        return {each["name"]: each["state"] for each in result if each["kind"] == kind}

    def routes(self):
        return sh("ip", "-n", HOST, "route")

    def test_routes_carry_packets(self):
        before = self.routes()
        self.assertFalse(pings(HOST, "172.20.1.2"))
        self.assertEqual(self.call("check")[0], 8)
        wanted = self.good("apply", "--dry-run", "--backend", "host-gw")
        self.assertEqual(self.states(wanted), {"172.20.1.0/24": "missing", "172.20.7.0/24": "missing"})
        self.assertEqual(self.routes(), before)
        self.assertEqual(self.states(self.good("apply", "--backend", "host-gw")),
                         {"172.20.1.0/24": "added", "172.20.7.0/24": "added"})
        self.assertTrue(pings(HOST, "172.20.1.2"))
        self.assertTrue(pings(HOST, "172.20.7.2"))
        self.assertEqual(set(self.states(self.good("apply", "--backend", "host-gw")).values()), {"present"})
        self.good("check", "--backend", "host-gw")
        with open(os.path.join(self.folder, "state", "net-conf.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["Backend"]["Type"], "host-gw")

        # flannel's own routes take over
        self.assertEqual(self.states(self.good("apply", "--backend", "vxlan")),
                         {"172.20.1.0/24": "present", "172.20.7.0/24": "removed"})
        self.good("reset")
        self.assertEqual(self.routes(), before)
        self.assertEqual(os.listdir(os.path.join(self.folder, "state")), [])

    def test_lost_routes_come_back(self):
        watcher = subprocess.Popen(self.command("apply", "--watch"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(2):
                deadline = time.monotonic() + 60
                while "172.20.1.0/24" not in self.routes():
                    self.assertLess(time.monotonic(), deadline, "nobody made the route")
                    time.sleep(0.1)
                sh("ip", "-n", HOST, "route", "del", "172.20.1.0/24")
        finally:
            watcher.send_signal(signal.SIGTERM)
            self.assertEqual(watcher.wait(60), 0)

    def test_overlaps_are_found(self):
        self.good("apply")
        self.good("check")
        sh("ip", "-n", HOST, "link", "add", "corp0", "type", "veth", "peer", "name", "corp1")
        sh("ip", "-n", HOST, "link", "set", "corp0", "up")
        sh("ip", "-n", HOST, "addr", "add", "172.21.4.4/22", "dev", "corp0")
        code, _, error = self.call("check")
        self.assertEqual(code, 8)
        self.assertIn("172.21.0.0/16 overlaps the network 172.21.4.0/22 of corp0", error)

    def test_a_route_of_somebody_else_stays(self):
        sh("ip", "-n", HOST, "route", "add", "172.20.1.0/24", "via", "172.19.1.77")
        code, result, error = self.call("apply")
        self.assertEqual(code, 8)
        self.assertEqual(self.states(result), {"172.20.1.0/24": "conflict"})
        self.assertIn("via 172.19.1.77", error)
        self.assertIn("via 172.19.1.77", self.routes())

    def test_trace(self):
        self.good("apply")
        hops = self.good("trace", "172.20.0.9", "172.20.1.2")
        self.assertIn("via 172.19.1.101", hops[-2]["rule"])
        self.assertIn("NAT exception 172.20.0.0/16", json.dumps(hops))
        for words in (["trace"], ["trace", "172.20.0.9"], ["trace", "::1", "172.20.0.9"]):
            self.assertEqual(self.call(*words)[0], 2)
        self.assertEqual(self.call("trace", "172.20.0.9", "x")[0], 6)

    def test_trace_of_a_pod_shows_the_rules_that_are_there(self):
        pod, results = f"{HOST}-pod", os.path.join(self.folder, "results")
        sh("ip", "netns", "add", pod)
        self.addCleanup(sh, "ip", "netns", "del", pod)
        os.mkdir(results)
        config = {"cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "cbr", "isDefaultGateway": True,
                  "ipMasq": True, "ipam": {"type": "host-local", "subnet": "172.20.1.0/24", "dataDir": self.folder}}
        bins = os.path.join(STAGE, "bin")
        env = {**os.environ, "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c" * 64, "CNI_NETNS": f"/run/netns/{pod}",
               "CNI_IFNAME": "eth0", "CNI_PATH": bins}
        added = subprocess.run(["ip", "netns", "exec", HOST, os.path.join(bins, "bridge")], input=json.dumps(config),
                               capture_output=True, text=True, env=env, check=True)
        result = json.loads(added.stdout)
        self.write(os.path.join(results, "net-c-eth0"), {
            "kind": "cniCacheV1", "containerId": "c" * 64, "ifName": "eth0", "networkName": "net", "result": result,
            "cniArgs": [["K8S_POD_NAMESPACE", "shop"], ["K8S_POD_NAME", "cart"]]})
        rules = os.path.join(self.folder, "vfprules.json")
        self.write(rules, {"routes": [{"name": "dns", "subnet": "172.21.0.0/24", "gateway": "172.20.1.1", "priority": "9"}]})
        vfprules = ["ip", "netns", "exec", HOST, os.path.join(bins, "vfprules"), "-portid", result["interfaces"][1]["name"],
                    "-rules", rules]
        sh(*vfprules)
        self.addCleanup(sh, *vfprules, "remove")
        trace = ["--cni-cache", results, "trace", "shop/cart"]
        self.assertIn("pod shop/cart", self.good(*trace, "172.21.0.10")[0]["at"])
        self.assertIn("nftables rule dns: 172.21.0.0/24", json.dumps(self.good(*trace, "172.21.0.10")))
        outside = json.dumps(self.good(*trace, "8.8.8.8"))
        self.assertIn("no rule of vfprules matches", outside)
        self.assertIn("leaves with the host's address: nftables rule", outside)
        self.assertIn("the pod's address stays", json.dumps(self.good(*trace, "172.20.1.200")))

    def test_plan_and_wrong_input(self):
        plan = self.good("plan", "--role", "windows-host")
        self.assertEqual(len([each for each in plan["routes"] if each["gateway"] == "172.19.1.100"]), 3)
        self.assertEqual(self.call("plan", "--role", "worker")[0], 2)
        self.assertEqual(self.call("plan", "--role", "worker", "--gateway", "x")[0], 2)
        self.assertEqual(self.call("fly")[0], 2)
        self.write(self.config, {"smallsetup": {"masterIP": "10.0.0.1"}})
        code, _, error = self.call("plan")
        self.assertEqual(code, 3)
        self.assertIn("masterIP 10.0.0.1 does not lie in masterNetworkCIDR", error)
        os.remove(self.config)
        self.assertEqual(self.call("plan")[0], 6)


if __name__ == "__main__":
    reason = why_not("it is about network namespaces of Linux; the Windows calls have tests beside their code", "ip", "ping")
    if reason:
        print(reason)
        sys.exit(77)
    unittest.main()

# SPDX-License-Identifier: MIT
"""vfprules on Linux: frames that arrive where the rules send them, in namespaces of the test's own."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from namespaces import hide, make, pings, sh, why_not

STAGE = os.environ["K2S_STAGE"]
VFPRULES = os.path.join(STAGE, "bin", "vfprules")
NODE = f"k2svfp{os.getpid()}"
POD = f"{NODE}-pod"


def route(name, subnet, gateway, priority):
    return {"name": name, "subnet": subnet, "gateway": gateway, "priority": str(priority)}


class VfpRules(unittest.TestCase):
    """A node with a bridge. The pod's default gateway is an address that nobody has, with a neighbour entry
    that leads nowhere, as the .1 of a Windows node; gw0 is another interface of the node."""

    def setUp(self):
        shutil.rmtree("/run/k2s/vfprules", True)
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        make(self, NODE, POD)
        node = ["ip", "-n", NODE]
        for words in ("link add br0 type bridge", "link set br0 up", "addr add 10.71.0.2/24 dev br0",
                      "addr add fd71::2/64 dev br0 nodad", "link add gw0 type veth peer name gw1",
                      "addr add 10.72.0.2/24 dev gw0", "link set gw0 up", "link set gw1 up",
                      "addr add 10.73.0.1/24 dev lo", "addr add 10.74.0.1/24 dev lo", "addr add fd73::1/64 dev lo"):
            sh(*node, *words.split())
        sh(*node, "link", "add", "vethpod", "type", "veth", "peer", "name", "eth0", "netns", POD)
        sh(*node, "link", "set", "vethpod", "master", "br0", "up")
        for words in ("link set eth0 up", "addr add 10.71.0.9/24 dev eth0", "addr add fd71::9/64 dev eth0 nodad",
                      "neigh add 10.71.0.1 lladdr 02:00:00:00:00:01 dev eth0",
                      "neigh add fd71::1 lladdr 02:00:00:00:00:01 dev eth0",
                      "route add default via 10.71.0.1", "-6 route add default via fd71::1"):
            sh("ip", "-n", POD, *words.split())
        self.write(route("pods", "10.73.0.0/24", "10.71.0.2", 200), route("six", "fd73::/64", "fd71::2", 201))

    def write(self, *routes):
        with open(os.path.join(self.folder, "vfprules.json"), "w", encoding="ascii") as file:
            json.dump({"routes": routes, "vfpapi": []}, file)

    def command(self, *words):
        return ["nsenter", f"--net=/run/netns/{NODE}", VFPRULES, *words,
                "-rules", os.path.join(self.folder, "vfprules.json"), "--format", "json"]

    def call(self, *words):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr

    def good(self, *words):
        code, result, error = self.call(*words)
        self.assertEqual(code, 0, error)
        return result

    def states(self, result):
        return {each["name"]: each["state"] for each in result["rules"]}

    def table(self):
        return sh("ip", "netns", "exec", NODE, "nft", "list", "ruleset")

    def test_frames_arrive(self):
        self.assertTrue(pings(POD, "10.71.0.2"), "the pod reaches its own network")
        self.assertFalse(pings(POD, "10.73.0.1"))
        self.assertFalse(pings(POD, "fd73::1"))
        result = self.good("-portid", "vethpod")
        self.assertEqual(result["backend"], "nftables")
        self.assertEqual(self.states(result), {"pods": "added", "six": "added"})
        self.assertTrue(pings(POD, "10.73.0.1"))
        self.assertTrue(pings(POD, "fd73::1"))
        self.assertFalse(pings(POD, "10.74.0.1"), "what no route names goes to the default gateway as before")

        before = self.table()
        self.assertEqual(self.states(self.good("-portid", "vethpod")), {"pods": "present", "six": "present"})
        self.assertEqual(self.table(), before, "a second call changes nothing")

        self.assertEqual(set(self.states(self.good("-portid", "vethpod", "remove")).values()), {"removed"})
        self.assertFalse(pings(POD, "10.73.0.1"))
        self.assertEqual(self.good("-portid", "vethpod", "remove")["rules"], [])
        self.assertEqual(self.good("list"), [])

    def test_a_gateway_elsewhere_on_the_host(self):
        """It is reached through the bridge's own address, as every address of the host is."""
        self.write(route("up", "10.74.0.0/24", "10.72.0.2", 1))
        self.good("-portid", "vethpod")
        self.assertTrue(pings(POD, "10.74.0.1"))

    def test_a_gateway_that_is_plugged_into_the_bridge(self):
        sh("ip", "-n", NODE, "link", "set", "gw1", "master", "br0")
        self.write(route("up", "10.74.0.0/24", "10.72.0.2", 1))
        detail = self.good("-portid", "vethpod")["rules"][0]["detail"]
        mac = json.loads(sh("ip", "-n", NODE, "-j", "link", "show", "gw0"))[0]["address"]
        self.assertIn(mac.upper().replace(":", "-"), detail)
        self.assertTrue(pings(POD, "10.74.0.1"))

    def test_the_most_urgent_rule_counts(self):
        self.write(route("wide", "10.0.0.0/8", "10.71.0.2", 300), route("none", "0.0.0.0/0", "10.71.0.2", 400))
        self.good("-portid", "vethpod")
        self.assertTrue(pings(POD, "10.74.0.1"))
        order = [line.split('comment "')[1] for line in self.table().splitlines() if "comment" in line and "daddr set" in line]
        self.assertEqual([each.strip('" ') for each in order], ["wide", "none"])

    def test_a_missing_gateway_stops_no_other_rule(self):
        self.write(route("pods", "10.73.0.0/24", "10.71.0.2", 200), route("far", "10.74.0.0/24", "10.71.0.20", 201))
        code, result, error = self.call("-portid", "vethpod")
        self.assertEqual(code, 8)
        self.assertIn("rule far is not applied: no interface of this machine has its gateway 10.71.0.20", error)
        self.assertEqual(result["skipped"], [{"name": "far", "gateway": "10.71.0.20"}])
        self.assertTrue(pings(POD, "10.73.0.1"))

    def test_drift_is_found_and_mended(self):
        self.good("-portid", "vethpod")
        self.good("-portid", "vethpod", "verify")
        sh("ip", "-n", NODE, "link", "set", "br0", "address", "02:00:00:00:00:77")
        self.write(route("pods", "10.73.0.0/24", "10.71.0.2", 200), route("more", "10.74.0.0/24", "10.71.0.2", 9))
        code, result, error = self.call("-portid", "vethpod", "diff")
        self.assertEqual(code, 8)
        self.assertEqual(self.states(result), {"pods": "differs", "six": "extra", "more": "missing"})
        self.assertEqual(self.states(self.good("-portid", "vethpod")),
                         {"pods": "replaced", "six": "removed", "more": "added"})
        self.good("-portid", "vethpod", "verify")
        self.assertTrue(pings(POD, "10.74.0.1"))

    def test_dry_run_is_what_nft_takes(self):
        result = self.good("-portid", "vethpod", "-dry-run")
        self.assertEqual([each["interface"] for each in result["plan"]], ["br0", "br0"])
        self.assertEqual(self.table(), "")
        subprocess.run(["ip", "netns", "exec", NODE, "nft", "-f", "-"],
                       input="\n".join(each["command"] for each in result["commands"]), text=True, check=True)
        self.assertTrue(pings(POD, "10.73.0.1"))
        self.good("-portid", "vethpod", "verify")

    def test_an_interface_that_is_gone(self):
        self.good("-portid", "vethpod")
        sh("ip", "-n", NODE, "link", "del", "vethpod")
        self.assertEqual(self.good("list"), ["vethpod"])
        self.assertEqual(self.good("reconcile"), [])
        self.assertEqual(self.good("list"), [])
        self.assertNotIn("vethpod", self.table())
        self.assertEqual(self.call("-portid", "vethpod")[0], 6)
        self.good("-portid", "vethpod", "remove")

    def test_watching_puts_lost_rules_back(self):
        self.good("-portid", "vethpod")
        watcher = subprocess.Popen(self.command("reconcile", "-watch"), stdout=subprocess.DEVNULL)
        try:
            for _ in range(2):
                sh("ip", "netns", "exec", NODE, "nft", "flush", "ruleset")
                deadline = time.monotonic() + 60
                while "vethpod" not in self.table():
                    self.assertLess(time.monotonic(), deadline, "nobody put the rules back")
                    time.sleep(0.1)
            self.assertTrue(pings(POD, "10.73.0.1"))
        finally:
            watcher.send_signal(signal.SIGTERM)
            self.assertEqual(watcher.wait(60), 0)

    def test_wrong_calls(self):
        self.assertEqual(self.call()[0], 2)
        self.assertEqual(self.call("-portid", "../x")[0], 2)
        self.assertEqual(self.call("-portid", "vethpod", "-backend", "vfpctrl")[0], 2)
        self.assertEqual(self.call("-portid", "nothere")[0], 6)
        self.write(route("a", "10.0.0.0/99", "10.0.0.1", 1))
        code, _, error = self.call("-portid", "vethpod")
        self.assertEqual(code, 3)
        self.assertIn("routes[0] (a): the subnet '10.0.0.0/99'", error)
        os.remove(os.path.join(self.folder, "vfprules.json"))
        self.assertEqual(self.call("-portid", "vethpod")[0], 6)

    def test_many_ports_at_once(self):
        names = [f"p{i}" for i in range(20)]
        for name in names:
            sh("ip", "-n", NODE, "link", "add", name, "type", "veth", "peer", "name", f"{name}x")
            sh("ip", "-n", NODE, "link", "set", name, "master", "br0")
        running = [subprocess.Popen(self.command("-portid", name), stdout=subprocess.DEVNULL) for name in names]
        self.assertEqual([each.wait(120) for each in running], [0] * len(names))
        self.assertEqual(self.good("list"), sorted(names))
        for name in names:
            self.good("-portid", name, "verify")


if __name__ == "__main__":
    reason = why_not("Windows has other backends; their tests are beside the code", "ip", "nft", "ping")
    if reason:
        print(reason)
        sys.exit(77)
    hide("/run/k2s")
    unittest.main()

# SPDX-License-Identifier: MIT
"""The CNI plugins and `k2s network` as processes, on each system. On Windows a double of computenetwork.dll is where
wine has none."""
import json
import os
import shutil
import unittest
from concurrent.futures import ThreadPoolExecutor

from k2s import STAGE, WINDOWS, TreeTest, native

SPACE = "99999999-8888-7777-6666-555555555555"
DOUBLE = os.path.join(os.path.dirname(STAGE), "plugins", "cni", "hcn", "test", "computenetwork.dll")


class Calls(TreeTest):
    def setUp(self):
        self.ipam = os.path.join(self.folder, "ipam")
        self.addCleanup(shutil.rmtree, self.ipam, True)
        self.config = {"cniVersion": "1.0.0", "name": "net", "type": "bridge",
                       "ipam": {"type": "host-local", "subnet": "172.20.1.0/24", "rangeStart": "172.20.1.10",
                                "dataDir": native(self.ipam)}}

    def call(self, name, command, config, pod="pod", **env):
        variables = {"CNI_COMMAND": command, "CNI_CONTAINERID": pod, "CNI_IFNAME": "eth0", "CNI_NETNS": SPACE,
                     "CNI_PATH": native(self.folder), **env}
        text = config if isinstance(config, bytes) else json.dumps(config).encode()
        done = self.run_tool(name, env=variables, input=text, text=False)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None

    def good(self, *arguments, **options):
        code, result = self.call(*arguments, **options)
        self.assertEqual(code, 0, result)
        return result

    def bad(self, *arguments, **options):
        code, result = self.call(*arguments, **options)
        self.assertEqual(code, 1, result)
        return result["code"], result["msg"]

    def reserved(self):
        folder = os.path.join(self.ipam, "net")
        return sorted(name for name in os.listdir(folder) if name[0].isdigit()) if os.path.isdir(folder) else []


class Plugins(Calls):
    def test_input_that_is_no_configuration(self):
        for name in ("bridge", "host-local"):
            self.assertIn("1.1.0", self.good(name, "VERSION", b'{"cniVersion": "1.1.0"}')["supportedVersions"])
            for text in (b"", b"[" * 100_000, b'{"name": "\xff"}', json.dumps({**self.config, "x": "y" * 10_000_000}).encode()):
                self.assertEqual(self.bad(name, "ADD", text)[0], 6)
        self.assertEqual(self.reserved(), [])

    def test_many_reservations_at_once(self):
        pods = [f"p{i}" for i in range(10)]
        with ThreadPoolExecutor(8) as pool:
            given = list(pool.map(lambda pod: self.good("host-local", "ADD", self.config, pod=pod), pods))
            self.assertEqual(len({each["ips"][0]["address"] for each in given}), len(pods))
            self.assertEqual(len(self.reserved()), len(pods))
            list(pool.map(lambda pod: self.good("host-local", "DEL", self.config, pod=pod), pods))
        self.assertEqual(self.reserved(), [])


@unittest.skipUnless(WINDOWS and os.path.exists(DOUBLE), "about bridge.exe with the double of computenetwork.dll")
class BridgeOnWindows(Calls):
    def setUp(self):
        super().setUp()
        self.hcn = os.path.join(self.folder, "hcn")
        os.mkdir(self.hcn)
        self.addCleanup(shutil.rmtree, self.hcn, True)
        library = os.path.join(os.environ["WINEPREFIX"], "drive_c", "windows", "system32", "computenetwork.dll")
        self.addCleanup(os.remove, library)
        shutil.copy(DOUBLE, library)
        self.environment["K2S_HCN"] = native(self.hcn)
        with open(os.path.join(self.hcn, f"namespace-{SPACE}.json"), "wb") as file:
            file.write(f'{{"ID":"{SPACE}","Name":""}}'.encode("utf-16-le"))

    def objects(self, kind):
        return [name for name in os.listdir(self.hcn) if name.startswith(kind + "-")]

    def test_from_add_to_garbage_collection(self):
        result = self.good("bridge", "ADD", self.config)
        self.assertEqual(result["ips"][0]["address"], "172.20.1.10/24")
        self.assertEqual(len(self.objects("endpoint")), 1)
        self.good("bridge", "CHECK", {**self.config, "prevResult": result})
        self.good("bridge", "DEL", self.config)
        self.assertEqual((self.objects("endpoint"), self.reserved()), ([], []))
        self.good("bridge", "ADD", self.config)
        self.good("bridge", "GC", {**self.config, "cniVersion": "1.1.0", "cni.dev/valid-attachments": []})
        self.assertEqual((self.objects("endpoint"), self.reserved()), ([], []))

    def test_garbage_is_undone(self):
        code, message = self.bad("bridge", "ADD", self.config, K2S_HCN_FAULT="HcnQueryEndpointProperties garbage")
        self.assertEqual(code, 999)
        self.assertIn("HcnQueryEndpointProperties", message)
        self.assertEqual((self.objects("endpoint"), self.objects("network"), self.reserved()), ([], [], []))

    def test_many_pods_at_once(self):
        self.good("bridge", "ADD", self.config, pod="first")  # the network is there
        pods = [f"p{i}" for i in range(6)]
        with ThreadPoolExecutor(4) as pool:
            given = list(pool.map(lambda pod: self.good("bridge", "ADD", self.config, pod=pod), pods))
            self.assertEqual(len({each["ips"][0]["address"] for each in given}), len(pods))
            self.assertEqual(len(self.objects("endpoint")), len(pods) + 1)
            list(pool.map(lambda pod: self.good("bridge", "DEL", self.config, pod=pod), pods))
        self.assertEqual((len(self.objects("endpoint")), self.reserved()), (1, ["172.20.1.10"]))


class NetworkPlan(TreeTest):
    def plan(self, *words):
        folder = native(os.path.join(self.folder, "network"))
        return self.run_tool("k2s", "network", *words, "--role", "windows-host", "--folder", folder, "--format", "json")

    def test_plan_and_check(self):
        done = self.plan("plan")
        self.assertEqual(done.returncode, 0, done.stderr)
        plan = json.loads(done.stdout)
        self.assertIn("172.20.0.0/24", [each["destination"] for each in plan["routes"]])
        done = self.plan("check")
        self.assertEqual(done.returncode, 8, done.stderr)  # the switch that leads there is missing
        states = {each["name"]: each["state"] for each in json.loads(done.stdout)}
        self.assertEqual((states["172.20.0.0/24"], states["vfprules.json"]), ("unreachable", "missing"))

    def test_apply_and_reset(self):
        """What can be done is done: the files. Nothing leads to the gateways."""
        for words, code in ((("apply", "--dry-run"), 0), (("apply",), 8), (("apply",), 8), (("reset",), 0)):
            done = self.plan(*words)
            self.assertEqual(done.returncode, code, (words, done.stdout, done.stderr))
            there = os.path.exists(os.path.join(self.folder, "network", "vfprules.json"))
            self.assertEqual(there, words == ("apply",))

    def test_a_wrong_address(self):
        config = self.write("config.json", '{"smallsetup": {"masterIP": "10.0.0.1"}}')
        done = self.plan("plan", "--cluster-config", config)
        self.assertEqual(done.returncode, 3)
        self.assertIn("masterIP 10.0.0.1 does not lie in masterNetworkCIDR", done.stderr)


if __name__ == "__main__":
    unittest.main()

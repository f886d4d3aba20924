# SPDX-License-Identifier: MIT
"""What the tests of the CNI plugins share: a node, which is a namespace of the test's own, pods in it, and calls of
plugins as a runtime makes them."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import namespaces
from cni_faults import run_until_call
from namespaces import make, sh

STAGE = os.environ["K2S_STAGE"]
OURS = os.path.join(STAGE, "bin")
DEBIANS = "/usr/lib/cni"  # containernetworking-plugins
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "k2s", "cni")
VERSION = "v1.9.1"
CNITOOL = "v1.3.0"
FLANNEL = "v0.9.1"  # the last release of the reference plugins that has it
NODE = f"k2scni{os.getpid()}"


def why_not():
    return namespaces.why_not(
        "it is about network namespaces of Linux; the Windows plugins have tests beside their code", "ip", "nft", "bridge")


class Cni(unittest.TestCase):
    """Each test has a node: a namespace for the host's side, folders, and namespaces for pods."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.pods = []
        make(self, NODE)

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

    @staticmethod
    def variables(command, pod="a", path=OURS):
        return {**os.environ, "CNI_COMMAND": command, "CNI_CONTAINERID": pod, "CNI_IFNAME": "eth0",
                "CNI_NETNS": f"/run/netns/{NODE}-{pod}", "CNI_PATH": path}

    def call(self, command, config, pod="a", netns=None, plugin=OURS, path=None, name="bridge", before=None, **env):
        variables = {**self.variables(command, pod, path or plugin), **env}
        if netns is not None:
            variables["CNI_NETNS"] = netns
        done = subprocess.run(["ip", "netns", "exec", NODE, os.path.join(plugin, name)],
                              input=config if isinstance(config, str) else json.dumps(config),
                              capture_output=True, text=True, env=variables, preexec_fn=before)
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
        return sorted(name for name in os.listdir(folder) if re.match(r"[0-9a-f]+[.:]", name)) if os.path.isdir(folder) else []

    def killed(self, command, config, step, plugin=OURS):
        """Calls bridge again and again and kills it later each time: `step` system calls, behind its start. The caller
        mends what is left."""
        stdin = os.path.join(self.folder, "config")
        with open(stdin, "w") as file:
            json.dump(config, file)
        bridge = [shutil.which("nsenter"), f"--net=/run/netns/{NODE}", os.path.join(plugin, "bridge")]
        number, went_on = 250, True
        while went_on:
            went_on = run_until_call(number, bridge, self.variables(command, path=plugin), stdin)
            yield number
            number += step
        self.assertGreater(number, 400, "it makes fewer calls than thought: start with a lower number")

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


def from_modules(folder, modules):
    """Programs from the Go module proxy, kept in the cache. None, with the reason, when they cannot be had."""
    missing = [(name, module) for name, module in modules.items() if not os.path.exists(os.path.join(folder, name))]
    if not missing:
        return folder, None
    if not shutil.which("go"):
        return None, "go is missing"
    os.makedirs(folder, exist_ok=True)
    env = {**os.environ, "GOBIN": folder, "GOFLAGS": "-modcacherw -buildvcs=false", "CGO_ENABLED": "0"}
    try:
        done = subprocess.run(["go", "install", *[module for _, module in missing]], env=env, cwd="/",
                              capture_output=True, text=True, timeout=400)
    except subprocess.TimeoutExpired:
        return None, "the Go module proxy does not answer in time"
    return (folder, None) if done.returncode == 0 else (None, done.stderr.strip().split("\n")[-1])


def reference():
    """The reference plugins, of the version that ours are like."""
    module = "github.com/containernetworking/plugins/plugins"
    return from_modules(os.path.join(CACHE, "reference"),
                        {"bridge": f"{module}/main/bridge@{VERSION}", "host-local": f"{module}/ipam/host-local@{VERSION}"})


def cnitool():
    return from_modules(CACHE, {"cnitool": f"github.com/containernetworking/cni/cnitool@{CNITOOL}"})


def flannel():
    """flannel's CNI plugin, which reads flanneld's subnet.env and calls bridge."""
    return from_modules(CACHE, {"flannel": f"github.com/containernetworking/plugins/plugins/meta/flannel@{FLANNEL}"})


def main():
    reason = why_not()
    if reason:
        print(reason)
        sys.exit(77)
    unittest.main()

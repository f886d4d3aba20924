# SPDX-License-Identifier: MIT
"""VLANs of bridge in a virtual machine, because the kernel of the build machine may not filter VLANs: beside the
reference, and by frames that arrive."""
import json
import os
import re
import shutil
import sys
import unittest

import guest
from cni_node import OURS, STAGE, reference

POD = "CNI_CONTAINERID=$pod CNI_NETNS=/run/netns/$pod CNI_IFNAME=eth0 CNI_PATH=/$by/bin /$by/bin/bridge"
GOOD = {
    "vlan": {"vlan": 100},
    "vlan, default kept": {"vlan": 100, "preserveDefaultVlan": True},
    "vlan, default dropped": {"vlan": 100, "preserveDefaultVlan": False},
    "vlan with a gateway": {"vlan": 100, "isGateway": True},
    "trunk": {"vlanTrunk": [{"minID": 100, "maxID": 103}, {"id": 200}], "ipam": {}},
    "trunk, default kept": {"vlanTrunk": [{"id": 200}], "preserveDefaultVlan": True, "ipam": {}},
    "trunk, default dropped": {"vlanTrunk": [{"id": 200}], "preserveDefaultVlan": False, "ipam": {}},
    "trunk and vlan": {"vlan": 100, "vlanTrunk": [{"id": 200}], "ipam": {}},
}
BAD = {
    "range turned round": {"vlanTrunk": [{"minID": 103, "maxID": 100}], "ipam": {}},
    "no number of a VLAN": {"vlan": 4096},
}


def config(**more):
    return {"cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "cbr",
            "ipam": {"type": "host-local", "subnet": "10.77.0.0/16", "dataDir": "/run/ipam"}, **more}


def call(command, pod, wanted, by="ours"):
    return f"export pod={pod} by={by}; echo '{json.dumps(wanted)}' | CNI_COMMAND={command} {POD}"


def shown(by, wanted):
    """Result, ports and addresses after ADD, then what CHECK says and what DEL leaves."""
    text = json.dumps(wanted)
    return (f"export pod=p by={by}; ip netns add p; echo '{text}' >/run/conf; CNI_COMMAND=ADD {POD} </run/conf >/run/result; "
            f"code=$?; cat /run/result; echo; echo '#'; bridge -j vlan show; echo '#'; ip -j addr; echo '#'; "
            "(printf '%s' \"$(sed 's/}$//' /run/conf)\"; echo ', \"prevResult\":'; cat /run/result; echo '}') >/run/checked; "
            f"CNI_COMMAND=CHECK {POD} </run/checked; echo \"check $?\"; echo '#'; CNI_COMMAND=DEL {POD} </run/conf; "
            "ip -j addr; ls /run/ipam/net 2>/dev/null | grep -v -e lock -e last; ip netns del p; ip link del cbr; ip link del cbr.100 2>/dev/null; "
            "rm -rf /run/ipam; "
            "exit $code")


def normal(text):
    text = re.sub(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", "MAC", text)
    text = re.sub(r"fe80::[0-9a-f:]+", "LOCAL", text)
    return re.sub(r"veth[0-9a-f]{8}", "veth", text)


def state(text):
    """What is compared: ports with VLANs, and links with their addresses. Numbers of interfaces differ from run to run."""
    result, vlans, links, check, after = text.split("#\n")
    ports = sorted((normal(port["ifname"]), json.dumps(port["vlans"])) for port in json.loads(vlans))

    def addresses(text):
        return sorted((normal(link["ifname"]), sorted(f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"]
                                                      if one["scope"] == "global"))
                      for link in json.loads(text.splitlines()[0]))

    return {"result": json.loads(normal(result)), "vlans": ports, "links": addresses(links), "check": check.strip(),
            "after": addresses(after), "left": [line for line in after.splitlines()[1:] if line]}


class Vlans(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        theirs, why = reference()
        if theirs is None:
            raise unittest.SkipTest(f"the reference cannot be had: {why}")
        archive = guest.Archive()
        archive.modules(guest.kernel()[1], ("bridge", "8021q", "veth"))
        archive.file("/bin/busybox")
        for name in ("ip", "bridge"):
            archive.program(shutil.which(name), f"sbin/{name}")
        for name in ("bridge", "host-local", "k2s-worker"):
            archive.program(os.path.join(OURS, name), f"ours/bin/{name}", strip=True)
        archive.program(os.path.join(STAGE, "lib", "libk2s-core.so"), "ours/lib/libk2s-core.so", strip=True)
        plugin = os.path.join("lib", "k2s", "plugins", "cni")
        archive.program(os.path.join(STAGE, plugin, "cni.so"), f"ours/{plugin}/cni.so", strip=True)
        archive.file(os.path.join(STAGE, plugin, "plugin.json"), f"ours/{plugin}/plugin.json")
        for name in ("bridge", "host-local"):
            archive.file(os.path.join(theirs, name), f"theirs/bin/{name}")
        for name in ("var/lib/k2s", "etc", "mnt"):
            archive.folder(name)
        steps = {}
        for name, more in {**GOOD, **BAD}.items():
            for by in ("ours", "theirs"):
                steps[f"{name} {by}"] = shown(by, config(**more))
        one, other = config(vlan=100), config(vlan=200)
        steps["frames"] = "; ".join([
            *(f"ip netns add {pod}; {call('ADD', pod, wanted)} >/dev/null"
              for pod, wanted in (("a", one), ("b", one), ("c", other))),
            "ip netns exec a ping -c 1 -W 5 10.77.0.3 >/dev/null; echo same $?",
            "ip netns exec a ping -c 1 -W 2 10.77.0.4 >/dev/null; echo other $?"])
        drift = config(vlan=300)
        steps["drift"] = "; ".join([
            "ip netns add d", call("ADD", "d", drift) + " >/run/result",
            "port=$(bridge -j vlan show | tr '{' '\\n' | grep -B2 '\"vlan\":300' | grep -o 'veth[0-9a-f]*')",
            "bridge vlan del vid 300 dev $port",
            f"(echo '{json.dumps(drift)[:-1]}, \"prevResult\":'; cat /run/result; echo '}}') >/run/checked",
            f"export pod=d by=ours; CNI_COMMAND=CHECK {POD} </run/checked"])
        gateway = config(vlan=400, isGateway=True)
        steps["gateway"] = "; ".join([
            "ip netns add g", call("ADD", "g", gateway) + " >/run/result",
            f"(echo '{json.dumps(gateway)[:-1]}, \"prevResult\":'; cat /run/result; echo '}}') >/run/checked",
            f"export pod=g by=ours; CNI_COMMAND=CHECK {POD} </run/checked && echo good",
            "ip addr flush dev cbr.400", f"CNI_COMMAND=CHECK {POD} </run/checked",
            "ip link del cbr.400", f"CNI_COMMAND=CHECK {POD} </run/checked"])
        cls.done = guest.run(archive, steps)

    def test_beside_the_reference(self):
        for name in (*GOOD, *BAD):
            with self.subTest(name):
                (our_code, ours), (their_code, theirs) = self.done[f"{name} ours"], self.done[f"{name} theirs"]
                self.assertEqual((our_code, their_code), (0, 0) if name in GOOD else (1, 1), f"{ours}\n{theirs}")
                if name in GOOD:
                    ours, theirs = state(ours), state(theirs)
                    self.assertEqual((ours["check"], ours["left"]), ("check 0", []))
                    if not GOOD[name].get("ipam", True):  # the reference asks for an IPAM plugin then
                        theirs["check"] = ours["check"]
                    self.assertEqual(ours, theirs)

    def test_frames_stay_in_their_vlan(self):
        self.assertEqual(self.done["frames"][1].split("\n")[:2], ["same 0", "other 1"])

    def test_a_lost_vlan_is_found(self):
        code, text = self.done["drift"]
        self.assertEqual(code, 1, text)
        self.assertIn("has lost VLAN 300", text)

    def test_a_lost_gateway_is_found(self):
        code, text = self.done["gateway"]
        self.assertEqual(code, 1, text)
        self.assertTrue(text.lstrip().startswith("good"), text)
        self.assertIn("cbr.400 has lost the address 10.77.0.1", text)
        self.assertIn("cbr.400 is missing", text)


if __name__ == "__main__":
    reason = guest.why_not()
    if reason:
        print(reason)
        sys.exit(77)
    unittest.main()

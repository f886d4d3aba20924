# SPDX-License-Identifier: MIT
"""The installed tree: what lies where, the SDK for third parties, size."""
import json
import os
import shutil
import subprocess
import unittest

from k2s import WINDOWS, TreeTest, native

PLUGIN = r"""
#include <k2s/sdk/plugin.hpp>
class Hello final : public k2s::Plugin, public k2s::Commands {
  public:
    using Plugin::Plugin;
    k2s::Status run(const k2s::Invocation &call) override {
        call.data("{\"hello\": \"" + call.text("name") + "\"}");
        return K2S_OK;
    }
};
K2S_PLUGIN(Hello, "hello", "1.0.0")
"""

MANIFEST = {
    "manifest": 1, "id": "hello", "version": "1.0.0", "summary": "Says hello", "licence": "MIT",
    "abi": {"major": 1, "minor": 0}, "library": "hello",
    "features": [{"id": "hello", "kind": "command", "summary": "Says hello"}],
    "commands": [{"path": ["hello"], "feature": "hello", "style": "posix", "summary": "Say hello",
                  "output": "data", "arguments": [{"name": "name", "type": "string", "required": True,
                                                   "help": "to whom"}]}],
}


class Installed(TreeTest):
    def test_the_tree_is_complete(self):
        core = "bin/k2s-core.dll" if WINDOWS else "lib/libk2s-core.so"
        for path in (core, "lib/pkgconfig/k2s.pc", "include/k2s/abi/plugin.h", "include/k2s/sdk/plugin.hpp",
                     "share/licences/k2s/LICENSE", "lib/k2s/plugins/storage/plugin.json"):
            self.assertTrue(os.path.exists(os.path.join(self.tree, path)), path)
        self.assertFalse(os.path.exists(os.path.join(self.tree, "include/k2s/host")))

    def test_man_pages_and_completion(self):
        share = os.path.join(self.folder, "share")
        self.succeed("k2s", "man", native(share))
        for path in ("man/man1/k2s.1", "man/man1/httpproxy.1", "bash-completion/completions/yaml2json",
                     "powershell/k2s.ps1"):
            self.assertTrue(os.path.getsize(os.path.join(share, path)) > 100, path)

    def test_a_plugin_built_with_the_installed_sdk_runs(self):
        source = os.path.join(self.folder, "hello.cpp")
        with open(source, "w") as file:
            file.write(PLUGIN)
        folder = os.path.join(self.tree, "lib/k2s/plugins/hello")
        os.makedirs(folder)
        flags = subprocess.run(["pkg-config", "--cflags", "k2s"], check=True, capture_output=True, text=True,
                               env=os.environ | {"PKG_CONFIG_LIBDIR": os.path.join(self.tree, "lib/pkgconfig")})
        import shlex
        library = os.path.join(folder, "hello.dll" if WINDOWS else "hello.so")
        compiler = ["x86_64-w64-mingw32-g++-posix", "-static"] if WINDOWS else ["g++"]
        subprocess.run([*compiler, "-std=c++17", "-O1", "-shared", "-fPIC", "-fvisibility=hidden",
                        *shlex.split(flags.stdout), "-o", library, source], check=True, capture_output=True)
        with open(os.path.join(folder, "plugin.json"), "w") as file:
            json.dump(MANIFEST, file)
        self.assertEqual(self.data("k2s", "hello", "world"), {"hello": "world"})
        self.assertIn("can be used", self.succeed("k2s", "plugin", "explain", "hello"))
        shutil.rmtree(folder)

    @unittest.skipIf(WINDOWS, "the bound is for Linux")
    @unittest.skipIf("K2S_SANITIZED" in os.environ, "sanitizers make every binary many times larger")
    def test_the_tree_is_small(self):
        """The core, the exes and the plugins that each node has."""
        total = 0
        for top in ("bin", "lib"):
            for folder, _, names in os.walk(os.path.join(self.tree, top)):
                if os.path.basename(folder) in ("example", "image", "cni"):
                    continue
                for name in names:
                    if name == "k2s-plugin-validator":
                        continue  # for authors, as the example is
                    path = os.path.join(folder, name)
                    stripped = os.path.join(self.folder, "stripped")
                    done = subprocess.run(["strip", "-o", stripped, path], capture_output=True)
                    total += os.path.getsize(stripped if done.returncode == 0 else path)
        self.assertLess(total, 10 * 1000 * 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)

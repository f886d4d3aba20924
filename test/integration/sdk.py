# SPDX-License-Identifier: MIT
"""What third parties get: each template builds, passes the validator and runs; the tutorial, word for
word."""
import json
import os
import re
import shlex
import shutil
import subprocess
import unittest

from plugins_support import SUFFIX, USED, WINDOWS, TreeTest, main


class Sdk(TreeTest):
    more = ("include", "lib/pkgconfig", "share/k2s", "share/cmake")

    def new(self, lang, name="hello-there"):
        folder = self.top / name
        made = self.run_exe("k2s", "plugin", "new", "--lang", lang, name, "-o", self.native(folder),
                            "--format", "json")
        self.assertEqual(made.code, 0, made)
        self.assertIn("plugin.json", json.loads(made.out)["files"])
        for path in folder.rglob("*"):
            self.assertTrue(path.is_dir() or "@" not in path.read_text(), path)
        return folder

    def build(self, *words, cwd):
        done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=300, check=False,
                              env=os.environ | {"PKG_CONFIG_PATH": str(self.tree / "lib/pkgconfig")})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def use(self, folder, library):
        """The plugin passes the validator and runs."""
        target = self.plugins / "hello-there"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        shutil.copyfile(folder / "plugin.json", target / "plugin.json")
        shutil.copyfile(library, target / ("hello-there" + SUFFIX))
        checked = self.run_exe("k2s-plugin-validator", self.native(target), "--json", timeout=300)
        outcomes = {one["case"]: one["outcome"] for one in json.loads(checked.out)["cases"]}
        self.assertEqual(set(outcomes.values()), {"pass"}, checked)
        greeted = self.run_exe("k2s", "hello-there", "greet", "W\u00f6rld", "--format", "json", "--set",
                               "features.hello-there.settings.greeting=Good day")
        self.assertEqual(json.loads(greeted.out), {"message": "Good day, W\u00f6rld"}, greeted)
        wrong = self.run_exe("k2s", "hello-there", "greet", "x", "--set",
                             "features.hello-there.settings.greeting=\"")
        self.assertEqual(wrong.code, 3, wrong)
        self.assertIn("hello-there.greeter", self.run_exe("k2s", "plugin", "info", "hello-there").out)

    def test_c_and_cpp(self):
        for lang in ("c", "cpp"):
            with self.subTest(lang=lang):
                folder = self.new(lang, "hello-there")
                library = folder / ("built" + SUFFIX)
                flags = shlex.split(self.build("pkg-config", "--cflags", "k2s", cwd=folder))
                if WINDOWS:
                    compiler = f"x86_64-w64-mingw32-{'gcc' if lang == 'c' else 'g++'}-posix"
                    extra = ["-static"]
                else:
                    compiler = "gcc" if lang == "c" else "g++"
                    extra = ["-fPIC", "-static-libgcc", "-Wl,--version-script=plugin.map",
                             *(["-static-libstdc++"] if lang == "cpp" else [])]
                self.build(compiler, "-std=c11" if lang == "c" else "-std=c++17", "-O1", "-Wall",
                           "-Wextra", "-Werror", "-shared", "-fvisibility=hidden", *flags, *extra,
                           "-o", str(library), f"plugin.{lang}", cwd=folder)
                self.use(folder, library)
                shutil.rmtree(folder)

    @unittest.skipIf(WINDOWS, "no Rust for Windows on the build machine")
    def test_rust(self):
        folder = self.new("rust")
        self.build("cargo", "build", "--release", "--offline", cwd=folder)
        self.use(folder, folder / "target/release/libhello_there.so")

    @unittest.skipIf(WINDOWS, "Meson and CMake run on the build machine; they compile for it")
    def test_c_with_meson_and_cmake(self):
        folder = self.new("c")
        self.build("meson", "setup", "build", cwd=folder)
        self.build("meson", "compile", "-C", "build", cwd=folder)
        self.build("cmake", "-B", "other", f"-DCMAKE_PREFIX_PATH={self.tree}", cwd=folder)
        self.build("cmake", "--build", "other", cwd=folder)
        self.use(folder, folder / "build/hello-there.so")
        self.use(folder, folder / "other/hello-there.so")

    def test_names(self):
        for name in ("Hello", "9lives", "a/b", "..", "plugin", "run", "x-", "x" * 50, "a_b", ""):
            with self.subTest(name=name):
                result = self.run_exe("k2s", "plugin", "new", name, "-o", self.native(self.top / "new"))
                self.assertEqual(result.code, 2, result)
        self.assertFalse((self.top / "new").exists())
        self.new("c")
        again = self.run_exe("k2s", "plugin", "new", "hello-there", "-o",
                             self.native(self.top / "hello-there"))
        self.assert_fails(again, 1, "not empty")

    def test_a_part_of_a_template_is_missing(self):
        templates = self.tree / "share/k2s/templates"
        for part in ("all", "native", "c"):
            (templates / part).rename(templates / "aside")
            made = self.run_exe("k2s", "plugin", "new", "--lang", "c", "hello-there", "-o",
                                self.native(self.top / part))
            self.assert_fails(made, 6, "cannot read the template", part, "install the tree again")
            (templates / "aside").rename(templates / part)

    @unittest.skipIf(WINDOWS, "its commands are for a shell")
    def test_the_tutorial(self):
        sealed = self.run_exe("k2s", "plugin", "trust", "seal", *USED)
        self.assertEqual(sealed.code, 0, sealed)
        with open(os.environ["K2S_TUTORIAL"], encoding="utf-8") as page:
            blocks = re.findall(r"^```sh\n(.*?)^```", page.read(), flags=re.M | re.S)
        self.assertGreater(len(blocks), 5)
        done = subprocess.run(["bash", "-euxc", "\n".join(blocks)], cwd=self.top / "home",
                              capture_output=True, text=True, timeout=300, check=False,
                              env=self.environment({"TREE": str(self.tree), "PATH":
                                                    f"{self.tree}/bin:{os.environ['PATH']}"}))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Hello, World", done.stdout)
        self.assertIn('"message": "Welcome, World"', done.stdout)
        self.assertIn("owner:   ACME", done.stdout)


if __name__ == "__main__":
    os.umask(0o022)
    main()

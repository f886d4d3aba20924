# SPDX-License-Identifier: MIT
"""The exes as users and scripts call them: flags of the original tools, help, versions, exit codes."""
import json
import os
import shutil
import subprocess
import unittest

from k2s import WINDOWS, TreeTest, native

TOOLS = ("k2s", "httpproxy", "yaml2json", "zap", "cloudinitisobuilder")


class EveryTool(TreeTest):
    def test_version_in_both_spellings(self):
        for tool in TOOLS:
            for flag in ("-version", "--version"):
                first, *details = self.succeed(tool, flag).splitlines()
                self.assertRegex(first, rf"^{tool}: v\d+\.\d+\.\d+")
                self.assertTrue(all(line.startswith("  ") for line in details))

    def test_help_has_usage_examples_and_exit_codes(self):
        for tool in TOOLS[1:]:
            text = self.succeed(tool, "--help")
            for part in ("Usage: " + tool, "Examples:", "Exit codes:"):
                self.assertIn(part, text)
        self.assertIn("--addr", self.succeed("k2s", "help", "httpproxy"))

    def test_mistakes_get_a_suggestion_and_exit_code_2(self):
        self.assertIn("--allowed-cidr", self.fails(2, "httpproxy", "--alowed-cidr", "10.0.0.0/8"))
        self.assertIn('"list"', self.fails(2, "k2s", "plugin", "lst"))
        self.assertIn("network such as", self.fails(2, "httpproxy", "-allowed-cidr", "10.0.0.0/99"))

    def test_the_same_feature_through_k2s(self):
        self.assertEqual(self.succeed("k2s", "yaml2json", input="[1]"), "[1]\n")

    @unittest.skipIf(WINDOWS, "wine has no list of mapped files")
    def test_data_commands_map_no_plugin(self):
        for arguments in (("--help",), ("plugin", "list"), ("completion", "bash"), ("yaml2json", "--help")):
            done = self.run_tool("k2s", *arguments, env={"LD_DEBUG": "files"})
            self.assertEqual(done.returncode, 0)
            self.assertIn("libk2s-core.so", done.stderr)
            self.assertNotIn("plugins/", done.stderr.replace("K2S", ""))
        done = self.run_tool("k2s", "yaml2json", input="1", env={"LD_DEBUG": "files"})
        self.assertIn("/proc/self/fd/", done.stderr)  # the positive control


class Yaml2Json(TreeTest):
    def test_called_as_the_original_is(self):
        source = self.write("in.yaml", "b: <x>\na: [1, ~]\n---\nsecond: 1\n")
        target = native(self.folder + "/out.json")
        done = self.run_tool("yaml2json", "-input", source, "-output", target, "-indent", "-verbosity", "warn")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("first of 2 documents", done.stderr)
        with open(self.folder + "/out.json", encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text, '{\n\t"a": [\n\t\t1,\n\t\tnull\n\t],\n\t"b": "\\u003cx\\u003e"\n}')

    def test_streams_arrays_and_any_root(self):
        self.assertEqual(self.succeed("yaml2json", input="1\n---\n[a]\n"), '1\n["a"]\n')
        self.assertEqual(self.succeed("yaml2json", "-array", input="1\n---\n[a]\n"), '[1,["a"]]\n')

    def test_errors_have_a_place_and_leave_the_old_file(self):
        target = self.write("kept.json", "old")
        said = self.fails(1, "yaml2json", "-input", self.write("bad.yaml", "a: 1\nb: [\n"), "-output", target)
        self.assertIn("bad.yaml:", said)
        with open(self.folder + "/kept.json") as file:
            self.assertEqual(file.read(), "old")
        leftovers = [name for name in os.listdir(self.folder) if name.startswith(".k2s-")]
        self.assertEqual(leftovers, [])
        self.fails(6, "yaml2json", native(self.folder + "/nonesuch.yaml"))

    def test_alias_bombs_are_refused(self):
        bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10))
        self.assertIn("alias", self.fails(1, "yaml2json", input=bomb))

    def test_names_beyond_ascii(self):
        source = self.write("größe 日本.yaml", "ä: ß\n")
        self.assertEqual(json.loads(self.succeed("yaml2json", source, encoding="utf-8")), {"ä": "ß"})

    @unittest.skipIf(WINDOWS, "/dev/full is Linux's")
    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(self.exe("yaml2json"), input="a: 1\n", stdout=full,
                                  stderr=subprocess.PIPE, text=True, env=self.environment)
        self.assertNotEqual(done.returncode, 0)


class CloudInit(TreeTest):
    def seed(self, **files):
        folder = os.path.join(self.folder, "seed")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for name, content in files.items():
            with open(os.path.join(folder, name.replace("_", "-")), "w") as file:
                file.write(content)
        return native(folder)

    def test_the_image_is_reproducible(self):
        source = self.seed(user_data="#cloud-config\nhostname: x\n", meta_data="instance-id: i-1\n")
        images = []
        for name in ("one.iso", "two.iso"):
            target = native(os.path.join(self.folder, name))
            report = json.loads(self.succeed("cloudinitisobuilder", "-sourceDir", source, "-targetFilePath",
                                             target, "--format", "json"))
            self.assertTrue(report["written"])
            with open(os.path.join(self.folder, name), "rb") as file:
                images.append(file.read())
        self.assertEqual(images[0], images[1])
        self.assertIn(b"cidata", images[0][0x8000:0x8800])

    def test_wrong_files_and_flags(self):
        source = self.seed(user_data="#cloud-config\nhostname: [\n", meta_data="instance-id: i-1\n")
        target = native(self.folder + "/never.iso")
        self.assertIn("user-data:", self.fails(1, "cloudinitisobuilder", "-sourceDir", source, "-targetFilePath", target))
        self.assertFalse(os.path.exists(self.folder + "/never.iso"))
        self.assertIn("sourceDir", self.fails(2, "cloudinitisobuilder", "-targetFilePath", target))
        self.fails(6, "cloudinitisobuilder", "-sourceDir", native(self.folder + "/nonesuch"), "-targetFilePath", target)
        self.fails(2, "cloudinitisobuilder", "-sourceDir", source, "-targetFilePath", target, "stray")

    def test_dry_run_writes_nothing(self):
        source = self.seed(user_data="#cloud-config\n{}\n", meta_data="instance-id: i-1\n")
        target = self.folder + "/dry.iso"
        self.succeed("cloudinitisobuilder", "-sourceDir", source, "-targetFilePath", native(target), "-dry-run")
        self.assertFalse(os.path.exists(target))


if __name__ == "__main__":
    unittest.main(verbosity=2)

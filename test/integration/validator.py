# SPDX-License-Identifier: MIT
"""k2s-plugin-validator finds the one defect of each bad plugin, and nothing in those without."""
import json
import os
import xml.etree.ElementTree

from plugins_support import WINDOWS, TreeTest, main

SERVICE = {"features": [{"id": "bad", "kind": "service", "summary": "x"}], "commands": []}
COMMAND = {"commands": [{"path": ["bad"], "feature": "bad", "summary": "x",
                         "options": [{"name": "text", "type": "string", "help": "x"}]}]}

# defect: (the case that finds it, its outcome, words of the message, changes of plugin.json)
DEFECTS = {
    "exports_more": ("exports", "fail", "bad_helper", {}),
    "entry_missing": ("descriptor", "fail", "does not export", {}),
    "abi_2": ("descriptor", "fail", "2.x", {}),
    "entry_fails": ("descriptor", "fail", "does not want to", {}),
    "entry_throws": ("descriptor", "crash", "", {}),
    "entry_crashes": ("descriptor", "crash", "", {}),
    "load_crashes": ("descriptor", "crash", "", {}),
    "wrong_id": ("descriptor", "fail", "somebody-else", {}),
    "wrong_version": ("descriptor", "fail", "9.9.9", {}),
    "new_minor": ("descriptor", "fail", "1.1", {}),
    "small_struct": ("descriptor", "fail", "descriptor", {}),
    "no_descriptor": ("descriptor", "fail", "descriptor", {}),
    "entry_hangs": ("descriptor", "fail", "hung", {}),
    "create_fails": ("create", "fail", "no licence", {}),
    "create_throws": ("create", "crash", "", {}),
    "create_crashes": ("create", "crash", "", {}),
    "create_half": ("create", "fail", "half of it", {}),
    "no_commands": ("interfaces", "fail", "does not offer k2s.commands/1", {}),
    "null_slot": ("interfaces", "fail", "NULL", {}),
    "offers_anything": ("interfaces", "fail", "does not exist", {}),
    "reads_beyond": ("later-host", "crash", "", {}),
    "wants_todays_tables": ("later-host", "fail", "too new", {}),
    "ignores_table_size": ("earlier-host", "crash", "", {}),
    "ignores_error_size": ("earlier-host", "fail", "beyond a k2s_error", {}),
    "off_strand": ("strand", "fail", "is [strand]", {}),
    "one_thread": ("strand", "fail", "not the thread", SERVICE),
    "needs_log": ("without-services", "crash", "", {}),
    "silent": ("without-services", "fail", "does not say why", {}),
    "leaks_threads": ("cycles", "fail", "threads", {}),
    "leaks_files": ("cycles", "fail", "files or handles", {}),
    "leaks_memory": ("cycles", "fail", "bytes", {}),
    "run_throws": ("commands", "fail", "let an exception out", COMMAND),
    "run_crashes": ("commands", "crash", "", COMMAND),
    "trusts_handles": ("other-threads", "crash", "", SERVICE),
    "starts_once": ("services", "fail", "start 2 of 100", SERVICE),
    "status_in_stop": ("stop-in-use", "crash", "", SERVICE),
    "trusts_settings": ("settings", "crash", "", SERVICE),
}


class Validator(TreeTest):
    def setUp(self):
        super().setUp()
        self.add("none")

    def validate(self, folder, *words):
        result = self.run_exe("k2s-plugin-validator", self.native(folder), "--json", *words, timeout=300)
        self.assertIn(result.code, (0, 1), result)
        self.assertTrue(result.out, result)
        found = {one["case"]: one for one in json.loads(result.out)["cases"]}
        bad = {name for name, one in found.items() if one["outcome"] in ("fail", "crash")}
        self.assertEqual(result.code, 1 if bad else 0, result)
        return found, bad

    def test_good_plugins(self):
        for folder in (self.folder, self.plugins / "example"):
            with self.subTest(folder=folder.name):
                found, bad = self.validate(folder, "--seed", "1")
                self.assertEqual(bad, set(), found)
        # Not only because everything was skipped.
        self.assertEqual({found[name]["outcome"] for name in found}, {"pass"}, found)
        # And each case is seen to find something below.
        self.assertEqual(set(found), {case for case, *_ in DEFECTS.values()})

    def test_each_defect(self):
        # There the loader refuses the first; wine counts no handles, and nobody counts the heap.
        skipped = {"load_crashes", "leaks_files", "leaks_memory"} if WINDOWS else set()
        if "K2S_SANITIZED" in os.environ:  # whose allocator keeps books of its own
            skipped.add("leaks_memory")
        for defect, (case, outcome, words, changes) in DEFECTS.items():
            if defect in skipped:
                continue
            with self.subTest(defect=defect):
                self.add(defect, **changes)
                found, bad = self.validate(self.folder, "--case", case, "--case", "exports", "--seed", "1")
                more = {"exports"} if WINDOWS and defect == "entry_missing" else set()  # no version script
                self.assertEqual(bad, {case} | more, found)
                if not WINDOWS or outcome == "fail":  # wine gives 0 for a crash
                    self.assertEqual(found[case]["outcome"], outcome, found)
                self.assertIn(words, found[case]["message"])
                self.assertTrue(found[case]["rule"])

    def test_the_defects_are_all_there(self):
        source = (os.path.dirname(__file__) + "/../plugins/meson.build")
        with open(source) as file:
            listed = file.read().split("foreach defect : [")[1].split("]")[0]
        names = {word.strip(" \n'") for word in listed.split(",")}
        # Good ones, and hangs, of which one case is enough.
        others = {"none", "create_hangs", "create_hangs_later"}
        self.assertEqual(names - others, set(DEFECTS))

    def test_archive(self):
        file = self.top / "bad.k2splugin"
        packed = self.run_exe("k2s", "plugin", "pack", self.native(self.folder), "-o", self.native(file))
        self.assertEqual(packed.code, 0, packed)
        _, bad = self.validate(file, "--case", "descriptor")
        self.assertEqual(bad, set())
        file.write_bytes(b"nothing")
        self.assertEqual(self.run_exe("k2s-plugin-validator", self.native(file)).code, 3)

    def test_reports(self):
        self.add("entry_fails")
        folder = self.native(self.folder)
        junit = self.run_exe("k2s-plugin-validator", folder, "--junit", "--case", "descriptor")
        suite = xml.etree.ElementTree.fromstring(junit.out)
        self.assertEqual(suite.get("failures"), "1")
        self.assertIn("does not want to", suite.find("testcase/failure").get("message"))
        text = self.run_exe("k2s-plugin-validator", folder, "--case", "descriptor", "--seed", "77")
        for words in ("fail   descriptor", "rule: the entry only", "0 passed, 1 failed", "seed 77"):
            self.assertIn(words, text.out)

    def test_wrong_calls(self):
        self.assertEqual(self.run_exe("k2s-plugin-validator").code, 2)
        self.assertEqual(self.run_exe("k2s-plugin-validator", "x", "--case", "nonesuch").code, 2)
        self.assertEqual(self.run_exe("k2s-plugin-validator", self.native(self.top / "none")).code, 6)
        self.assertEqual(self.run_exe("k2s-plugin-validator", self.native(self.top)).code, 6)
        self.assertIn("Examples", self.run_exe("k2s-plugin-validator", "--help").out)


if __name__ == "__main__":
    os.umask(0o022)
    main()

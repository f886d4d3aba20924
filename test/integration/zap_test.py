# SPDX-License-Identifier: MIT
"""zap against the real thing: overlay mounts, other mount namespaces, immutable files, processes that
use a layer, links that are swapped while it works. What needs root is skipped for others."""
import os
import shutil
import subprocess
import threading
import time
import unittest

from k2s import WINDOWS, WRAPPER, TreeTest, native

ROOT = not WINDOWS and os.geteuid() == 0
needs_root = unittest.skipUnless(ROOT, "mounts and attributes of Linux" if WINDOWS else "needs root")
FILES = 1_000_000 if os.environ.get("K2S_SLOW") else 10_000 if WINDOWS else 60_000
def linux(why):
    return unittest.skipIf(WINDOWS, why)




class Zap(TreeTest):
    def setUp(self):
        self.base = os.path.join(self.folder, "work")
        os.makedirs(self.base)
        self.addCleanup(shutil.rmtree, self.base, ignore_errors=True)

    def make(self, name, files=3, folders=3, content="x" * 100):
        path = os.path.join(self.base, name)
        for folder in range(folders):
            os.makedirs(f"{path}/{folder}/below")
            for file in range(files):
                with open(f"{path}/{folder}/below/{file}", "w") as out:
                    out.write(content)
        return path

    def zap(self, path, *arguments):
        return self.data("zap", "-root", native(self.base), "-folder", native(path), *arguments)

    def refuses(self, code, path, *arguments):
        return self.fails(code, "zap", "-root", native(self.base), "-wait", "300ms", "-folder", native(path),
                          *arguments)

    def nothing_left(self, path):
        self.assertFalse(os.path.lexists(path))
        self.assertEqual([name for name in os.listdir(self.base) if name.startswith(".zap-")], [])

    def test_removes_a_tree_and_counts(self):
        path = self.make("layer")
        counted = self.zap(path, "-dry-run")
        self.assertEqual((counted["files"], counted["directories"], counted["removed"]), (9, 7, False))
        self.assertGreaterEqual(counted["bytes"], 900)
        self.assertTrue(os.path.exists(path + "/2/below/2"))
        done = self.zap(path + "/")  # a trailing separator is no other folder
        self.assertEqual((done["files"], done["directories"], done["removed"]), (9, 7, True))
        self.nothing_left(path)

    @linux("-on-reboot is there")
    def test_the_next_start_is_for_windows(self):
        path = self.make("layer")
        self.assertIn("leave it out", self.refuses(4, path, "-on-reboot"))
        self.assertTrue(os.path.exists(path + "/2/below/2"))

    def test_read_only_files_and_names_beyond_ascii(self):
        path = self.make("größe 日本")
        os.chmod(path + "/0/below/0", 0o400)
        os.chmod(path + "/0/below", 0o500)
        self.assertTrue(self.zap(path)["removed"])
        self.nothing_left(path)

    @linux("wine opens files by paths of Linux, which are no longer than 4096 bytes")
    def test_deeper_than_any_path_may_be_long(self):
        path = self.make("deep")
        here = os.open(path, os.O_RDONLY)
        for _ in range(3000):
            os.mkdir("a-folder", dir_fd=here)
            below = os.open("a-folder", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(here)
        self.assertEqual(self.zap(path, "-dry-run")["at_least"], True)
        self.assertEqual(self.zap(path)["directories"], 3007)
        self.nothing_left(path)

    def test_protected_and_foreign_folders(self):
        for path in ("C:\\", "C:\\Windows") if WINDOWS else ("/", "/usr", "/etc", "/var/lib", "/proc", "//", "/usr/.."):
            said = self.fails(5, "zap", "-force", path)
            self.assertIn("not removed", said)
        path = self.make("layer")
        self.assertIn("layer store", self.fails(5, "zap", native(path)))
        self.assertIn("-root", self.fails(5, "zap", "-root", native(self.make("elsewhere")), native(path)))
        outside = self.base + "/elsewhere/../layer"
        self.assertIn("outside", self.fails(5, "zap", "-root", native(self.base + "/elsewhere"), native(outside)))
        self.assertTrue(os.path.exists(path))
        self.assertTrue(self.data("zap", "-force", native(path))["removed"])
        store = self.make("io.containerd.snapshotter.v1.overlayfs") + "/0"
        self.assertTrue(self.data("zap", native(store))["removed"])  # known by its name

    def test_the_tree_of_zap_itself_and_what_is_no_folder(self):
        self.assertIn("not removed", self.fails(5, "zap", "-force", native(self.folder)))
        with open(self.base + "/file", "w"):
            pass
        self.refuses(2, self.base + "/file")
        self.refuses(6, self.base + "/nonesuch")
        self.fails(2, "zap")
        self.fails(2, "zap", "-folder", native(self.base), native(self.base))
        self.fails(2, "zap", "-threads", "9", native(self.base))

    @linux("wine shows links as what they lead to, and has no junctions; see windows-acceptance.md")
    def test_links_are_not_followed(self):
        victim = self.make("victim")
        path = self.make("layer")
        os.symlink(victim, path + "/0/link")
        os.symlink(victim, self.base + "/link")
        self.assertIn("link", self.refuses(5, self.base + "/link", "-force"))
        self.assertEqual(self.zap(path)["files"], 10)
        self.assertTrue(os.path.exists(victim + "/2/below/2"))

    @linux("wine shows links as what they lead to, and has no junctions; see windows-acceptance.md")
    def test_a_folder_that_is_swapped_with_a_link_meanwhile(self):
        victim = self.make("victim", files=50)
        for _ in range(8):
            path = self.make("layer", files=10, folders=60)
            places = [f"{path}/{number}" for number in range(60)]
            opened = os.open(path, os.O_RDONLY)  # zap renames the folder: the attacker holds on to it
            stop = threading.Event()

            def swap():
                while not stop.is_set():
                    for place in places:
                        name = os.path.basename(place)
                        try:
                            os.rename(name, name + ".away", src_dir_fd=opened, dst_dir_fd=opened)
                            os.symlink(victim, name, dir_fd=opened)
                        except OSError:
                            pass

            attacker = threading.Thread(target=swap)
            attacker.start()
            self.run_tool("zap", "-force", path)
            stop.set()
            attacker.join()
            os.close(opened)
            for name in os.listdir(self.base):
                if name != "victim":
                    shutil.rmtree(os.path.join(self.base, name))
        self.assertEqual(sum(len(files) for _, _, files in os.walk(victim)), 150)

    def test_a_folder_that_is_being_written(self):
        path = self.make("layer", folders=1)
        opened = os.open(path + "/0", os.O_RDONLY)
        stop = threading.Event()

        def write():
            number = 0
            while not stop.is_set() and number < 20000:
                number += 1
                try:
                    os.close(os.open(f"new-{number}", os.O_CREAT | os.O_WRONLY, dir_fd=opened))
                except OSError:  # the folder is gone: removed empty
                    return

        writer = threading.Thread(target=write)
        writer.start()
        done = self.run_tool("zap", "-force", native(path), "--format", "json")
        stop.set()
        writer.join()
        os.close(opened)
        self.assertFalse(os.path.exists(path))
        if done.returncode == 0:
            self.nothing_left(path)
        else:  # the writer was the faster: told, with the place
            self.assertEqual(done.returncode, 8, done.stderr)
            self.assertIn(".zap-layer-", done.stderr)

    @unittest.skipUnless(WINDOWS, "the sharing of files of Windows")
    def test_a_file_that_is_being_written(self):
        path = self.make("layer")
        file = path + "/1/below/1"
        writer = subprocess.Popen([*WRAPPER, "cmd.exe", "/c", "set /p x= > " + native(file)], env=self.environment,
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        self.addCleanup(writer.stdin.close)
        end = time.monotonic() + 60
        while os.path.getsize(file) == 100 and time.monotonic() < end:  # emptied when it was opened
            time.sleep(0.05)
        self.assertLess(os.path.getsize(file), 100)
        # Windows lets no folder be renamed with open files below; wine does.
        self.assertIn("the rest is in", self.refuses(8, path))
        left, = (name for name in os.listdir(self.base) if name.startswith(".zap-layer-"))
        self.assertTrue(os.path.exists(f"{self.base}/{left}/1/below/1"))
        writer.stdin.write(b"\n")
        writer.stdin.close()
        writer.wait(60)
        self.assertTrue(self.zap(f"{self.base}/{left}")["removed"])
        self.nothing_left(path)

    @linux("the Restart Manager of Windows names them, which wine does not have; see windows-acceptance.md")
    def test_who_uses_it_is_named_and_nothing_is_touched(self):
        path = self.make("layer")
        with open(path + "/1/below/1"):
            said = self.refuses(1, path)
            self.assertIn(f"process {os.getpid()}", said)
            self.assertIn("/1/below/1", said)
            self.assertTrue(os.path.exists(path + "/2/below/2"))
            self.assertIn(str(os.getpid()), "".join(self.zap(path, "-dry-run")["in_use"]))
            self.assertTrue(self.zap(path, "-force")["removed"])
        path = self.make("layer")
        sleeper = subprocess.Popen(["sleep", "60"], cwd=path + "/0")
        self.addCleanup(sleeper.kill)
        self.assertIn(f"process {sleeper.pid} (sleep) works in", self.refuses(1, path))
        threading.Timer(0.5, sleeper.kill).start()
        reaper = threading.Thread(target=sleeper.wait)
        reaper.start()
        self.assertTrue(self.zap(path, "-wait", "20s")["removed"])  # waits until it is free
        reaper.join()

    def overlay(self, path, at, lower=None):
        for part in ("fs", "work"):
            os.makedirs(f"{path}/{part}", exist_ok=True)
        os.makedirs(at, exist_ok=True)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={lower or path + '/0'},upperdir={path}/fs,workdir={path}/work", at], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", at], stderr=subprocess.DEVNULL)

    @needs_root
    def test_what_is_mounted_below_is_unmounted(self):
        path = self.make("layer")
        self.overlay(path, path + "/rootfs with space")
        with open(path + "/rootfs with space/new", "w") as file:
            file.write("copied up")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path + "/rootfs with space/below"], check=True)
        self.assertTrue(os.path.isdir(os.path.join(path, "work", "work")))  # overlay's own, mode 000
        counted = self.zap(path, "-dry-run")
        self.assertEqual(counted["unmounted"], [path + "/rootfs with space/below", path + "/rootfs with space"])
        done = self.zap(path)
        self.assertEqual(done["unmounted"], counted["unmounted"])
        self.nothing_left(path)
        with open("/proc/self/mountinfo") as file:
            self.assertNotIn(self.base, file.read())

    def mount(self, *words):
        subprocess.run(["mount", *words], check=True)
        if not words[0].startswith("--make"):
            self.addCleanup(subprocess.run, ["umount", "-l", words[-1]], stderr=subprocess.DEVNULL)

    @needs_root
    def test_mounts_that_go_with_others(self):
        path = self.make("layer")
        self.mount("-t", "tmpfs", "s", path + "/0")
        self.mount("--make-shared", path + "/0")
        self.mount("--bind", path + "/0", path + "/1")
        os.mkdir(path + "/0/sub")
        self.mount("-t", "tmpfs", "x", path + "/0/sub")  # and on 1/sub, as they share
        done = self.zap(path)
        self.assertEqual(set(done["unmounted"]), {path + part for part in ("/0", "/0/sub", "/1", "/1/sub")})
        self.nothing_left(path)

    @needs_root
    def test_mounts_that_were_moved_or_covered(self):
        path = self.make("layer")
        # A private one around them: what is shared cannot be moved.
        self.mount("-t", "tmpfs", "p", path + "/2")
        self.mount("--make-private", path + "/2")
        for folder in ("from", "outer"):
            os.mkdir(f"{path}/2/{folder}")
        self.mount("-t", "tmpfs", "inner", path + "/2/from")
        self.mount("-t", "tmpfs", "outer", path + "/2/outer")
        os.mkdir(path + "/2/outer/inner")
        self.mount("--move", path + "/2/from", path + "/2/outer/inner")
        self.mount("-t", "tmpfs", "cover", path + "/2")
        done = self.zap(path)
        self.assertEqual(len(done["unmounted"]), 4)
        self.assertLess(done["unmounted"].index(path + "/2/outer/inner"),
                        done["unmounted"].index(path + "/2/outer"))
        self.nothing_left(path)
        with open("/proc/self/mountinfo") as file:
            self.assertNotIn(self.base, file.read())

    @needs_root
    def test_a_layer_of_an_overlay_elsewhere_is_in_use(self):
        path = self.make("layer")
        at = self.base + "/merged"
        self.overlay(self.make("container"), at, lower=path)
        self.assertIn(f"mounted on '{at}'", self.refuses(1, path))
        self.assertTrue(os.path.exists(path + "/2/below/2"))
        subprocess.run(["umount", at], check=True)
        self.assertTrue(self.zap(path)["removed"])

    @needs_root
    def test_layers_that_are_named_by_links(self):
        # As Podman and Docker name them: overlay/l/X leads to ../ID/diff.
        store = self.base + "/overlay"
        at = store + "/container/merged"
        for folder in ("base/diff", "other/diff", "l"):
            os.makedirs(f"{store}/{folder}")
        os.symlink("../base/diff", store + "/l/SHORT")
        self.overlay(store + "/container", at, lower=store + "/l/SHORT")
        for layer in (store + "/base", store + "/base/diff"):
            self.assertIn(f"mounted on '{at}' is made of it", self.refuses(1, layer))
            self.assertTrue(os.path.isdir(store + "/base/diff"))
        self.assertTrue(self.zap(store + "/other")["removed"])  # nobody's: the link leads elsewhere

    @needs_root
    def test_layers_that_are_named_by_a_bind_mount(self):
        path, view = self.make("layer"), self.base + "/view"
        at = self.base + "/merged"
        os.makedirs(view)
        subprocess.run(["mount", "--bind", path + "/0", view], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", view], stderr=subprocess.DEVNULL)
        self.overlay(self.make("container"), at, lower=view + "/below")
        for layer in (path + "/0/below", path):
            self.assertIn(f"mounted on '{at}' is made of it", self.refuses(1, layer))
        self.assertTrue(self.zap(path + "/1")["removed"])

    @needs_root
    def test_layers_that_are_named_relative_to_the_store(self):
        # As all engines name them when the list would be too long for mount(2).
        store = self.base + "/store"
        at = self.base + "/elsewhere/merged"
        for folder in ("L1/diff", "L2/diff", "L3/diff", "C/fs", "C/work"):
            os.makedirs(f"{store}/{folder}")
        os.makedirs(at)

        def mounted(options):
            subprocess.run(["mount", "-i", "-t", "overlay", "overlay", "-o", options, at], cwd=store, check=True)
            self.addCleanup(subprocess.run, ["umount", "-l", at], stderr=subprocess.DEVNULL)
            with open("/proc/self/mountinfo") as file:  # the positive control: they are shown so
                self.assertIn("lowerdir=L1/diff:L2/diff", file.read())

        mounted(f"lowerdir=L1/diff:L2/diff,upperdir={store}/C/fs,workdir={store}/C/work")
        for layer in ("L1", "L1/diff", "L2"):
            self.assertIn(f"mounted on '{at}' is made of it", self.refuses(1, f"{store}/{layer}"))
        self.assertTrue(self.zap(store + "/L3")["removed"])  # the layers are found, and are others
        subprocess.run(["umount", at], check=True)
        # Nothing tells where the mounter stood: what might be meant is not touched.
        mounted("lowerdir=L1/diff:L2/diff")
        for layer in ("L1", "L1/diff", "L2"):
            self.assertIn("may be made of it", self.refuses(1, f"{store}/{layer}"))
        self.assertTrue(self.zap(store + "/C")["removed"])
        subprocess.run(["umount", at], check=True)
        self.assertTrue(self.zap(store + "/L1")["removed"])

    @needs_root
    def test_layers_with_colons_and_blanks_in_their_names(self):
        path = self.make("a:layer, so")
        at = self.base + "/merged"
        self.overlay(self.make("container"), at, lower=path.replace(":", "\\:").replace(",", "\\,"))
        self.assertIn(f"mounted on '{at}'", self.refuses(1, path))

    @needs_root
    def test_an_overlay_in_another_mount_namespace_counts_too(self):
        path = self.make("layer")
        container = self.make("container")
        for part in ("fs", "work", "merged"):
            os.makedirs(f"{container}/{part}")
        other = subprocess.Popen(
            ["unshare", "-m", "sh", "-c",
             f"mount -t overlay overlay -o 'lowerdir={path},upperdir={container}/fs,workdir={container}/work' "
             f"'{container}/merged' && echo ready && exec sleep 60"], stdout=subprocess.PIPE)
        self.addCleanup(other.stdout.close)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        self.assertEqual(other.stdout.readline(), b"ready\n")
        self.assertIn(f"process {other.pid}", self.refuses(1, path))

    @needs_root
    def test_a_mount_point_needs_force(self):
        path = self.make("layer")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", path], stderr=subprocess.DEVNULL)
        self.assertIn("mount point", self.refuses(5, path))
        done = self.zap(path, "-force")
        self.assertEqual((done["unmounted"], done["files"]), ([path], 9))
        self.nothing_left(path)

    @needs_root
    def test_immutable_and_append_only(self):
        path = self.make("layer")
        self.addCleanup(subprocess.run, ["chattr", "-R", "-f", "-i", "-a", self.base])
        made = subprocess.run(["chattr", "+i", path + "/0/below/0"], stderr=subprocess.DEVNULL)
        if made.returncode != 0:
            self.skipTest("this file system has no immutable files")
        subprocess.run(["chattr", "+a", path + "/1/below/1"], check=True)
        subprocess.run(["chattr", "+i", path + "/2/below"], check=True)
        subprocess.run(["chattr", "+i", path], check=True)
        with self.assertRaises(PermissionError):  # the positive control
            os.remove(path + "/0/below/0")
        self.assertEqual(self.zap(path)["files"], 9)
        self.nothing_left(path)

    @linux("wine ends a process that gets SIGTERM without its handler")
    def test_cancelling_says_what_is_left(self):
        # Empty: the blocks of so many files may take a disk minutes to discard.
        path = self.make("layer", files=2000, folders=40, content="")
        process = subprocess.Popen([*self.exe("zap"), "-root", self.base, path], env=self.environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while os.path.exists(path) and process.poll() is None:
            time.sleep(0.001)
        process.terminate()
        _, said = process.communicate(timeout=60)
        if process.returncode == 0:
            self.skipTest("it was done before it could be cancelled")
        self.assertIn(".zap-layer-", said)
        left = [name for name in os.listdir(self.base) if name.startswith(".zap-layer-")]
        self.assertEqual(len(left), 1)
        self.assertTrue(self.zap(os.path.join(self.base, left[0]))["removed"])

    def test_many_files_in_little_memory(self):
        path = os.path.join(self.base, "layer")
        os.makedirs(path)
        here = os.open(path, os.O_RDONLY)
        for number in range(FILES):
            os.mknod(f"file-with-a-name-of-some-length-{number}", dir_fd=here)
        os.close(here)
        done = subprocess.Popen([*self.exe("zap"), "-root", native(self.base), native(path)], env=self.environment,
                                stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(done.pid, 0)
        done.returncode = status
        self.assertEqual(status, 0)
        self.nothing_left(path)
        if not WINDOWS and "K2S_SANITIZED" not in os.environ:
            self.assertLess(usage.ru_maxrss, 20_000)


if __name__ == "__main__":
    unittest.main(verbosity=2)

# SPDX-License-Identifier: MIT
"""architecture.py SOURCE_ROOT: includes point one way. Plugins include themselves, plugins/common and the
public headers; plugins/common and the core include themselves; a plugin reaches another one only through
a contract."""
import os
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
PUBLIC = ("k2s/abi/", "k2s/sdk/")


def sources(folder):
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".c", ".cpp", ".h", ".hpp", ".in") and path.is_file():
            yield path


def includes(path):
    return [(kind == '"', name) for kind, name in INCLUDE.findall(path.read_text("utf-8"))]


def inside(path, folder):
    return os.path.commonpath([path, folder]) == str(folder)


def plugin_problems(root, plugin):
    common = root / "plugins/common"
    own_headers = {path for folder in (plugin, common) for path in sources(folder)}
    for path in sources(plugin):
        for quoted, name in includes(path):
            place = f"{path.relative_to(root)}: includes {name}"
            if name.startswith("k2s/") and not name.startswith(PUBLIC):
                yield f"{place}: only k2s/abi and k2s/sdk are for plugins"
            elif not quoted and (root / "core/src" / name).exists():
                yield f"{place}: that is a header of the core's inside"
            elif quoted:
                # Relative to the file, to a folder above it, or to the plugin: in the plugin anyway.
                bases = [path.parent, *path.parent.parents]
                bases = [base for base in bases if inside(base, plugin)]
                if name.startswith("common/"):
                    bases = [common.parent]
                found = [pathlib.Path(os.path.normpath(base / name)) for base in bases]
                if not any(each in own_headers for each in found) and not name.startswith(PUBLIC):
                    yield f"{place}: not a file of the plugin '{plugin.name}'"
    for build in sorted(plugin.rglob("meson.build")):
        if re.search(r"k2s_core|core_inc|core/src", build.read_text("utf-8")):
            yield f"{build.relative_to(root)}: builds against the core's inside"


def core_problems(root):
    core = root / "core"
    for path in sources(core):
        for quoted, name in includes(path):
            place = f"{path.relative_to(root)}: includes {name}"
            if name.startswith(("plugins/", "hosts/")):
                yield f"{place}: the core knows no plugin and no exe"
            elif quoted and not name.startswith("k2s/"):
                bases = [path.parent, core / "src", core / "version"]
                if not any((base / name).exists() and inside(os.path.normpath(base / name), core)
                           for base in bases):
                    yield f"{place}: not a file of the core"
    for path in sources(core / "include"):
        for quoted, name in includes(path):
            if quoted or (name.startswith("k2s/") and not (core / "include" / name).exists()):
                yield f"{path.relative_to(root)}: includes {name}: a public header includes <k2s/…>"
            if path.is_relative_to(core / "include/k2s/abi") and not (
                    name.startswith("k2s/abi/") or name in ("stddef.h", "stdint.h")):
                yield f"{path.relative_to(root)}: includes {name}: the ABI depends on nothing"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    plugins = [path.parent for path in sorted((root / "plugins").glob("*/plugin.json"))]
    assert len(plugins) >= 2 and (root / "core/src").is_dir(), f"{root} is not the source tree"
    problems = list(core_problems(root))
    for plugin in [*plugins, root / "plugins/common"]:
        problems += plugin_problems(root, plugin)
    print("\n".join(problems) or f"the core and {len(plugins)} plugins include what they may")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""modules.py SYSTEM OBJDUMP: the installed modules export what they may and need what each system has.

A second C++ runtime in the process, or a symbol that another module's loader finds by accident, is
a fault that shows late and far away; so this looks at each file of the staged tree (K2S_STAGE_DIR).
"""
import os
import pathlib
import re
import subprocess
import sys

ENTRY = "k2s_plugin_entry_v1"
CORE = "k2s_core_main_v1"
SYSTEM_DLLS = re.compile(r"^(kernel32|user32|advapi32|shell32|ole32|oleaut32|ws2_32|mswsock|iphlpapi|"
                         r"psapi|bcrypt|crypt32|ntdll|msvcrt|ucrtbase|api-ms-win-.*|userenv|secur32|"
                         r"xmllite|gdi32|k2s-core)\.dll$", re.I)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout


def linux_facts(objdump, file):
    headers = run(objdump, "-p", file)
    if "Dynamic Section:" not in headers:  # exes for images are static (ADR 20)
        return set(), ["nothing, as it is static"]
    exported = re.findall(r"^[0-9a-f]{16} +([gwu])(?: .*?)\.\S+\s+[0-9a-f]+\s+(?:\S+\s+)?(\S+)$",
                          run(objdump, "-T", file), flags=re.M)
    needed = re.findall(r"^\s+NEEDED\s+(\S+)$", headers, flags=re.M)
    return {name for _, name in exported}, needed


def windows_facts(objdump, file):
    text = run(objdump, "-p", file)
    table = text.partition("[Ordinal/Name Pointer] Table")[2].partition("\n\n")[0]
    exported = set(re.findall(r"^\s*\[\s*\d+\]\s+(?:\+base\[\s*\d+\]\s+[0-9a-f]+\s+)?(\S+)$", table,
                              flags=re.M))
    return exported, re.findall(r"DLL Name: (\S+)", text)


def main():
    system, objdump = sys.argv[1:3]
    stage = pathlib.Path(os.environ["K2S_STAGE_DIR"])
    if not stage.is_dir():
        print(f"{stage} is not there: run the tests with ./dev test, which makes it")
        return 1
    windows = system == "windows"
    suffix = ".dll" if windows else ".so"
    plugins = sorted(stage.glob("lib/k2s/plugins/*/*" + suffix))
    core = stage / ("bin/k2s-core.dll" if windows else "lib/libk2s-core.so")
    exes = sorted(p for p in stage.glob("bin/*") if p.suffix == (".exe" if windows else ""))
    assert plugins and exes, f"nothing is installed in {stage}"
    # What the core loads on demand.
    modules = {stage / (f"bin/k2s-{name}.dll" if windows else f"lib/libk2s-{name}.so"):
               {f"k2s_core_{name}_v1"} for name in ("archive", "crypto")}
    facts = windows_facts if windows else linux_facts
    problems = []
    for file in [core, *modules, *plugins, *exes]:
        exported, needed = facts(objdump, file)
        name = file.relative_to(stage)
        allowed = {CORE} if file == core else {ENTRY} if file in plugins else modules.get(file, set())
        # An exe's own dynamic symbols are the linker's business; it is never linked against.
        if file not in exes and exported != allowed:
            problems.append(f"{name}: exports {sorted(exported)}, expected {sorted(allowed)}")
        if windows:
            problems += [f"{name}: needs {dll}, which Windows does not have" for dll in needed
                         if not SYSTEM_DLLS.match(dll)]
        else:
            problems += [f"{name}: needs {lib}; link the C++ runtime statically" for lib in needed
                         if lib.startswith(("libstdc++", "libgcc_s", "libboost", "libfmt",
                                            "libfyaml"))]
            if file == core and "libm.so.6" in needed:
                problems.append(f"{name}: needs libm, which each start of each tool would load")
        if not needed:
            problems.append(f"{name}: needs nothing: this test cannot read {objdump}'s output")
    print("\n".join(problems) or f"{len(plugins)} plugins, the core, its {len(modules)} modules and {len(exes)} exes are clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

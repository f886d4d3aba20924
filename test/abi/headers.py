# SPDX-License-Identifier: MIT
"""Compiles the public headers with one compiler: headers.py FAMILY INCLUDE_DIR.

FAMILY is gcc, clang or mingw. The ABI has to compile as C11, C++17 and C++23, the SDK as C++17 and
C++23, without a warning. Skips (77) when the compiler is not installed.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

FAMILIES = {
    "gcc": ("gcc", "g++"),
    "clang": ("clang-19", "clang++-19"),
    "mingw": ("x86_64-w64-mingw32-gcc-posix", "x86_64-w64-mingw32-g++-posix"),
}
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def main():
    family, include = sys.argv[1], pathlib.Path(sys.argv[2])
    c, cpp = FAMILIES[family]
    for compiler in (c, cpp):
        if shutil.which(compiler) is None:
            print(f"{compiler} is not installed (subprojects/packages.txt)")
            return 77
    extra = ["-D_WIN32_WINNT=0x0A00", "-DWIN32_LEAN_AND_MEAN"] if family == "mingw" else []
    abi = sorted((include / "k2s/abi").rglob("*.h"))
    sdk = sorted((include / "k2s/sdk").glob("*.hpp"))
    assert len(abi) >= 15 and len(sdk) >= 6, "the headers are not where this test looks for them"
    # Padding would be a part of the layout that no one wrote down, so the ABI has none (-Wpadded).
    strict = WARNINGS + ["-Wconversion", "-Wpadded"]
    jobs = [("c11", c, strict, abi), ("c++17", cpp, strict, abi), ("c++2b", cpp, strict, abi)]
    if family == "gcc":  # each one alone: what a header needs it includes
        jobs += [("c11", c, strict, [header]) for header in abi]
        jobs += [("c++17", cpp, WARNINGS, [header]) for header in sdk]
    use = pathlib.Path(__file__).with_name("sdk_use.cpp")
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for standard, compiler, warnings, headers in jobs:
            names = [header.relative_to(include).as_posix() for header in headers]
            source = pathlib.Path(folder) / ("one" + (".c" if compiler == c else ".cpp"))
            # Twice: the guard works. The declaration keeps the unit from being empty.
            source.write_text("".join(f"#include <{name}>\n" for name in names * 2) +
                              "extern int unit;\n")
            bad += compile_one([compiler, "-std=" + standard, *warnings, *extra], include, source,
                               " ".join(names))
    for standard in ("c++17", "c++2b"):  # all of the SDK, instantiated
        bad += compile_one([cpp, "-std=" + standard, *WARNINGS, *extra], include, use, use.name)
    print(f"{len(jobs) + 2} units, {bad} failed")
    return 1 if bad else 0


def compile_one(command, include, source, name):
    done = subprocess.run([*command, "-fsyntax-only", f"-I{include}", str(source)],
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return 0
    print(f"--- {name}: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return 1


if __name__ == "__main__":
    sys.exit(main())

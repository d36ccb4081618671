import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.images.vllm.cuda_stubs import needed_libraries, stub_source, version_owners, version_script, write_stubs

DYNAMIC_SECTION = """
 0x0000000000000001 (NEEDED)             Shared library: [libcudart.so.13]
 0x0000000000000001 (NEEDED)             Shared library: [libnccl.so.2]
 0x0000000000000001 (NEEDED)             Shared library: [libcuda.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]
"""
VERSION_SECTION = """
Version needs section '.gnu.version_r' contains 2 entries:
  000000: Version: 1  File: libcublas.so.13  Cnt: 1
  0x0010:   Name: libcublas.so.13  Flags: none  Version: 7
  0x0020: Version: 1  File: libc.so.6  Cnt: 1
  0x0030:   Name: GLIBC_2.2.5  Flags: none  Version: 3
"""


def test_the_runtime_and_the_c_library_are_not_stubbed() -> None:
    assert needed_libraries(DYNAMIC_SECTION) == {"libnccl.so.2", "libcuda.so.1"}


def test_each_symbol_version_belongs_to_the_library_that_defines_it() -> None:
    assert version_owners(VERSION_SECTION) == {"libcublas.so.13": "libcublas.so.13", "GLIBC_2.2.5": "libc.so.6"}


def test_sources_are_in_a_fixed_order() -> None:
    assert stub_source(frozenset("ba")).splitlines() == [
        "long a(void) { return 1; }",
        "long b(void) { return 1; }",
    ]
    assert version_script({"V": frozenset("ba")}) == "V { global: a; b; };\n"


@pytest.mark.skipif(
    os.environ.get("CI") != "true" and not all(map(shutil.which, ("gcc", "nm", "readelf"))),
    reason="gcc and binutils are not installed",
)
def test_a_library_that_misses_cuda_loads_with_the_stubs(tmp_path: Path) -> None:
    cuda, torch = tmp_path / "cuda", tmp_path / "torch"
    for folder in (cuda, torch):
        folder.mkdir()
    compile_library(cuda / "libnccl.so.2", "int ncclGetVersion(int *v) { return 0; }", "-Wl,-soname,libnccl.so.2")
    compile_library(
        torch / "libtorch_cuda.so",
        "extern int ncclGetVersion(int *); int answer(void) { return ncclGetVersion(0) + 41; }",
        "-Wl,--no-as-needed,-rpath,$ORIGIN/../stubs",
        str(cuda / "libnccl.so.2"),
    )
    assert "libnccl.so.2: cannot open shared object file" in load(torch / "libtorch_cuda.so")

    assert write_stubs(torch, tmp_path / "stubs") == ("libnccl.so.2",)

    assert load(torch / "libtorch_cuda.so") == "42"


def load(library: Path) -> str:
    """What the library answers, or why it does not load, in a process whose loader has seen nothing yet."""
    program = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).answer())"
    run = subprocess.run((sys.executable, "-c", program, str(library)), capture_output=True, text=True, check=False)
    return run.stdout.strip() or run.stderr


def compile_library(target: Path, source: str, *options: str) -> None:
    """Build a shared library without a C library, whose headers and start files may not be installed."""
    command = ("gcc", "-shared", "-fPIC", "-w", "-nostdlib", "-x", "c", "-", "-x", "none", *options, "-o", str(target))
    subprocess.run(command, input=source, text=True, check=True, capture_output=True)

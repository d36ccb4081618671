"""Empty stand-ins for the CUDA libraries that the registry's build of PyTorch is linked to.

On a CPU PyTorch calls none of them, but the dynamic loader wants each library, each symbol version and each data symbol
when PyTorch is imported (functions are bound when first called). A stub exports exactly the symbols that PyTorch leaves
undefined; each function returns 1, an error to every CUDA library. The CUDA runtime is not stubbed: PyTorch calls it
while it is loaded, to ask how many GPUs there are.
"""

import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_CUDA_LIBRARY = re.compile(
    r"^lib(cublas|cublasLt|cudnn|cufft|cufile|cuda|cupti|curand|cusolver|cusparse|cusparseLt|nccl|nvrtc|nvshmem_host)\.so\.\d+$"
)
_CUDA_SYMBOL = re.compile(r"^(cu|nccl|nv|cupti|cufile|nvshmem)")
_NEEDED = re.compile(r"\(NEEDED\).*\[(?P<library>[^\]]+)\]")
_VERSION_FILE = re.compile(r"File: (?P<library>\S+)")
_VERSION_NAME = re.compile(r"Name: (?P<version>\S+)")


@dataclass(frozen=True)
class Undefined:
    """The CUDA symbols that a set of libraries leaves undefined.

    Attributes:
        libraries: The CUDA libraries that are needed, by soname.
        versioned: For each soname and each symbol version, the symbols.
        plain: Symbols without a version, which any library may export.
    """

    libraries: frozenset[str]
    versioned: Mapping[str, Mapping[str, frozenset[str]]]
    plain: frozenset[str]


def needed_libraries(dynamic_section: str) -> set[str]:
    """Return the CUDA libraries named in `readelf --dynamic` output."""
    return {name for name in _NEEDED.findall(dynamic_section) if _CUDA_LIBRARY.match(name)}


def version_owners(version_section: str) -> dict[str, str]:
    """Return which library each symbol version comes from, out of `readelf --version-info` output."""
    owners: dict[str, str] = {}
    library = ""
    for line in version_section.splitlines():
        if match := _VERSION_FILE.search(line):
            library = match["library"]
        if library and (match := _VERSION_NAME.search(line)):
            owners[match["version"]] = library
    return owners


def find_undefined(libraries: list[Path]) -> Undefined:
    """Read what `libraries` need from CUDA. Raises OSError and CalledProcessError (binutils)."""
    needed: set[str] = set()
    versioned: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    plain: set[str] = set()
    defined: set[str] = set()
    for library in libraries:
        needed |= needed_libraries(_output("readelf", "--dynamic", "--wide", str(library)))
        owners = version_owners(_output("readelf", "--version-info", "--wide", str(library)))
        for line in _output("nm", "--dynamic", "--with-symbol-versions", str(library)).splitlines():
            fields = line.split()
            if len(fields) == 3:
                defined.add(fields[2].partition("@")[0])
                continue
            symbol, _, version = fields[1].partition("@")
            owner = owners.get(version.lstrip("@"), "")
            if _CUDA_LIBRARY.match(owner):
                versioned[owner][version.lstrip("@")].add(symbol)
            elif not version and _CUDA_SYMBOL.match(symbol):
                plain.add(symbol)
    frozen = {
        owner: {version: frozenset(symbols) for version, symbols in versions.items()}
        for owner, versions in versioned.items()
    }
    exported = {symbol for versions in frozen.values() for symbols in versions.values() for symbol in symbols}
    return Undefined(frozenset(needed | frozen.keys()), frozen, frozenset(plain - defined - exported))


def stub_source(symbols: frozenset[str]) -> str:
    """Return C source that defines each of `symbols` as a function that fails."""
    return "".join(f"long {symbol}(void) {{ return 1; }}\n" for symbol in sorted(symbols)) or "static int unused;\n"


def version_script(versions: Mapping[str, frozenset[str]]) -> str:
    """Return the linker's version script that gives each symbol its version."""
    return "".join(
        f"{name} {{ global: {'; '.join(sorted(symbols))}; }};\n" for name, symbols in sorted(versions.items())
    )


def write_stubs(torch_libraries: Path, target: Path) -> tuple[str, ...]:
    """Write a stub for each CUDA library that PyTorch in `torch_libraries` needs into `target`, and return their names.

    Raises OSError and CalledProcessError (binutils, gcc).
    """
    libraries = sorted(path for path in torch_libraries.glob("*.so*") if path.is_file())
    undefined = find_undefined(libraries)
    target.mkdir(parents=True, exist_ok=True)
    # PyTorch needs every library that it names, so any of them may carry the symbols that name none.
    carrier = min(undefined.libraries)
    for name in sorted(undefined.libraries):
        _link(name, undefined.versioned.get(name, {}), undefined.plain if name == carrier else frozenset(), target)
    return tuple(sorted(undefined.libraries))


def _link(name: str, versions: Mapping[str, frozenset[str]], plain: frozenset[str], target: Path) -> None:
    symbols = frozenset(plain.union(*versions.values()))
    with tempfile.TemporaryDirectory(prefix="cuda-stubs-") as folder:
        source, script = Path(folder, "stub.c"), Path(folder, "stub.map")
        source.write_text(stub_source(symbols))
        script.write_text(version_script(versions))
        versioned = (f"-Wl,--version-script,{script}",) if versions else ()
        subprocess.run(
            (
                *("gcc", "-shared", "-fPIC", "-w", "-Os", "-fno-builtin", "-nostdlib", "-s"),
                *("-o", str(target / name), str(source), f"-Wl,-soname,{name}", *versioned),
            ),
            check=True,
            capture_output=True,
            text=True,
        )


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout

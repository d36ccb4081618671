"""The policy pack's environment is not the program's: what the rules import has to be in its lock."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
LOCK = CHECKOUT / "policy" / "requirements.txt"
IMPORT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(name)

ABSENT = set(sys.argv[1:])
sys.meta_path.insert(0, Absent())
import infra.guard.stack
"""


OWN = {"components", "infra", "policy"}
"""What lies in the project around the pack."""


def canonical(name: str) -> str:
    """The name of a distribution as the package index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def absent() -> set[str]:
    """Modules that this environment has and the pack's has not."""
    locked = {canonical(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", LOCK.read_text(), re.MULTILINE)}
    return {
        module
        for module, distributions in packages_distributions().items()
        if module not in OWN and locked.isdisjoint(map(canonical, distributions))
    }


def test_the_rules_import_nothing_that_the_pack_s_lock_does_not_have() -> None:
    missing = absent()

    assert "pulumi_kubernetes" in missing
    subprocess.run([sys.executable, "-c", IMPORT, *missing], cwd=CHECKOUT, check=True, timeout=60)

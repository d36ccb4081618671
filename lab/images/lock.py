"""Regenerate every lock file of the images: `python -m lab.images.lock`.

Reads each recipe's `requirements.in` (with `overrides.in` and `excludes.in` where there are some) and `package.json`,
and writes `requirements.lock` and `package-lock.json` beside them, with a hash for each file and no registry's address,
so that a mirror works as well. Needs uv and npm on PATH and the network; nothing else of the lab does.
"""

import os
import subprocess
import sys
from pathlib import Path

from lab.images.layer import RECIPES

PYTHON_VERSION = "3.11"  # Debian 12's
PLATFORM = "x86_64-manylinux_2_28"


def python_command(folder: Path) -> tuple[str, ...]:
    """Return the uv command that writes `requirements.lock` in `folder`."""
    options = {"--override": folder / "overrides.in", "--excludes": folder / "excludes.in"}
    return (
        *("uv", "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--upgrade"),
        *("--python-version", PYTHON_VERSION, "--python-platform", PLATFORM),
        *(part for option, path in options.items() if path.is_file() for part in (option, str(path))),
        *(str(folder / "requirements.in"), "--output-file", str(folder / "requirements.lock")),
    )


def npm_command() -> tuple[str, ...]:
    """Return the npm command that writes `package-lock.json` in the working folder."""
    return ("npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund")


def main() -> int:
    """Regenerate the lock files and return the exit code."""
    npm_environment = {**os.environ, "npm_config_omit_lockfile_registry_resolved": "true"}
    try:
        for requirements in sorted(RECIPES.glob("*/requirements.in")):
            subprocess.run(python_command(requirements.parent), check=True)
        for package in sorted(RECIPES.glob("*/*/package.json")):
            package.with_name("package-lock.json").unlink(missing_ok=True)
            subprocess.run(npm_command(), check=True, cwd=package.parent, env=npm_environment)
    except FileNotFoundError as error:
        print(f"{error.filename} is not on PATH. Run: pip install uv, apt-get install npm", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} could not lock the packages; what it said is above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

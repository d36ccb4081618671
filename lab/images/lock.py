"""Regenerate the lock files of the images: `python -m lab.images.lock [debian] [python] [npm]`.

Reads each recipe's `packages.in` (Debian), `requirements.in` (with `overrides.in` and `excludes.in` where there are
some) and `package.json`, and writes `packages.lock`, `requirements.lock` and `package-lock.json` beside them, with a
checksum for each file and no registry's address, so that a mirror works as well. Needs apt, uv and npm, each for its
own kind, and the network; nothing else of the lab does.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click

from lab.images.catalogue import IMAGES
from lab.images.debian_archive import DebianArchive
from lab.images.errors import ImageBuildError
from lab.images.layer import RECIPES, LayerRecipe
from lab.images.package_lock import LOCK_NAME, REQUEST_NAME, LockedPackage, lock_text

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


def debian_recipes() -> tuple[LayerRecipe, ...]:
    """Every layer that takes packages from Debian, each after those below it."""
    recipes = {recipe.name: recipe for image in IMAGES.values() for recipe in image.top.stack()}
    return tuple(
        recipe
        for recipe in recipes.values()
        if recipe.below is None or (RECIPES / recipe.name / REQUEST_NAME).is_file()
    )


def lock_debian() -> Iterator[Path]:
    """Write every `packages.lock`, and name each. Raises ImageBuildError, OSError, CalledProcessError."""
    locked: dict[str, tuple[LockedPackage, ...]] = {}
    with tempfile.TemporaryDirectory() as folder:
        archive = DebianArchive(Path(folder))
        archive.read()
        for recipe in debian_recipes():
            lower = recipe.stack()[:-1]
            below = [package for layer in lower for package in locked.get(layer.name, ())]
            locked[recipe.name] = archive.closure(_requested(recipe), below) if lower else archive.base()
    for name, packages in locked.items():
        path = RECIPES / name / LOCK_NAME
        path.parent.mkdir(exist_ok=True)
        path.write_text(lock_text(packages), encoding="utf-8")
        yield path


def _requested(recipe: LayerRecipe) -> Sequence[str]:
    return (RECIPES / recipe.name / REQUEST_NAME).read_text(encoding="utf-8").split()


def lock_python() -> Iterator[Path]:
    """Write every `requirements.lock`, and name each. Raises OSError, CalledProcessError."""
    for requirements in sorted(RECIPES.glob("*/requirements.in")):
        subprocess.run(python_command(requirements.parent), check=True)
        yield requirements.with_name("requirements.lock")


def lock_npm() -> Iterator[Path]:
    """Write every `package-lock.json`, and name each. Raises OSError, CalledProcessError."""
    environment = {**os.environ, "npm_config_omit_lockfile_registry_resolved": "true"}
    for package in sorted(RECIPES.glob("*/*/package.json")):
        package.with_name("package-lock.json").unlink(missing_ok=True)
        subprocess.run(npm_command(), check=True, cwd=package.parent, env=environment)
        yield package.with_name("package-lock.json")


KINDS: Mapping[str, Callable[[], Iterator[Path]]] = {"debian": lock_debian, "python": lock_python, "npm": lock_npm}


@click.command()
@click.argument("kinds", nargs=-1, required=True, type=click.Choice(list(KINDS)), metavar="KIND...")
def lock(kinds: tuple[str, ...]) -> None:
    """Lock the images' packages anew: the newest that debian, python or npm serve now, by version and checksum.

    Names each file that it writes. Images whose lock file has changed are built anew by the next `./quickstart`.
    """
    for kind in kinds:
        for path in KINDS[kind]():
            click.echo(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def main(arguments: Sequence[str]) -> int:
    """Regenerate the lock files of the kinds that are named, and return the exit code."""
    try:
        lock.main(list(arguments), prog_name="python -m lab.images.lock", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ImageBuildError as error:
        print(error, file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        print(f"{error.filename} is not on PATH. Run: pip install uv, apt-get install npm", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(
            f"{error.cmd[0]} could not lock the packages. {error.stderr or 'What it said is above.'}", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

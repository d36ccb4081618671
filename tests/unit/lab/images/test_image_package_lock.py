"""Locked Debian packages: what is locked, what an archive may serve instead, and what it may not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from lab.images import debian, lock
from lab.images.build import image_key
from lab.images.catalogue import DEBIAN, IMAGES, Image, ImageName
from lab.images.errors import ImageBuildError
from lab.images.layer import RECIPES, LayerRecipe
from lab.images.lock import debian_recipes, main
from lab.images.package_lock import (
    LOCK_NAME,
    REQUEST_NAME,
    LockedPackage,
    lock_text,
    otherwise_than_locked,
    preferences,
    read_lock,
    refuse_changed,
    served_by,
)

ONE, OTHER = "1" * 64, "2" * 64
LOCKED = (LockedPackage("libone", "1:1.0-1", ONE), LockedPackage("two", "2.0", OTHER))
SERVED = {"libone": {"1:1.0-1": ONE}, "two": {"2.0": OTHER}}
INSTALLED = {"libone": "1:1.0-1", "two": "2.0"}


def warnings(installed: dict[str, str], served: dict[str, dict[str, str]]) -> list[str]:
    return list(otherwise_than_locked("redis", LOCKED, installed, served))


def test_a_lock_file_is_read_as_it_was_written_in_order_of_names() -> None:
    text = lock_text(reversed(LOCKED))

    assert text.splitlines()[0] == f"libone=1:1.0-1 sha256:{ONE}"
    assert read_lock(text) == LOCKED


@pytest.mark.parametrize("line", ["two=2.0", "two=2.0 sha256:abc", "two sha256:" + ONE, "", "two=2.0 md5:" + ONE])
def test_a_line_without_version_or_checksum_is_refused_with_the_command_that_mends_it(line: str) -> None:
    with pytest.raises(ImageBuildError, match=r"python -m lab\.images\.lock debian"):
        read_lock(f"{lock_text(LOCKED)}{line}\n")


def test_an_index_is_read_with_all_versions_of_a_package() -> None:
    index = (
        f"Package: two\nVersion: 2.0\nDepends: libone (>= 1.0)\nSHA256: {OTHER}\nDescription: two\n Version: none\n\n"
        f"Package: two\nVersion: 2.1\nSHA256: {ONE}\n"
    )

    assert served_by([index]) == {"two": {"2.0": OTHER, "2.1": ONE}}


def test_apt_is_told_of_each_locked_version_once() -> None:
    assert preferences([*LOCKED, *LOCKED]).count("Pin: version 2.0\nPin-Priority: 1001\n") == 1


def test_what_is_served_and_installed_as_locked_is_not_worth_a_word() -> None:
    refuse_changed("redis", LOCKED, SERVED)
    assert warnings(INSTALLED, SERVED) == []


def test_another_file_under_a_locked_version_is_refused_though_a_successor_is_served() -> None:
    served = {**SERVED, "two": {"2.0": ONE, "2.1": OTHER}}

    with pytest.raises(
        ImageBuildError, match=f"layer redis: .* two 2.0 with the checksum {ONE}, and {OTHER} is locked"
    ):
        refuse_changed("redis", LOCKED, served)


def test_a_package_that_is_not_served_at_all_is_refused_and_a_successor_is_not() -> None:
    refuse_changed("redis", LOCKED, {**SERVED, "two": {"2.1": ONE}})
    with pytest.raises(ImageBuildError, match="serves no version of it"):
        refuse_changed("redis", LOCKED, {"libone": SERVED["libone"]})


def test_a_successor_is_told_with_both_versions_and_the_command() -> None:
    (line,) = warnings({**INSTALLED, "two": "2.1"}, {**SERVED, "two": {"2.1": ONE}})

    assert "two 2.0 is locked and no longer served" in line
    assert "successor 2.1" in line
    assert line.endswith("python -m lab.images.lock debian")


def test_what_a_successor_needs_is_told_and_without_one_refused() -> None:
    needed = {**INSTALLED, "two": "2.1", "libnew": "1.0"}

    assert len(warnings(needed, {**SERVED, "two": {"2.1": ONE}})) == 2
    with pytest.raises(ImageBuildError, match=r"libnew 1\.0 was installed, and nothing of it is locked"):
        warnings({**INSTALLED, "libnew": "1.0"}, SERVED)


def test_another_version_though_the_locked_one_is_served_is_refused() -> None:
    with pytest.raises(ImageBuildError, match=r"two 2\.1 was installed, and 2\.0 is locked"):
        warnings({**INSTALLED, "two": "2.1"}, {**SERVED, "two": {"2.0": OTHER, "2.1": ONE}})


# --- the committed lock files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", debian_recipes(), ids=lambda recipe: recipe.name)
def test_every_layer_with_debian_packages_has_a_lock_that_holds_what_it_asks_for(recipe: LayerRecipe) -> None:
    text = (RECIPES / recipe.name / LOCK_NAME).read_text()
    asked = (RECIPES / recipe.name / REQUEST_NAME).read_text().split() if recipe.below else debian.BASE_PACKAGES

    assert lock_text(read_lock(text)) == text
    assert {package.name for layer in recipe.stack() for package in layer.locked()} >= set(asked)


@pytest.mark.parametrize("image", IMAGES.values(), ids=lambda image: image.name)
def test_an_images_layers_lock_each_package_once(image: Image) -> None:
    names = [package.name for layer in image.top.stack() for package in layer.locked()]

    assert len(names) == len(set(names)) > 90


def test_a_package_has_one_version_in_all_locks() -> None:
    versions: dict[str, set[str]] = {}
    for recipe in debian_recipes():
        for package in recipe.locked():
            versions.setdefault(package.name, set()).add(package.version)

    assert {name for name, found in versions.items() if len(found) > 1} == set()


def test_no_recipe_installs_from_debian_beside_its_lock() -> None:
    for script in RECIPES.glob("*/build.sh"):
        assert "apt-get" not in script.read_text(), script
        assert ("install_packages.sh" in script.read_text()) == script.with_name(LOCK_NAME).is_file(), script


def test_a_changed_lock_is_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: image_key(IMAGES[name]) for name in ImageName}
    lock = RECIPES / DEBIAN.name / LOCK_NAME
    read = Path.read_bytes

    def read_changed(path: Path) -> bytes:
        return b"changed" if path == lock else read(path)

    monkeypatch.setattr(Path, "read_bytes", read_changed)

    assert all(image_key(IMAGES[name]) != key for name, key in before.items())


def test_a_kind_of_lock_files_that_is_unknown_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["debain"]) == 2
    assert re.search("'debain' is not one of 'debian', 'python', 'npm'", capsys.readouterr().err)


def test_nothing_is_locked_anew_unless_a_kind_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses() -> Iterator[Path]:
        raise AssertionError("nothing was named")

    monkeypatch.setitem(cast("dict[str, object]", lock.KINDS), "debian", refuses)

    assert main([]) == 2
    assert "KIND" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert "Lock the images' packages anew" in capsys.readouterr().out


def test_each_file_that_is_written_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def written() -> Iterator[Path]:
        yield Path.cwd() / "lab" / "packages.lock"

    monkeypatch.setitem(cast("dict[str, object]", lock.KINDS), "debian", written)

    assert main(["debian"]) == 0
    assert capsys.readouterr().out == "lab/packages.lock\n"

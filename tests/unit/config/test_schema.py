"""The JSON Schema of a stack file: fresh, described, and as strict as the loader about keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from infra.config.schema import stack_file_schema, stack_file_schema_text
from infra.config.yaml_text import read_yaml
from tests.unit.config.documents import document

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "infra/config/stack-file.schema.json"
STACK_FILES = sorted(ROOT.glob("Pulumi.*.yaml"))
SCHEMA = stack_file_schema()
VALIDATOR = cast("Any", Draft202012Validator(SCHEMA))


def is_valid(content: object) -> bool:
    return VALIDATOR.is_valid(content)


def test_the_committed_schema_is_fresh() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == stack_file_schema_text(), (
        "run: bulkhead schema > infra/config/stack-file.schema.json"
    )


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(cast("Any", SCHEMA))


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.name)
def test_the_committed_stack_files_are_valid_and_name_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    VALIDATOR.validate(read_yaml(text).value)
    assert text.startswith(f"# yaml-language-server: $schema={COMMITTED.relative_to(ROOT)}\n")


def properties(schema: object, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property anywhere in the schema, with where it is."""
    if isinstance(schema, list):
        for index, item in enumerate(cast("list[object]", schema)):
            yield from properties(item, f"{place}/{index}")
    if isinstance(schema, dict):
        for key, value in cast("dict[str, Any]", schema).items():
            if key == "properties":
                yield from ((f"{place}/{name}", property_) for name, property_ in value.items())
                yield from properties(list(value.values()), place)
            elif key not in ("default", "examples"):
                yield from properties(value, f"{place}/{key}")


def described(property_: dict[str, Any]) -> bool:
    if "description" in property_ or "$ref" not in property_:
        return bool(property_.get("description"))
    definitions = cast("dict[str, dict[str, Any]]", SCHEMA["$defs"])
    return bool(definitions[property_["$ref"].removeprefix("#/$defs/")].get("description"))


def test_every_key_is_described() -> None:
    found = dict(properties(SCHEMA))

    assert len(found) > 80
    assert [place for place, property_ in found.items() if not described(property_)] == []


def test_every_key_of_a_stack_file_is_there() -> None:
    configuration = cast("dict[str, Any]", SCHEMA["properties"])["config"]

    for key in ["trust", "cluster", "pools", "models", "tenants", "gateway", "sources", "database_url"]:
        assert f"bulkhead:{key}" in configuration["properties"]


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"encryptionsalt": "v1:x", "secretsprovider": "gcpkms://x", "encryptedkey": "x"},
        {"environment": ["shared"]},
    ],
)
def test_pulumi_s_own_keys_are_accepted(others: dict[str, Any]) -> None:
    assert is_valid({"config": document(), **others})


def test_other_namespaces_are_accepted() -> None:
    assert is_valid({"config": {**document(), "gcp:project": "x", "kubernetes:context": {"a": 1}}})


@pytest.mark.parametrize("key", ["bulkhead:tust", "trust", "bulkhead:", "bulkhead:trust.tier"])
def test_unknown_keys_of_ours_are_refused(key: str) -> None:
    assert not is_valid({"config": {**document(), key: {}}})


@pytest.mark.parametrize(
    "changes",
    [
        {"trust.teir": "trusted"},
        {"pools.1.nodes.max": "4"},
        {"pools.1.partition": {}},
        {"pools.1.partition": {"kind": "mig"}},
        {"tenants.0.gpu_quota": {"Not A Name": 1}},
        {"cluster.kind": "eks"},
        {"models.0.engine.flags": "--x"},
    ],
)
def test_structural_faults_are_refused(changes: dict[str, Any]) -> None:
    assert is_valid({"config": document()})
    assert not is_valid({"config": document(changes)})


def test_secrets_must_be_encrypted() -> None:
    assert is_valid({"config": {**document(), "bulkhead:database_url": {"secure": "v1:x"}}})
    assert not is_valid({"config": {**document(), "bulkhead:database_url": "postgres://"}})


def test_a_file_without_config_is_refused() -> None:
    assert not is_valid({"encryptionsalt": "v1:x"})
    assert not is_valid({"config": document(), "confg": {}})

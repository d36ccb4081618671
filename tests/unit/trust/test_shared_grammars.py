"""Where caches are scoped to tenants and engines shared by them, a posture says what is not scoped."""

from typing import Any

import pytest

from infra.posture import posture_of
from infra.trust.posture import Finding, Severity
from tests.unit.config.documents import TODAY, document, sound

MODEL = document()["bulkhead:models"][0]


def warnings(tier: str, *enable: str, **changes: Any) -> list[Finding]:
    config = sound({"trust": {"tier": tier, "enable": list(enable)}, **changes})
    return [found for found in posture_of("test", config, TODAY).findings if "structured outputs" in found.message]


@pytest.mark.parametrize(("tier", "enable"), [("adversarial", ()), ("partitioned", ("KV1",))])
def test_models_whose_engines_tenants_share_are_named(tier: str, enable: tuple[str, ...]) -> None:
    (found,) = warnings(tier, *enable)

    assert (found.severity, found.control, found.path) == (Severity.WARNING, "KV1", "bulkhead:models")
    assert f"share engines of {MODEL['name']}," in found.message


@pytest.mark.parametrize("tier", ["trusted", "governed", "partitioned"])
def test_tenants_who_share_a_whole_cache_are_told_nothing_of_this_one(tier: str) -> None:
    assert not warnings(tier)


def test_an_engine_without_a_cache_of_prefixes_keeps_grammars_all_the_same() -> None:
    assert warnings("adversarial", models=[{**MODEL, "cache_isolation": "off"}])


def test_engines_of_a_tenants_own_end_it() -> None:
    assert not warnings("adversarial", models=[{**MODEL, "cache_isolation": "engine_per_tenant"}])

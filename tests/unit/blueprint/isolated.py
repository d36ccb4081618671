"""Blueprints with chosen controls, from a small document, for the tests of what isolates."""

from collections.abc import Mapping
from typing import Any

from infra.blueprint.model import Blueprint
from infra.config.loader import parse
from infra.config.stack import StackConfig
from infra.posture import platform_of
from tests.unit.config.documents import TODAY, document

GROUP = {"kind": "group", "name": "research@example.com"}
ACCOUNT = {"kind": "service_account", "name": "pipeline", "namespace": "search-ci"}


def blueprint_with(tier: str = "trusted", *enable: str, changes: Mapping[str, Any] | None = None) -> Blueprint:
    """The blueprint of the tests' small document (tenants `research` and `search`) in a tier.

    Args:
        tier: The tier.
        enable: Controls switched on above it.
        changes: Further changes, as `tests.unit.config.documents.document` takes them.
    """
    trust = {"tier": tier, "enable": list(enable)}
    written = document(
        {"trust": trust, "tenants.0.subjects": [GROUP], "tenants.1.subjects": [ACCOUNT], **(changes or {})}
    )
    config = parse(written, TODAY)
    assert isinstance(config, StackConfig), config
    return platform_of("test", config, TODAY).blueprint

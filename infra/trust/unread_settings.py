"""Settings that no control in force reads: written for a day that has not come, or in a wrong belief."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from infra.config.paths import location_of
from infra.config.stack import PROJECT, StackConfig
from infra.config.trust import ControlId
from infra.trust.posture import Finding, Severity


@dataclass(frozen=True)
class _Setting:
    """A setting that means something only with a control.

    Attributes:
        key: The setting, below the project's name.
        read_by: The controls that read it; one of them is enough.
        so: What is so without them.
    """

    key: str
    read_by: tuple[ControlId, ...]
    so: str


_ADMISSION = "no policy judges workloads, so there is none to be exempt from"
_SETTINGS = (
    _Setting(
        "trust.admission.exempt_namespaces",
        (ControlId.SR2, ControlId.NS3, ControlId.HW2, ControlId.HW3),
        _ADMISSION,
    ),
    _Setting("trust.admission.controllers", (ControlId.SR2, ControlId.NS3, ControlId.HW3), _ADMISSION),
    _Setting("trust.admission.priority_classes", (ControlId.HW3,), "tenants' pods may name any class"),
    _Setting("trust.admission.runtime_classes", (ControlId.HW3,), "tenants' pods may name any class"),
    _Setting("gateway.external_providers", (ControlId.SR1,), "the gateway reaches every address"),
)


def unread_settings(
    config: StackConfig, written: Mapping[str, object], asked_for: Collection[ControlId]
) -> Iterator[Finding]:
    """A warning for each setting that the stack file holds and no control reads.

    Args:
        config: The configuration.
        written: What the stack file says, by full keys, without what is left to defaults.
        asked_for: The controls that the tier or the stack file asks for.
    """
    for setting in _SETTINGS:
        path = f"{PROJECT}:{setting.key}"
        if _value(written, path) and not any(control in asked_for for control in setting.read_by):
            names = ", ".join(setting.read_by)
            yield Finding(
                Severity.WARNING,
                setting.read_by[0] if len(setting.read_by) == 1 else None,
                path,
                f"The setting changes nothing: neither tier {config.trust.tier} nor bulkhead:trust.enable asks for"
                f" {names}, and without {setting.so}. Remove it, or leave it for the day on which that is asked for.",
            )


def _value(written: Mapping[str, object], path: str) -> object:
    """What stands at a place; None where nothing does."""
    value: object = written
    for part in location_of(path):
        value = cast("Mapping[object, object]", value).get(part) if isinstance(value, Mapping) else None
    return value

"""What the picker decides by: its configuration file. Pure: the same part gives the same bytes.

The file is read once, at the start; it is no object of the cluster. Its fields and plugins are those of llm-d-router
0.10.0 (`apix/config/v1alpha1`, `pkg/epp/framework/plugins`).
"""

from typing import Any, NotRequired, TypedDict

import yaml

from infra.blueprint.model import EndpointPickerPart

API_VERSION = "llm-d.ai/v1alpha1"
"""`inference.networking.x-k8s.io/v1alpha1`, its name in the Gateway API's inference extension, is deprecated there."""
PROFILE = "default"


class Plugin(TypedDict):
    """A plugin that the picker makes; where it has no `name` it is called by its `type`."""

    type: str
    parameters: NotRequired[dict[str, Any]]


class ProfilePlugin(TypedDict):
    """A plugin's part in a choice; `weight` is a scorer's share in the sum, without a unit."""

    pluginRef: str
    weight: NotRequired[float]


class SchedulingProfile(TypedDict):
    """One way to choose."""

    name: str
    plugins: list[ProfilePlugin]


class EndpointPickerConfig(TypedDict):
    """The whole file."""

    apiVersion: str
    kind: str
    plugins: list[Plugin]
    schedulingProfiles: list[SchedulingProfile]


QUEUE_WEIGHT = 2.0
CACHE_USE_WEIGHT = 2.0
PREFIX_WEIGHT = 3.0
"""llm-d's own balance: a prefix that is there saves more than an even load does, unless the load is very uneven."""


def picker_configuration(part: EndpointPickerPart) -> EndpointPickerConfig:
    """How a picker chooses: by load, and by prefixes where they count."""
    prefix_plugins: list[Plugin] = [{"type": "approx-prefix-cache-producer"}, {"type": "prefix-cache-scorer"}]
    prefix_scorers: list[ProfilePlugin] = [{"pluginRef": "prefix-cache-scorer", "weight": PREFIX_WEIGHT}]
    return {
        "apiVersion": API_VERSION,
        "kind": "EndpointPickerConfig",
        "plugins": [
            {"type": "metrics-data-source", "parameters": {"scheme": "http", "path": "/metrics"}},
            {"type": "core-metrics-extractor"},
            {"type": "queue-scorer"},
            {"type": "kv-cache-utilization-scorer"},
            *(prefix_plugins if part.scores_prefixes else []),
            {"type": "max-score-picker"},
            {"type": "single-profile-handler"},
        ],
        "schedulingProfiles": [
            {
                "name": PROFILE,
                "plugins": [
                    {"pluginRef": "queue-scorer", "weight": QUEUE_WEIGHT},
                    {"pluginRef": "kv-cache-utilization-scorer", "weight": CACHE_USE_WEIGHT},
                    *(prefix_scorers if part.scores_prefixes else []),
                    {"pluginRef": "max-score-picker"},
                ],
            }
        ],
    }


def picker_file(part: EndpointPickerPart) -> str:
    """The configuration as the picker reads it."""
    return yaml.safe_dump(picker_configuration(part), sort_keys=False)

"""What replicas run with, against the stack file's prices (AC2) and what makes budgets fail closed (SR3). Pure.

No request shows what happens while the database or the cache is away, and an audit takes neither away. So the settings
that decide it are read from what each running replica mounts, and required here by LiteLLM's own words for them, apart
from what the program writes.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra import values
from infra.audit.budgets.door import Replica
from infra.audit.budgets.verdict import Shown
from infra.audit.results import Outcome
from infra.blueprint.model import GatewayModelPart, GatewayPart
from infra.config.trust import ControlId


@dataclass(frozen=True)
class Setting:
    """One of LiteLLM's general settings.

    Attributes:
        name: What LiteLLM calls it.
        wanted: What it has to be.
        by_default: What LiteLLM takes it to be where it is not said.
        attack: What happens where it is otherwise.
    """

    name: str
    wanted: bool
    by_default: bool
    attack: str


FAIL_CLOSED = (
    Setting(
        "allow_requests_on_db_unavailable",
        wanted=False,
        by_default=False,
        attack="a request with any key, known or made up, while the database is away",
    ),
    Setting(
        "fail_closed_budget_enforcement",
        wanted=True,
        by_default=False,
        attack="a request whose budget cannot be checked",
    ),
    Setting(
        "fail_closed_rate_limit_enforcement",
        wanted=True,
        by_default=False,
        attack="a request whose rate limit cannot be checked",
    ),
)
TOGETHER = "coordination_redis"
"""By which replicas count limits together; without it each counts for itself."""


def configuration_shown(replicas: Sequence[Replica], gateway: GatewayPart) -> Iterator[Shown]:
    """What the replicas' configurations say of budgets and limits.

    Args:
        replicas: Every replica that serves.
        gateway: What the stack file says of it.
    """
    read = {replica.name: values.document(replica.configuration) for replica in replicas}
    for control in (ControlId.AC2, ControlId.SR3):
        yield _as_deployed(control, replicas)
    for setting in FAIL_CLOSED:
        yield _shown(
            f"setting-{setting.name}",
            ControlId.SR3,
            setting.attack,
            _otherwise(setting, read),
            f"{setting.name} is as it must be",
        )
    if gateway.cache is not None or len(replicas) > 1:
        lacking = [name for name, document in read.items() if not _general(document).get(TOGETHER)]
        faults = [f"{name} has no {TOGETHER}" for name in lacking]
        about = "a limit spent once at each replica"
        yield _shown("replicas-count-apart", ControlId.SR3, about, faults, f"{TOGETHER} is set")
    for name in gateway.model_names:
        models = [model for model in gateway.models if model.name == name]
        yield _shown(
            f"price-of-{name}",
            ControlId.AC2,
            f"requests to {name} that cost nothing, so that no budget binds",
            _mispriced(name, models[0], read),
            f"{name} has the stack file's price",
        )


def _as_deployed(control: ControlId, replicas: Sequence[Replica]) -> Shown:
    """Whether what was read tells what runs, without which no setting of the control is known."""
    edited = [f"the ConfigMap that {replica.name} mounts was edited" for replica in replicas if not replica.as_deployed]
    about = "settings changed on the cluster by hand"
    return _shown("edited-settings", control, about, edited, "each mounts what was deployed")


def _shown(case: str, control: ControlId, about: str, faults: Sequence[str], otherwise: str) -> Shown:
    outcome = Outcome.FAILS if faults else Outcome.HOLDS
    seen = "; ".join(faults) or f"at every replica {otherwise}"
    return Shown(case, control, attack=True, about=about, outcome=outcome, seen=seen)


def _otherwise(setting: Setting, read: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = {name: _general(document).get(setting.name, setting.by_default) for name, document in read.items()}
    return [
        f"{name} has {setting.name}: {str(value).lower()}"
        for name, value in found.items()
        if value is not setting.wanted
    ]


def _mispriced(name: str, model: GatewayModelPart, read: Mapping[str, Mapping[str, Any]]) -> list[str]:
    wanted = (model.input_usd_per_token, model.output_usd_per_token)
    faults: list[str] = []
    for replica, document in read.items():
        entries = [entry for entry in _entries(document) if entry.get("model_name") == name]
        if not entries:
            faults.append(f"{replica} does not have the model")
        for found in {_prices(entry) for entry in entries}:
            if not _same(wanted, found):
                faults.append(f"{replica} charges {found[0]} and {found[1]} USD for a token in and out")
    return faults


def _prices(entry: Mapping[str, Any]) -> tuple[float | None, float | None]:
    parameters = values.mapping(entry.get("litellm_params"))
    return _number(parameters.get("input_cost_per_token")), _number(parameters.get("output_cost_per_token"))


def _same(wanted: Iterable[float | None], found: Iterable[float | None]) -> bool:
    """Whether all prices are the wanted ones, and none is nothing where there has to be one."""
    return all(
        actual is None if price is None else actual is not None and math.isclose(actual, price)
        for price, actual in zip(wanted, found, strict=True)
    )


def _general(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return values.mapping(document.get("general_settings"))


def _entries(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from map(values.mapping, values.listed(document.get("model_list")))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None

"""What tenants spent, by day and model, from LiteLLM's daily figures."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from components.tenants.reconciler.admin import HttpAdmin, observe
from components.tenants.reconciler.errors import GatewayError
from components.tenants.reconciler.model import Json, mapping, team_id
from infra.blueprint.model import Blueprint
from infra.live.accounts import tenants_at_gateway
from infra.live.cluster import LiveCluster
from infra.live.gateway import gateway_admin
from infra.live.model import Usage

PATH = "/team/daily/activity"
PAGE_SIZE = 1000


@dataclass(frozen=True)
class UsageReport:
    """What was spent, sorted by tenant, day and model, and by whom it could have been."""

    tenants: tuple[str, ...]
    rows: tuple[Usage, ...]


def read_usage(
    cluster: LiveCluster, blueprint: Blueprint, tenant: str | None, days: tuple[datetime.date, datetime.date]
) -> UsageReport:
    """What tenants spent.

    Args:
        cluster: The cluster.
        blueprint: The stack's.
        tenant: The one tenant that is asked for; None: all of them, those that were removed too.
        days: The first and the last day, both included, in UTC.

    Raises:
        CommandFailedError: The cluster or the gateway cannot be asked, or the platform is not deployed.
    """
    listed = {part.name for part in blueprint.tenants}
    with gateway_admin(cluster, blueprint.gateway) as admin:
        known = sorted(listed | tenants_at_gateway(observe(admin)))
        asked = [name for name in known if tenant in (None, name)]
        rows = [row for name in asked for row in _usage_of(admin, name, days)]
    return UsageReport(tuple(known), tuple(sorted(rows, key=lambda row: (row.tenant, row.day, row.model))))


def _usage_of(admin: HttpAdmin, tenant: str, days: tuple[datetime.date, datetime.date]) -> Iterator[Usage]:
    rows: dict[tuple[datetime.date, str], Usage] = {}
    query = {
        "team_ids": team_id(tenant),
        "start_date": days[0].isoformat(),
        "end_date": days[1].isoformat(),
        "page_size": PAGE_SIZE,
    }
    page, last = 1, 1
    while page <= last:
        answer = admin.get(PATH, {**query, "page": page})
        for row in usage_in(tenant, answer):
            # A day that falls on the seam of two pages comes in two parts.
            rows[row.day, row.model] = _together(rows.get((row.day, row.model)), row)
        last = _number_of_pages(answer)
        page += 1
    yield from rows.values()


def usage_in(tenant: str, answer: Json) -> Iterator[Usage]:
    """The rows of one answer; pure.

    Only models of which something was answered: LiteLLM also counts requests for models that do not exist, under
    whatever name the caller made up.

    Raises:
        GatewayError: It is no answer with usage, or half of one: nothing must not be taken for no spend.
    """
    try:
        days = answer["results"]
        if not isinstance(days, list):
            raise _no_usage()
        yield from _rows(tenant, cast("list[Json]", days))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _no_usage() from None


def _no_usage() -> GatewayError:
    return GatewayError(f"GET {PATH} was answered with something else than a page of usage")


def _number_of_pages(answer: Json) -> int:
    total = mapping(answer.get("metadata")).get("total_pages")
    if not isinstance(total, int):
        raise _no_usage()
    return total


def _rows(tenant: str, days: list[Json]) -> Iterator[Usage]:
    for day in days:
        models: Mapping[str, Json] = day["breakdown"]["models"]
        for model, entry in models.items():
            usage = _usage(tenant, day, model, entry["metrics"])
            if usage.answered_requests or usage.spent_usd:
                yield usage


def _usage(tenant: str, day: Json, model: str, metrics: Json) -> Usage:
    return Usage(
        tenant=tenant,
        day=datetime.date.fromisoformat(str(day["date"])),
        model=model.rpartition("/")[2],
        requests=int(metrics.get("api_requests") or 0),
        failed_requests=int(metrics.get("failed_requests") or 0),
        prompt_tokens=int(metrics.get("prompt_tokens") or 0),
        completion_tokens=int(metrics.get("completion_tokens") or 0),
        spent_usd=float(metrics["spend"]),
    )


def _together(one: Usage | None, other: Usage) -> Usage:
    if one is None:
        return other
    return Usage(
        tenant=other.tenant,
        day=other.day,
        model=other.model,
        requests=one.requests + other.requests,
        failed_requests=one.failed_requests + other.failed_requests,
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        spent_usd=one.spent_usd + other.spent_usd,
    )

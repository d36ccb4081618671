"""`bulkhead tenants`: accounts, keys and spend of a platform that runs."""

import datetime
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from infra.cli.options import StackSelection, stack_options, today
from infra.config.words import listed, near_miss
from infra.faults import CommandFailedError, Fault, FaultsFoundError
from infra.posture import platform_of
from infra.report.tenants_json import account_json, accounts_json, key_json, usage_json
from infra.report.tenants_table import print_account, print_accounts, print_usage
from infra.report.text import printable

if TYPE_CHECKING:
    from infra.blueprint.model import Blueprint
    from infra.live.cluster import LiveCluster
    from infra.live.model import Account

DAYS = 30
MOST_DAYS = 400


@click.group(no_args_is_help=True)
def tenants() -> None:
    """Accounts, keys and spend of the tenants of a platform that runs.

    Reads the cluster through the stack's kubeconfig context, and the gateway through a port forwarded by the cluster.
    Nothing is changed.
    """


_context = click.option(
    "--context",
    metavar="NAME",
    help="The kubeconfig context that reaches the cluster; the stack's own unless said.",
)


@tenants.command("list")
@stack_options
@_context
def list_tenants(selection: StackSelection, context: str | None) -> None:
    """Every tenant's models, budget, spend, limits, key and drift."""
    accounts = _accounts(selection, context)
    if selection.json:
        click.echo(accounts_json(accounts))
    else:
        print_accounts(accounts, sys.stdout)


@tenants.command()
@click.argument("name")
@stack_options
@_context
def show(selection: StackSelection, name: str, context: str | None) -> None:
    """Everything about the tenant NAME but its key."""
    accounts = {account.name: account for account in _accounts(selection, context)}
    _require(name, accounts)
    if selection.json:
        click.echo(account_json(accounts[name]))
    else:
        print_account(accounts[name], sys.stdout)


@tenants.command()
@click.argument("name")
@stack_options
@_context
def key(selection: StackSelection, name: str, context: str | None) -> None:
    """Print the secret virtual key of the tenant NAME, and nothing else."""
    from infra.live.accounts import read_keys  # noqa: PLC0415 - loads the Kubernetes client, which takes a second

    blueprint, cluster = _platform(selection, context)
    keys = read_keys(cluster, blueprint.gateway.namespace)
    if name not in keys:
        _require(name, [tenant.name for tenant in blueprint.tenants])
        fault = Fault(f"tenant {name}", "it has no key yet", "there is none to print", "pulumi up for this stack first")
        raise CommandFailedError("bulkhead", [fault])
    click.echo(key_json(name, keys[name]) if selection.json else keys[name])


@tenants.command()
@click.argument("name", required=False)
@stack_options
@_context
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=DAYS,
    show_default=True,
    help="How many days back, today (UTC) included.",
)
def usage(selection: StackSelection, name: str | None, context: str | None, days: int) -> None:
    """Spend, requests and tokens by tenant, day and model; of the tenant NAME alone where it is given."""
    from infra.live.usage import read_usage  # noqa: PLC0415 - loads the Kubernetes client, which takes a second

    blueprint, cluster = _platform(selection, context)
    period = (today() - datetime.timedelta(days=days - 1), today())
    report = read_usage(cluster, blueprint, name, period)
    if name is not None:
        _require(name, report.tenants)
    if selection.json:
        click.echo(usage_json(report.rows))
    else:
        print_usage(report.rows, sys.stdout)


def _accounts(selection: StackSelection, context: str | None) -> "tuple[Account, ...]":
    from infra.live.accounts import read_accounts  # noqa: PLC0415 - loads the Kubernetes client, which takes a second

    blueprint, cluster = _platform(selection, context)
    return read_accounts(cluster, blueprint)


def _platform(selection: StackSelection, context: str | None) -> "tuple[Blueprint, LiveCluster]":
    from infra.live.cluster import connect  # noqa: PLC0415 - loads the Kubernetes client, which takes a second

    stack, config = selection.load()
    blueprint = platform_of(stack, config, today()).blueprint
    return blueprint, connect(blueprint.cluster, context)


def _require(name: str, known: Collection[str]) -> None:
    """Refuse a name that no tenant has; raises FaultsFoundError."""
    if name in known:
        return
    near = near_miss(name, known)
    others = listed(sorted(known), "or")
    write = f"{near}, or another of: {others}" if near and len(known) > 1 else others
    fault = Fault("NAME", f"there is no tenant `{printable(name)}`", "there is nothing to show", write)
    raise FaultsFoundError("bulkhead", [fault])

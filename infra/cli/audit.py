"""`bulkhead audit`: whether a running cluster keeps what the stack's posture claims."""

import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from infra.audit.report import AuditReport
from infra.audit.results import Probe
from infra.audit.run import Doors, Wanted
from infra.audit.run import audit as audit_cluster
from infra.audit.signals import answering
from infra.cli import exit_codes
from infra.cli.options import StackSelection, stack_options, today
from infra.config.trust import Tier
from infra.config.words import near_miss
from infra.faults import Fault, FaultsFoundError
from infra.posture import Platform, platform_of
from infra.report.audit_json import audit_json
from infra.report.audit_table import print_audit
from infra.report.text import printable

if TYPE_CHECKING:
    from infra.audit.budgets import BudgetDoor
    from infra.audit.caches import CacheDoor
    from infra.blueprint.model import Blueprint


@dataclass(frozen=True)
class _Asked:
    """What the command's own options say."""

    tier: str | None
    only: tuple[str, ...]
    tenants: tuple[str, ...]
    existing: bool
    context: str | None


@click.command()
@stack_options
@click.option(
    "--tier",
    type=click.Choice([str(tier) for tier in Tier]),
    help="Expect this tier in place of the stack file's: what would be missing if it were claimed today.",
)
@click.option(
    "--only",
    type=click.Choice([str(probe) for probe in Probe]),
    multiple=True,
    help="Only this probe; may be given several times.",
)
@click.option(
    "--tenant", "tenants", metavar="NAME", multiple=True, help="Only this tenant; may be given several times."
)
@click.option(
    "--existing",
    is_flag=True,
    help="In place of the probes, list what exists on the cluster and the admission policies would refuse.",
)
@click.option(
    "--context",
    metavar="NAME",
    help="The kubeconfig context that reaches the cluster; the stack's own unless said.",
)
def audit(selection: StackSelection, **options: Any) -> None:
    """Prove on the running cluster that each control which the stack claims holds, and that legitimate work passes.

    Attacks and legitimate workloads are sent as dry runs under the tenants' identities, short-lived pods try whom they
    reach, the API server is asked what each tenant may do and what nodes show of their GPUs and taints, where KV1 is
    claimed tenants look for each other's prompts in the caches, at a negligible expense of theirs, and the tenants'
    keys, budgets and limits are tried at the gateway, also with keys that are made for it. Everything that this makes
    is removed again.

    With --existing nothing is tried and nothing made: what exists is read, and judged by the policies of the tier as if
    it were sent once more, before they are enforced. It needs Kyverno's command line, and exits with 1 when something
    would be refused.

    Exits with 0 when every claimed control holds, 1 when one does not, or `bulkhead posture` refuses the stack file, 2
    when the stack file or the command line is invalid or the facts refuse the tier of --tier, 3 when the audit could
    not do its work or could try nothing against a claimed control.
    """
    asked = _Asked(**options)
    if asked.existing and asked.only:
        raise click.UsageError("--existing looks at no probe: leave --only out.")
    platform, is_supposed = _expected(selection, asked.tier)
    tenants = _known(asked.tenants, platform)
    if asked.existing:
        from infra.cli.existing import audit_existing  # noqa: PLC0415 - loads the whole program, which takes seconds

        click.get_current_context().exit(audit_existing(selection, platform, asked.context, tenants))
    if not platform.posture.sound:
        _tell_what_is_refused(platform, selection, is_supposed=is_supposed)
    probes = tuple(Probe(name) for name in asked.only) or tuple(Probe)
    report = _run(platform, asked.context, probes, tenants)
    if selection.json:
        click.echo(audit_json(report))
    else:
        print_audit(report, sys.stdout)
    refused = exit_codes.SOUND if platform.posture.sound else exit_codes.UNSOUND
    click.get_current_context().exit(exit_code_of(report) or refused)


def _run(
    platform: Platform, context: str | None, probes: tuple[Probe, ...], tenants: frozenset[str] | None
) -> AuditReport:
    from infra.audit.cluster import audited_cluster  # noqa: PLC0415 - loads the Kubernetes client, which takes a second

    with (
        # As on Ctrl-C, so that what the audit made is removed in every case.
        answering((signal.SIGTERM, signal.SIGHUP), _interrupt),
        audited_cluster(platform.blueprint.cluster, context) as (name, cluster),
    ):
        blueprint = platform.blueprint
        doors = Doors(lambda: _caches(blueprint, context), lambda: _budgets(blueprint, context))
        return audit_cluster(cluster, platform, Wanted(name, probes, tenants), _say, doors=doors)


def _caches(blueprint: "Blueprint", context: str | None) -> "CacheDoor":
    from infra.audit.caches.live import LiveCacheDoor  # noqa: PLC0415 - loads the Kubernetes client
    from infra.live.cluster import connect  # noqa: PLC0415 - the same

    return LiveCacheDoor(connect(blueprint.cluster, context), blueprint)


def _budgets(blueprint: "Blueprint", context: str | None) -> "BudgetDoor":
    from infra.audit.budgets.live import LiveBudgetDoor  # noqa: PLC0415 - loads the Kubernetes client
    from infra.live.cluster import connect  # noqa: PLC0415 - the same

    return LiveBudgetDoor(connect(blueprint.cluster, context), blueprint)


def _expected(selection: StackSelection, tier: str | None) -> tuple[Platform, bool]:
    """What the stack file says, or would say, and whether it names another tier.

    What the other tier rules out in the file is a fault, as if it named that.
    """
    stack, config = selection.load()
    named = config.trust.tier
    if tier is not None:
        _, config = selection.load(Tier(tier))
    return platform_of(stack, config, today()), config.trust.tier is not named


def _tell_what_is_refused(platform: Platform, selection: StackSelection, *, is_supposed: bool) -> None:
    """Say what the declared facts refuse; where that is a tier that the file does not name, end the command.

    What the file itself names may run all the same, since facts become stricter after a deployment, and an audit is
    wanted then above all.
    """
    from infra.program import refusal  # noqa: PLC0415 - loads the whole program, which takes seconds

    click.echo(refusal(platform.posture, selection.stack_file, supposed=is_supposed), err=True)
    if is_supposed:
        click.get_current_context().exit(exit_codes.INVALID)


def _known(tenants: tuple[str, ...], platform: Platform) -> frozenset[str] | None:
    """The tenants that were named; raises FaultsFoundError when there is no such tenant."""
    known = [tenant.name for tenant in platform.blueprint.tenants]
    unknown = [name for name in tenants if name not in known]
    if unknown:
        near = near_miss(unknown[0], known) or f"one of: {', '.join(known)}"
        wrong = f"there is no tenant `{printable(unknown[0])}`"
        raise FaultsFoundError("bulkhead", [Fault("--tenant", wrong, "there is nothing to audit", near)])
    return frozenset(tenants) or None


def exit_code_of(report: AuditReport) -> int:
    """`SOUND` only where every claimed control that was looked at was shown to hold, and some control was."""
    if not report.holds:
        return exit_codes.UNSOUND
    return exit_codes.SOUND if report.proven and report.tried else exit_codes.FAILED


def _say(doing: str) -> None:
    # Whose terminal was closed cannot be told anything, and what the audit made is removed all the same.
    with suppress(OSError):
        click.echo(f"bulkhead audit: {doing}", err=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

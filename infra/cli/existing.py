"""`bulkhead audit --existing`: what exists on the cluster and the admission policies would refuse."""

import sys

import click

from infra.audit.errors import impossible
from infra.audit.existing import ExistingReport, judge_existing, read_existing
from infra.audit.offline.policies import PolicyCommand
from infra.cli import exit_codes
from infra.cli.offline import kyverno_binary, stand_in_secrets
from infra.cli.options import StackSelection
from infra.plan import plan
from infra.posture import Platform
from infra.report.existing_report import existing_json, print_existing

WITHOUT_A_REPORT = (
    "run it again on a machine that is not busy, with the kyverno of the version that the platform deploys on PATH"
)


def audit_existing(
    selection: StackSelection, platform: Platform, context: str | None, tenants: frozenset[str] | None
) -> int:
    """List it, and return how the command ends: 1 where something would be refused.

    Raises:
        CommandFailedError: The cluster cannot be asked, or the policies cannot be evaluated.
    """
    found = _report(selection, platform, context, tenants)
    if selection.json:
        click.echo(existing_json(found))
    else:
        print_existing(found, sys.stdout)
    return exit_codes.UNSOUND if found.refused else exit_codes.SOUND


def _report(
    selection: StackSelection, platform: Platform, context: str | None, tenants: frozenset[str] | None
) -> ExistingReport:
    from infra.audit.cluster import audited_cluster  # noqa: PLC0415 - loads the Kubernetes client, which takes a second

    program = kyverno_binary()
    if program is None:
        raise impossible(
            "Kyverno's command line, kyverno, is not on PATH",
            "install it, then run the audit again; no cluster needs it",
        )
    made = plan(platform, stand_in_secrets(selection.path()))
    policies = made.admission_policies
    with audited_cluster(platform.blueprint.cluster, context) as (name, cluster):
        existing = read_existing(cluster, policies)
    evaluation = PolicyCommand(program, policies, existing.namespaces, WITHOUT_A_REPORT)
    judged = judge_existing(existing, platform.blueprint, evaluation, tenants)
    return ExistingReport(
        stack=platform.posture.stack,
        tier=str(platform.posture.tier),
        context=name,
        policies=tuple(sorted(str(policy["metadata"]["name"]) for policy in policies)),
        looked_at=judged.looked_at,
        refused=judged.refused,
    )

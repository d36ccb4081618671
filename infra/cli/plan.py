"""`bulkhead plan`: what the program would register, offline."""

import sys
from enum import StrEnum
from itertools import takewhile
from pathlib import Path

import click

from infra.audit.offline.run import audit_offline
from infra.audit.results import Probe
from infra.cli.audit import exit_code_of
from infra.cli.offline import (
    chosen_format,
    format_option,
    helm_binary,
    kyverno_binary,
    sound_platform,
    stand_in_secrets,
)
from infra.cli.options import StackSelection, stack_options
from infra.plan import Plan
from infra.plan import plan as plan_of
from infra.plan.charts import FolderChartRenderer
from infra.plan.document import plan_json
from infra.plan.manifests import LEFT_OUT, plan_manifests
from infra.plan.table import print_plan
from infra.posture import Platform
from infra.report.audit_json import audit_json
from infra.report.audit_table import print_audit
from lab.paths import charts_directory


class Format(StrEnum):
    """How a plan is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@click.command()
@stack_options
@format_option(
    Format,
    "table (for people, the default), json (every resource with its options), yaml (Kubernetes manifests).",
)
@click.option(
    "--audit",
    "audited",
    is_flag=True,
    help="Judge the plan as `bulkhead audit` judges a cluster, and print that: as a table, or with --json.",
)
def plan(selection: StackSelection, wanted: str | None, audited: bool) -> None:
    """Run the whole program without an engine, a cloud or a cluster, and print what it would register.

    Secrets print as [secret], and what is known only after creation as [computed]. The yaml holds the objects of
    charts, too, when their source is a folder and helm is at hand.

    Exits with 0 when the plan is printed, 1 when a required control is missing (nothing would be registered) or does
    not hold in what --audit sees, 2 when the stack file or the command line is invalid, 3 when the plan cannot be made
    or --audit could try nothing against a claimed control.
    """
    form = chosen_format(selection, wanted, Format)
    if audited and form is Format.YAML:
        raise click.UsageError("--audit is printed as a table or as JSON: leave --format yaml out.")
    platform = sound_platform(selection, json=form is Format.JSON)
    made = plan_of(platform, stand_in_secrets(selection.path()))
    if audited:
        _audit(made, platform, form)
    else:
        _print(made, form, selection.path().absolute().parent)


def _print(made: Plan, form: Format, project: Path) -> None:
    match form:
        case Format.TABLE:
            print_plan(made, sys.stdout)
        case Format.JSON:
            click.echo(plan_json(made))
        case Format.YAML:
            text = plan_manifests(made, FolderChartRenderer(project, charts_directory(), helm_binary()))
            # Also where a scanner at the other end of a pipe does not swallow it.
            for line in takewhile(lambda line: line.startswith(LEFT_OUT), text.splitlines()):
                click.echo(f"bulkhead plan: {line.removeprefix('# ')}", err=True)
            click.echo(text, nl=False)


def _audit(made: Plan, platform: Platform, form: Format) -> None:
    policies = made.admission_policies
    report = audit_offline(platform, policies, kyverno_binary())
    if Probe.ADMISSION not in report.probes:
        click.echo("bulkhead plan: admission is not judged: Kyverno's command line, kyverno, is not on PATH", err=True)
    if form is Format.JSON:
        click.echo(audit_json(report))
    else:
        print_audit(report, sys.stdout)
    click.get_current_context().exit(exit_code_of(report))

"""What `pulumi preview` and `pulumi up` run: read, judge, and only then register anything."""

import datetime
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import pulumi
import pulumi.runtime.config

from infra.blueprint.model import ExistingClusterPart
from infra.config.loader import document_from_engine, parse
from infra.config.words import counted
from infra.faults import FaultsFoundError
from infra.live.charts import chart_faults
from infra.live.kubeconfig import context_fault
from infra.posture import Platform, platform_of
from infra.program.compose import compose
from infra.program.deployed import last_outputs
from infra.program.made import once_made, watch
from infra.program.secrets import StackSecrets, secrets_from_engine
from infra.report.faults import faults_text
from infra.report.posture_json import posture_document
from infra.report.text import printable
from infra.transition.state import deployed_state, state_document, state_of
from infra.transition.way import with_way
from infra.trust.lowering import DeployedPosture, deployed_posture, with_lowering
from infra.trust.posture import Finding, Posture

NOTHING: Mapping[str, Any] = MappingProxyType({})

Told = TypeVar("Told")


def run() -> None:
    """Run the program in the engine that started this process.

    Raises:
        RunError: The configuration is faulty or the posture unsound. Nothing has been registered; the engine shows the
            message without a traceback.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    values = _engine_configuration()
    document = document_from_engine(values, _encrypted(values))
    outputs = last_outputs()
    posture = _told(deployed_posture, outputs.get("posture"), "the tier is lowered")
    platform = judge(pulumi.get_stack(), document, today, posture)
    state = _told(deployed_state, outputs.get("deployed"), "jobs would be lost")
    platform = replace(platform, posture=with_way(platform, state))
    if not platform.posture.sound:
        raise pulumi.RunError(refusal(platform.posture))
    _check_surroundings(platform)
    # What a preview says stands in comments on pull requests, where days that are left would differ every morning.
    told = warning if pulumi.runtime.is_dry_run() else warning_of_today
    register(platform, secrets_from_engine(), told, outputs)


def _told(read: Callable[[object], Told], output: object, question: str) -> Told:
    """What `read` makes of an output of the last deployment; `question` is what cannot be answered where it fails.

    Raises:
        RunError: The output is of a version that this one does not understand.
    """
    try:
        return read(output)
    except ValueError as error:
        raise pulumi.RunError(
            f"Whether {question} cannot be told: {error}. Nothing was changed. Deploy with the version that deployed"
            " last, or a newer one."
        ) from None


def judge(
    stack: str, document: Mapping[str, object], today: datetime.date, deployed: DeployedPosture | None = None
) -> Platform:
    """The platform that `document` describes.

    Args:
        stack: The stack's name.
        document: Full keys, as `bulkhead:trust`, → decoded values.
        today: The day on which waivers are judged.
        deployed: What the last deployment claimed; None where there was none.

    Raises:
        RunError: The configuration is faulty, its posture unsound, or lower than what is deployed without a permission.
    """
    config = parse(document, today)
    if isinstance(config, list):
        raise pulumi.RunError(faults_text(FaultsFoundError(f"Pulumi.{stack}.yaml", config)))
    platform = platform_of(stack, config, today)
    platform = replace(platform, posture=with_lowering(platform.posture, config.trust.allow_lowering, deployed))
    if not platform.posture.sound:
        raise pulumi.RunError(refusal(platform.posture))
    return platform


def _check_surroundings(platform: Platform) -> None:
    """Refuse what this machine lacks and the provider would tell halfway: the cluster's context, charts in folders."""
    blueprint = platform.blueprint
    faults = chart_faults(blueprint, Path.cwd())
    if isinstance(blueprint.cluster, ExistingClusterPart):
        missing = context_fault(blueprint.cluster.context, os.environ)
        faults = [*([missing] if missing else []), *faults]
    if faults:
        raise pulumi.RunError(faults_text(FaultsFoundError(f"Pulumi.{blueprint.stack}.yaml", faults)))


def warning(finding: Finding) -> str:
    """A finding as one line that is the same on every day."""
    return printable(f"{finding.path}: {finding.message}")


def warning_of_today(finding: Finding) -> str:
    """A finding as one line that says how near its day is."""
    return printable(f"{finding.path}{f' ({finding.due})' if finding.due else ''}: {finding.message}")


def register(
    platform: Platform,
    secrets: StackSecrets,
    describe: Callable[[Finding], str] = warning,
    former: Mapping[str, Any] = NOTHING,
) -> None:
    """Register everything, warn of what is waived, and hand out the stack's outputs.

    Args:
        platform: A platform whose posture is sound.
        secrets: The stack's secrets that are set.
        describe: Puts a warning into words.
        former: The outputs of the last deployment.
    """
    for finding in platform.posture.warnings:
        pulumi.log.warn(describe(finding))
    registered = watch()
    composed = compose(platform.blueprint, secrets)
    pulumi.export("gateway", composed.gateway)
    if composed.certificate_dns_record is not None:
        pulumi.export("certificate_dns_record", composed.certificate_dns_record)
    claims = {
        "posture": posture_document(platform.posture),
        "deployed": state_document(state_of(platform.config, platform.blueprint)),
    }
    for name, claim in claims.items():
        pulumi.export(name, once_made(registered, claim, former.get(name)))
    pulumi.export("tenant_keys", pulumi.Output.secret(composed.tenant_keys))


def refusal(posture: Posture, stack_file: Path | None = None, *, supposed: bool = False) -> str:
    """Why an unsound posture is not deployed, for a person: every error, each with what to write.

    Args:
        posture: The posture.
        stack_file: The file that was named instead of a stack, so that the command shown finds it again.
        supposed: Whether the file names another tier than the posture's.
    """
    named = f"--stack-file {stack_file}" if stack_file else f"--stack {posture.stack}"
    unsound = f"with tier {posture.tier} would be unsound" if supposed else "is unsound"
    where = f"{'With that tier in the stack file, ' if supposed else ''}`bulkhead posture {named}` shows all of it."
    return "\n".join(
        [
            f"The posture of stack {posture.stack} {unsound}: {counted(len(posture.errors), 'error')}; nothing was"
            f" changed. {where}",
            *(f"  {warning(finding)}" for finding in posture.errors),
        ]
    )


def _encrypted(keys: Iterable[str]) -> frozenset[str]:
    """Those of the full keys that the engine holds as secrets."""
    from_environment = pulumi.runtime.config.get_config_secret_keys_env()
    return frozenset(key for key in keys if key in from_environment or pulumi.runtime.config.is_config_secret(key))


def _engine_configuration() -> dict[str, str]:
    """Every key of the stack, so that a misspelt one is refused instead of ignored.

    The SDK answers only for keys that one asks for by name; these are the two places where it keeps them all.
    """
    return {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}

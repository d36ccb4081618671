"""From a configuration to its posture: what the tier enforces, what the facts require, what somebody waived."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from infra.config.admission import Enforcement
from infra.config.cluster import ExistingCluster
from infra.config.gateway import DatabaseOutage
from infra.config.paths import location_of, nearest, render
from infra.config.pools import DEDICATED_KEY
from infra.config.stack import PROJECT, StackConfig
from infra.config.trust import ControlId, Tier, Waiver
from infra.trust.control import Control
from infra.trust.posture import ControlPosture, ControlState, Finding, Posture, Severity
from infra.trust.requirements import Requirement, requirements
from infra.trust.runtime_classes import runtime_class_findings
from infra.trust.unread_settings import unread_settings
from infra.trust.unused_sensitivity import unused_sensitivity

EXPIRY_NOTICE = datetime.timedelta(days=14)
"""How long before its end a waiver is announced louder: one usual sprint."""

NETWORK_POLICY_CONTROLS = frozenset({ControlId.SR1, ControlId.NS4})
"""Controls made of NetworkPolicies, which a cluster without a capable dataplane stores and ignores."""

ADMISSION_CONTROLS = frozenset({ControlId.SR2, ControlId.HW2, ControlId.HW3})
"""Controls made of admission policies, which may be told to report only."""


@dataclass(frozen=True)
class _LiveWaiver:
    """A waiver that has not expired, and its place in the stack file."""

    waiver: Waiver
    path: str


@dataclass(frozen=True)
class _Question:
    """Everything that decides one control's state.

    Attributes:
        tier: The tier in force.
        enabled: Whether the stack file switches the control on by its id.
        available: Whether the program can realise the control.
        reports_only: Whether the stack file has its policies report what they would refuse, and refuse nothing.
        required_by: The facts that require it.
        waiver: The waiver that counts, if any.
        expired: The day on which the last of its expired waivers ended, if any.
    """

    control: Control
    tier: Tier
    enabled: bool
    available: bool
    reports_only: bool
    required_by: tuple[Requirement, ...]
    waiver: _LiveWaiver | None
    expired: datetime.date | None

    @property
    def by_tier(self) -> bool:
        return self.tier.rank >= self.control.enforced_from.rank

    @property
    def asked_for(self) -> bool:
        return self.by_tier or self.enabled

    @property
    def asker(self) -> str:
        return f"tier {self.tier}" if self.by_tier else "bulkhead:trust.enable"

    @property
    def acts(self) -> bool:
        return self.asked_for and self.available and not self.reports_only

    @property
    def audited(self) -> bool:
        return self.asked_for and self.available and self.reports_only

    @property
    def waived(self) -> bool:
        return bool(self.required_by) and not self.acts and self.waiver is not None


def resolve(
    stack: str,
    config: StackConfig,
    controls: Sequence[Control],
    today: datetime.date,
    available: AbstractSet[ControlId],
) -> Posture:
    """The posture of `config` under `controls`, the whole catalogue in its order.

    Args:
        stack: The stack's name.
        config: A configuration that the loader accepted.
        controls: Every control, once each.
        today: The day on which waivers are judged.
        available: The controls that the program can realise. One that is asked for and cannot be realised is an error
            and stays dormant: a posture never claims what is not there.

    Raises:
        ValueError: `controls` is not the whole catalogue; a requirement would go unseen.
    """
    if {control.id for control in controls} != set(ControlId) or len(controls) != len(ControlId):
        raise ValueError("the catalogue must hold every control exactly once")
    required = requirements(config)
    questions = [_question(control, config, required, today, available) for control in controls]
    written = written_of(config)
    asked_for = {question.control.id for question in questions if question.asked_for}
    found = [
        *(finding for question in questions for finding in _errors(question, config)),
        *(finding for question in questions for finding in _warnings(question, config, today)),
        *(finding for question in questions for finding in _audits(question)),
        *_idle_settings(questions, config),
        *unread_settings(config, written, asked_for),
        *unused_sensitivity(config, asked_for, controls),
        *runtime_class_findings(config, asked_for),
        *_believed_pools(config),
        *_unchecked_keys(config),
    ]
    return Posture(
        stack=stack,
        tier=config.trust.tier,
        tenants=config.trust.tenants,
        controls=tuple(_row(question) for question in questions),
        findings=tuple(replace(finding, path=nearest_path(written, finding.path)) for finding in found),
    )


def _question(
    control: Control,
    config: StackConfig,
    required: Sequence[Requirement],
    today: datetime.date,
    available: AbstractSet[ControlId],
) -> _Question:
    waivers = _waivers_of(control.id, config)
    live = [waiver for waiver in waivers if waiver.waiver.expires > today]
    expired = [waiver.waiver.expires for waiver in waivers if waiver.waiver.expires <= today]
    return _Question(
        control=control,
        tier=config.trust.tier,
        enabled=control.id in config.trust.enable,
        available=control.id in available,
        reports_only=control.id in ADMISSION_CONTROLS and config.trust.admission.enforcement is Enforcement.AUDIT,
        required_by=tuple(requirement for requirement in required if requirement.control is control.id),
        waiver=live[0] if live else None,
        expired=max(expired, default=None),
    )


def _waivers_of(control: ControlId, config: StackConfig) -> list[_LiveWaiver]:
    return [
        _LiveWaiver(waiver, f"bulkhead:trust.waivers[{index}]")
        for index, waiver in enumerate(config.trust.waivers)
        if waiver.control is control
    ]


# --- states -----------------------------------------------------------------------------------------------------


def _row(question: _Question) -> ControlPosture:
    state, because = _state(question)
    return ControlPosture(
        control=question.control,
        state=state,
        because=because,
        required_by=tuple(requirement.trigger for requirement in question.required_by),
        audited=question.audited,
    )


def _state(question: _Question) -> tuple[ControlState, str]:
    if question.acts:
        if question.by_tier:
            return ControlState.ENFORCED, f"tier {question.tier} enforces it"
        return ControlState.ADDED, f"switched on above tier {question.tier}"
    if question.waived and question.waiver:
        waiver = question.waiver.waiver
        return ControlState.WAIVED, f"waived until {waiver.expires} by {waiver.owner}"
    return ControlState.DORMANT, _why_dormant(question)


def _why_dormant(question: _Question) -> str:
    if question.audited:
        return f"{'MISSING: ' if question.required_by else ''}audited only, nothing is refused"
    if question.asked_for:
        return f"{question.asker} asks for it, but it is not available yet"
    if question.required_by:
        return "MISSING: required, neither enforced nor waived"
    return "nothing requires it"


# --- findings ---------------------------------------------------------------------------------------------------


def _errors(question: _Question, config: StackConfig) -> Iterator[Finding]:
    if question.asked_for and not question.available:
        path = "bulkhead:trust.tier" if question.by_tier else "bulkhead:trust.enable"
        yield _error(question, path, _not_available(question))
    if (
        question.asked_for
        and question.control.id in NETWORK_POLICY_CONTROLS
        and not config.cluster.enforces_network_policy
    ):
        yield _error(question, "bulkhead:cluster.enforces_network_policy", _not_enforced_by_cluster(question))
    if question.waived:
        return
    if question.audited and question.required_by:
        yield _error(question, "bulkhead:trust.admission.enforcement", _audited_only(question))
    by_tier = [requirement for requirement in question.required_by if not requirement.only_by]
    if by_tier and not question.asked_for:
        yield _error(question, "bulkhead:trust.tier", _missing(question, by_tier))
    for requirement in question.required_by:
        if requirement.only_by:
            yield _error(question, requirement.path, _wrong_hardware(question, requirement))


def _warnings(question: _Question, config: StackConfig, today: datetime.date) -> Iterator[Finding]:
    control = question.control
    for waiver in _waivers_of(control.id, config):
        if waiver.waiver.expires <= today:
            acts = f", and {_state(question)[1]}" if question.acts else ""
            message = (
                f"The waiver of {control.id} expired on {waiver.waiver.expires} and no longer counts{acts}. Remove the"
                " waiver."
            )
        elif question.acts:
            message = f"The waiver of {control.id} waives nothing: {_state(question)[1]}. Remove the waiver."
        elif not question.required_by:
            message = (
                f"The waiver of {control.id} waives nothing: {control.id} is not required here. Remove the waiver."
            )
        elif waiver != question.waiver:
            message = f"{control.id} is waived more than once; only the first waiver counts. Remove this one."
        else:
            yield Finding(
                Severity.WARNING, control.id, waiver.path, _waived(control, waiver.waiver), _due(waiver.waiver, today)
            )
            continue
        yield Finding(Severity.WARNING, control.id, waiver.path, message)


def _audits(question: _Question) -> Iterator[Finding]:
    """An audit that nothing forbids is still told: the tier's name alone would claim more."""
    control = question.control
    if question.audited and (question.waived or not question.required_by):
        yield Finding(
            Severity.WARNING,
            control.id,
            "bulkhead:trust.admission.enforcement",
            f"{control.id} ({control.title}) is audited only: what its policies object to passes, with a warning to"
            " whoever sent it. Write bulkhead:trust.admission.enforcement: deny once the warnings stay away.",
        )


def _idle_settings(questions: Sequence[_Question], config: StackConfig) -> Iterator[Finding]:
    """Settings that change nothing, though they look as if they did."""
    for index, control in enumerate(config.trust.enable):
        if any(question.control.id is control and question.by_tier for question in questions):
            yield Finding(
                Severity.WARNING,
                control,
                f"bulkhead:trust.enable[{index}]",
                f"Switching on {control} changes nothing: tier {config.trust.tier} enforces it. Remove it here, or it"
                " stays on unnoticed when the tier is lowered.",
            )
    admission = [question for question in questions if question.control.id in ADMISSION_CONTROLS]
    if config.trust.admission.enforcement is Enforcement.AUDIT and not any(one.asked_for for one in admission):
        names = ", ".join(question.control.id for question in admission)
        yield Finding(
            Severity.WARNING,
            None,
            "bulkhead:trust.admission.enforcement",
            f"Auditing changes nothing: neither the tier nor bulkhead:trust.enable asks for {names}, so there are no"
            " such policies. Remove it, or switch one of them on.",
        )


def _believed_pools(config: StackConfig) -> Iterator[Finding]:
    """On an existing cluster nobody here taints the nodes: a dedicated pool is what its operator makes of it."""
    if not isinstance(config.cluster, ExistingCluster):
        return
    for index, pool in enumerate(config.pools):
        if pool.dedicated_to is not None:
            yield Finding(
                Severity.WARNING,
                ControlId.HW1,
                f"bulkhead:pools[{index}].dedicated_to",
                f"Pool {pool.name} is dedicated to {pool.dedicated_to} on an existing cluster, whose nodes this program"
                f" does not taint. Without a taint other workloads of the cluster can land on its GPUs. Set on each of"
                f" its nodes: {DEDICATED_KEY}={pool.dedicated_to}:NoSchedule.",
            )


def _unchecked_keys(config: StackConfig) -> Iterator[Finding]:
    """LiteLLM's `allow_requests_on_db_unavailable` lets any key in, known or made up (its auth_exception_handler)."""
    if config.gateway.database_outage is DatabaseOutage.SERVE:
        yield Finding(
            Severity.WARNING,
            ControlId.AC1,
            "bulkhead:gateway.database_outage",
            "Keys are not checked while the database is down: whoever reaches the gateway then gets every model, with"
            " any key, and budgets and limits of tenants do not bind. Write: database_outage: refuse, unless all who"
            " reach the gateway may spend without an account.",
        )


def _error(question: _Question, path: str, message: str) -> Finding:
    return Finding(Severity.ERROR, question.control.id, path, message)


def _not_available(question: _Question) -> str:
    control = question.control
    instead = (
        f"lower bulkhead:trust.tier below {control.enforced_from}"
        if question.by_tier
        else f"remove {control.id} from bulkhead:trust.enable"
    )
    if question.required_by and not question.waived:
        instead = f"{instead}, and waive {control.id} under bulkhead:trust.waivers with owner, reason and expires"
    return (
        f"{question.asker} asks for {control.id} ({control.title}), which is not available yet: nothing would enforce"
        f" it. Write: {instead}."
    )


def _not_enforced_by_cluster(question: _Question) -> str:
    control = question.control
    return (
        f"{question.asker} asks for {control.id} ({control.title}), but this cluster does not enforce NetworkPolicy:"
        f" the policies would be stored and ignored. At risk: {control.at_risk}. Write:"
        f" bulkhead:cluster.enforces_network_policy: true, once the cluster runs a dataplane that enforces it"
        f" (GKE's Dataplane V2, Cilium, Calico, kube-router)."
    )


def _audited_only(question: _Question) -> str:
    control = question.control
    triggers = " and ".join(requirement.trigger for requirement in question.required_by)
    return (
        f"{control.id} ({control.title}) is required, since {triggers}; with enforcement: audit its policies refuse"
        f" nothing. At risk: {control.at_risk}. Write: bulkhead:trust.admission.enforcement: deny, or, while you look"
        f" at what it would refuse, waive {control.id} under bulkhead:trust.waivers with owner, reason and expires."
    )


def _missing(question: _Question, required_by: Sequence[Requirement]) -> str:
    control = question.control
    triggers = " and ".join(requirement.trigger for requirement in required_by)
    expired = f" (its waiver expired on {question.expired})" if question.expired else ""
    waiver = f"waive {control.id} under bulkhead:trust.waivers with owner, reason and expires"
    write = (
        f"bulkhead:trust.tier: {control.enforced_from}, or add {control.id} to bulkhead:trust.enable, or {waiver}"
        if question.available
        else f"{waiver}; bulkhead:trust.tier: {control.enforced_from} will enforce it, but it is not available yet"
    )
    return (
        f"{control.id} ({control.title}) is required, since {triggers}; tier {question.tier} does not enforce it and"
        f" nobody waived it{expired}. At risk: {control.at_risk}. Write: {write}."
    )


def _wrong_hardware(question: _Question, requirement: Requirement) -> str:
    control = question.control
    waive = (
        "" if question.acts else f"; or waive {control.id} under bulkhead:trust.waivers with owner, reason and expires"
    )
    return (
        f"{control.id} ({control.title}) is required, since {requirement.trigger}; no tier mends that by itself. At"
        f" risk: {control.at_risk}. Write: {requirement.only_by}{waive}."
    )


def _waived(control: Control, waiver: Waiver) -> str:
    return (
        f"{control.id} ({control.title}) is waived until {waiver.expires}. Owner: {waiver.owner}. Reason:"
        f" {waiver.reason.rstrip('.')}. At risk meanwhile: {control.at_risk}."
    )


def _due(waiver: Waiver, today: datetime.date) -> str:
    left = waiver.expires - today
    days = f"{left.days} day{'' if left.days == 1 else 's'}"
    return f"EXPIRES IN {days.upper()}" if left <= EXPIRY_NOTICE else f"{days} from now"


# --- keys of the stack file -------------------------------------------------------------------------------------


def written_of(config: StackConfig) -> Mapping[str, object]:
    """What the stack file says, without what is left to defaults."""
    return {f"{PROJECT}:{key}": value for key, value in config.model_dump(exclude_unset=True).items()}


def nearest_path(written: Mapping[str, object], path: str) -> str:
    """`path`, or its nearest parent that the stack file holds: a finding points at a place that is there."""
    return render(nearest(written, location_of(path)))

"""What a case of the admission corpus is: one request that an API server must refuse, or must let pass.

An attack is written as a legitimate workload plus what makes it an attack: `based_on` names the workload, which is its
positive twin, and `merge`, `pod` and `container` say what differs. So a refusal can be put down to the difference.
"""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from infra.audit.mechanism import Mechanism
from infra.config.trust import ControlId

ID_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"


class Expectation(StrEnum):
    """What the API server must answer when the case's control is in force."""

    ALLOW = "allow"
    DENY = "deny"


class Operation(StrEnum):
    """What is asked of the API server, always as a dry run."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Acting(StrEnum):
    """Who asks."""

    TENANT = "tenant"
    """A subject of the tenant, as its record declares it."""
    OTHER_TENANT = "other_tenant"
    """A subject of another tenant."""
    WORKLOAD = "workload"
    """The default service account of the tenant's namespace: what a tenant's pod is when it has a token."""
    JOB_CONTROLLER = "job_controller"
    """Kubernetes' own controller, which makes the pods of Jobs."""
    REPLICA_SET_CONTROLLER = "replica_set_controller"
    """Kubernetes' own controller, which makes the pods of Deployments."""
    DAEMON_SET_CONTROLLER = "daemon_set_controller"
    """Kubernetes' own controller, which makes the pods of DaemonSets."""
    CRON_JOB_CONTROLLER = "cron_job_controller"
    """Kubernetes' own controller, which makes the Jobs of CronJobs."""
    PLATFORM = "platform"
    """Whoever runs the audit: an administrator of the platform."""


class Part(BaseModel):
    """A part of a corpus file: unknown keys are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Case(Part):
    """One request, and what must be answered."""

    id: str = Field(pattern=ID_PATTERN, max_length=50)
    """Unique in the corpus."""
    control: ControlId
    """The control that answers for it; while that is not in force, nothing is claimed of an attack."""
    about: str = Field(min_length=10, max_length=200)
    """What it is, in words for whoever reads that it failed."""
    acting: Acting = Acting.TENANT
    """Who asks."""
    operation: Operation = Operation.CREATE
    """What is asked."""
    target: str | None = None
    """For an update, a delete or a subresource: the id of the prop that it is about."""
    subresource: str | None = None
    """The subresource that is written, as `scale`."""
    manifest: dict[str, Any] | None = None
    """What is created, the merge patch of an update (RFC 7386), or the options of a deletion, as texts; with
    placeholders as `${namespace}`."""
    based_on: str | None = None
    """The case whose manifest this one starts from."""
    merge: dict[str, Any] = {}
    """A merge patch on the manifest that it starts from."""
    pod: dict[str, Any] = {}
    """A merge patch on the specification of the pod, wherever the kind keeps it."""
    container: dict[str, Any] = {}
    """A merge patch on the pod's first container."""
    expect: Expectation
    """What must be answered."""
    by: tuple[Mechanism, ...] = ()
    """For an attack: what must have refused it; a refusal by anything else says nothing of the control."""
    twin: str | None = None
    """For an attack: the id of the case that differs only in being legitimate; `based_on` unless given."""
    source: str = Field(min_length=5)
    """Where the attack or the need is known from: a CVE, a document, an issue."""

    @model_validator(mode="after")
    def _is_coherent(self) -> "Case":
        if (self.manifest is None) == (self.based_on is None) and self.operation is not Operation.DELETE:
            raise ValueError(f"{self.id}: give either a manifest or based_on")
        if (self.expect is Expectation.DENY) != bool(self.by):
            raise ValueError(f"{self.id}: `by` belongs to an attack, and every attack needs it")
        if self.operation is not Operation.CREATE and self.target is None:
            raise ValueError(f"{self.id}: an {self.operation} needs a target")
        if self.subresource is not None and self.target is None:
            raise ValueError(f"{self.id}: a subresource needs a target")
        if self.expect is Expectation.DENY and self.positive is None:
            raise ValueError(f"{self.id}: an attack needs a twin, or a case that it is based on")
        return self

    @property
    def positive(self) -> str | None:
        """The id of an attack's positive twin."""
        return self.twin or self.based_on

    @property
    def is_attack(self) -> bool:
        """Whether it must be refused."""
        return self.expect is Expectation.DENY


class Prop(Part):
    """An object that really stands for the time of the audit, so that updates and subresources have a target.

    Props cost nothing: pods that wait at a scheduling gate, deployments of no replicas, jobs of no pods.
    """

    id: str = Field(pattern=ID_PATTERN)
    """Unique among the props."""
    manifest: dict[str, Any]
    """The object, with placeholders."""
    exists: bool = False
    """Whether it is there already, so that it is neither made nor removed."""


class CorpusFile(Part):
    """One file of the corpus."""

    cases: tuple[Case, ...] = ()
    """Its cases."""
    props: tuple[Prop, ...] = ()
    """The objects that its cases act on."""

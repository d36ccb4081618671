"""What the probe of budgets needs of a running platform."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from infra.live.model import Account


class Port(Enum):
    """Where the gateway is asked."""

    TENANTS = "where tenants call"
    ADMINISTRATION = "where it is administered"


@dataclass(frozen=True)
class Request:
    """One request, apart from who makes it."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    port: Port = Port.TENANTS


@dataclass(frozen=True)
class Reply:
    """How the gateway answered.

    Attributes:
        status: The HTTP status; 0 where nothing was asked.
        code: The error's code; empty where there is none.
        models: The models that were listed, where that was asked for.
    """

    status: int
    code: str = ""
    models: tuple[str, ...] = ()

    @property
    def granted(self) -> bool:
        """Whether the gateway did what was asked."""
        return 0 < self.status < 400

    @property
    def words(self) -> str:
        """The answer in one line."""
        return "answered" if self.granted else f"answered {self.status} ({self.code or 'without a reason'})"


@dataclass(frozen=True)
class Replica:
    """One replica that serves.

    Attributes:
        name: Its pod.
        configuration: LiteLLM's configuration in the ConfigMap that the pod mounts; empty where there is none.
        as_deployed: Whether that map still holds what it was named by. LiteLLM reads it when it starts, so that of an
            edited map nobody can tell which content the replica runs with.
    """

    name: str
    configuration: str
    as_deployed: bool


class BudgetDoor(Protocol):
    """The gateway as tenants and administrators reach it."""

    @property
    def master_key(self) -> str:
        """What administers the gateway."""
        ...

    def replicas(self) -> tuple[Replica, ...]:
        """Every replica that serves, at least one."""
        ...

    def key_of(self, tenant: str) -> str | None:
        """A tenant's virtual key; None where it has none yet."""
        ...

    def ask(self, replica: str, key: str | None, request: Request) -> Reply:
        """One request to one replica, with a key or without any."""
        ...

    def administer(self, path: str, body: Mapping[str, Any]) -> Reply:
        """One write with the master key, at LiteLLM itself: some of what a probe undoes is not open at the edge."""
        ...

    def accounts(self) -> tuple[Account, ...]:
        """Every tenant's account as the gateway has it."""
        ...

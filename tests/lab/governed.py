"""A team's platform in the `governed` tier, with two tenants who are told apart by their groups."""

import json
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.lab.local_stack import LocalStack
from tests.lab.platform import PROMETHEUS, WORKLOADS, GroupedPlatform, permission_to_lower, tenants_of
from tests.lab.requests import Requester
from tests.lab.workloads import GPU, deployment, pod, pod_spec

PROVIDER_ADDRESS, PROVIDER_PORT = "203.0.113.7", 8443
PROVIDER = {"name": "example-ai", "networks": [f"{PROVIDER_ADDRESS}/32"], "port": PROVIDER_PORT}
"""A model provider that the gateway may call, at an address that is nobody's (RFC 5737)."""
POLICIES = "validatingpolicies.policies.kyverno.io"
SECONDS = 120
DENY = ("Deny",)
AUDIT = ("Audit", "Warn")


@dataclass(frozen=True)
class GovernedPlatform(GroupedPlatform):
    """The platform with SR1 to SR3 in force."""

    @contextmanager
    def auditing(self) -> Generator[None]:
        """The admission policies as `enforcement: audit` makes them, and in force again afterwards."""
        managers = self._managers()
        self._set(AUDIT)
        try:
            yield
        finally:
            self.look_again()
            # The actions are a set, of which whoever wrote one keeps it: no update could switch to auditing any more.
            for name, fields in managers.items():
                self._patch(name, {"metadata": {"managedFields": fields}})

    looking_away = auditing

    def look_again(self) -> None:
        """Put the admission policies in force."""
        self._set(DENY)

    def _set(self, actions: Sequence[str]) -> None:
        """Change what the policies do, and wait until the API server does it."""
        administrator = Requester(self.kubectl)
        for name in self._managers():
            self._patch(name, {"spec": {"validationActions": list(actions)}})
        # Each policy reaches the API server's own cache for itself.
        for probe in (
            pod("tells-what-holds", WORKLOADS, pod_spec(GPU)),
            deployment("tells-what-holds", WORKLOADS, pod_spec(GPU)),
        ):
            deadline = time.monotonic() + SECONDS
            while administrator.create(probe).passed is (actions == DENY):
                assert time.monotonic() < deadline, f"the API server does not {actions[0].lower()} yet"
                time.sleep(0.2)

    def _managers(self) -> Mapping[str, object]:
        """Each policy's name → who manages which of its fields, as the API server notes it."""
        listed = json.loads(self.kubectl.run("get", POLICIES, "--output=json", "--show-managed-fields"))
        found = [policy["metadata"] for policy in listed["items"]]
        return {f"{POLICIES}/{metadata['name']}": metadata["managedFields"] for metadata in found}

    def _patch(self, name: str, patch: Mapping[str, object]) -> None:
        """Patch until it passes: Kyverno's own webhook has nobody behind it while Kyverno starts anew."""
        administrator, deadline = Requester(self.kubectl), time.monotonic() + SECONDS
        arguments = ("patch", name, "--type=merge", "--patch", json.dumps(patch))
        while not (answer := administrator.call(*arguments)).passed:
            assert time.monotonic() < deadline, answer.said
            time.sleep(1)


def make_governed(stack: LocalStack) -> None:
    """Edit a team's stack file to the `governed` tier with two tenants, each with a group, and deploy it.

    The gateway may call a model provider.
    """
    stack.edit(
        trust={"tier": "governed", "tenants": "cooperative", **permission_to_lower(stack, "governed")},
        tenants=tenants_of(stack),
        gateway={**stack.value("gateway"), "external_providers": [PROVIDER]},
        observability=PROMETHEUS,
    )
    stack.deploy()

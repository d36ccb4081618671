"""What a deployment claims only once everything that it registers is there.

The engine writes a stack's outputs as soon as their values are known, also in an update that fails a moment later.
"""

from collections.abc import Iterable
from typing import TypeVar

import pulumi
import pulumi.runtime

Claim = TypeVar("Claim")


def watch() -> list[pulumi.Resource]:
    """A list that every resource joins which is constructed from now on, the parts of components included."""
    registered: list[pulumi.Resource] = []

    def note(args: pulumi.ResourceTransformationArgs) -> None:
        registered.append(args.resource)

    pulumi.runtime.register_stack_transformation(note)
    return registered


def once_made(registered: Iterable[pulumi.Resource], claim: Claim, former: Claim) -> pulumi.Output[Claim]:
    """`claim`, known once all of `registered` is made; `former` where some of it was left out.

    An update that ends at a failure never comes to know it, so that its outputs stay as they were.

    Args:
        registered: What `watch` has gathered.
        claim: What holds once all of that is there.
        former: What the last deployment claimed; it goes on to hold where the engine went on past a failure
            (`--continue-on-error`) or was told to leave something out that is not there yet (`--target`).
    """
    return pulumi.Output.from_input(_judged(tuple(registered), claim, former))


async def _judged(registered: tuple[pulumi.Resource, ...], claim: Claim, former: Claim) -> Claim:
    made = [await _is_made(resource) for resource in registered]
    return claim if all(made) else former


async def _is_made(resource: pulumi.Resource) -> bool:
    """Whether it is there, once that is known; a preview makes nothing and shows what an update will claim.

    A resource that failed or was left out has a URN all the same, and no ID.
    """
    await resource.urn.future()
    if pulumi.runtime.is_dry_run() or not isinstance(resource, pulumi.CustomResource):
        return True
    return await resource.id.is_known()

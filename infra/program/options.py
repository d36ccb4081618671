"""Options that resources inside the cluster share."""

from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes


@dataclass(frozen=True)
class InCluster:
    """Where in-cluster resources live.

    Attributes:
        provider: The one provider of the cluster; components never build another.
        goes_with: The cluster when this stack creates it: it takes everything inside with it, so that a `destroy` need
            not delete objects one by one through an API that is going away.
    """

    provider: kubernetes.Provider
    goes_with: pulumi.Resource | None

    def options(self, after: Iterable[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Options for a component whose resources live in the cluster and are made after `after`."""
        return pulumi.ResourceOptions(
            providers=[self.provider],
            depends_on=list(after),
            transformations=[_deleted_with(self.goes_with)] if self.goes_with else None,
        )


def _deleted_with(cluster: pulumi.Resource) -> pulumi.ResourceTransformation:
    """Children inherit the provider from their component, but not `deleted_with`; a transformation reaches them all."""

    def transformation(
        args: pulumi.ResourceTransformationArgs,
    ) -> pulumi.ResourceTransformationResult | None:
        if not args.type_.startswith("kubernetes:"):
            return None
        options = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(deleted_with=cluster))
        return pulumi.ResourceTransformationResult(args.props, options)

    return transformation

"""Kueue itself, from its own Helm chart."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.kueue.manager import chart_values
from components.shared.charts import chart_source
from infra.blueprint.model import QuotaPart

RELEASE = "kueue"
"""The Helm release's name; it contains the chart's name, so objects are called `kueue-...` without a second prefix."""


@dataclass(frozen=True)
class KueueArgs:
    """What Kueue is made from; the namespace must exist."""

    part: QuotaPart


class Kueue(pulumi.ComponentResource):
    """Kueue's controller, its definitions and its webhooks, which see only the namespaces that opted in.

    `helm.v4.Chart` waits for the controller, so whatever depends on this component meets webhooks that answer. The
    chart has no hooks, which that resource would leave out.
    """

    chart: "kubernetes.helm.v4.Chart"

    def __init__(self, name: str, args: KueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:kueue:Kueue", name, None, opts)
        chart, repository, version = chart_source(args.part.chart)
        self.chart = kubernetes.helm.v4.Chart(
            f"{name}-chart",
            name=RELEASE,
            namespace=args.part.namespace,
            chart=chart,
            version=version,
            repository_opts={"repo": repository} if repository else None,
            values=chart_values(args.part),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})

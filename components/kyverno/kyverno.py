"""Kyverno itself, from its own Helm chart."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.kyverno.values import chart_values
from components.shared.charts import chart_source
from infra.blueprint.model import AdmissionPart

RELEASE = "kyverno"
"""The Helm release's name; it is the chart's, so objects are called `kyverno-...` without a second prefix."""


@dataclass(frozen=True)
class KyvernoArgs:
    """What Kyverno is made from; the namespace must exist."""

    part: AdmissionPart


class Kyverno(pulumi.ComponentResource):
    """Kyverno's admission controller and its definitions.

    The definitions exceed what a client-side apply can remember in an annotation, so the provider must apply on the
    server's side. `helm.v4.Chart` waits for the controller, so whatever depends on this component meets a webhook that
    checks policies; the chart's hooks, which that resource leaves out, only clean up after Helm.
    """

    chart: "kubernetes.helm.v4.Chart"

    def __init__(self, name: str, args: KyvernoArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:kyverno:Kyverno", name, None, opts)
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

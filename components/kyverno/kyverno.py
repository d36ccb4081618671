"""Kyverno itself, from its own Helm chart."""

from dataclasses import dataclass

import pulumi

from components.kyverno.values import chart_values
from components.shared.charts import make_chart
from infra.blueprint.model import AdmissionPart

RELEASE = "kyverno"
"""The Helm release's name, which is the chart's: objects are called `kyverno-...`."""


@dataclass(frozen=True)
class KyvernoArgs:
    """What Kyverno is made from; the namespace must exist."""

    part: AdmissionPart


class Kyverno(pulumi.ComponentResource):
    """Kyverno's admission controller and its definitions.

    The definitions exceed what a client-side apply can remember in an annotation, so the provider must apply on the
    server's side. The chart's hooks, which are left out, only clean up after Helm.
    """

    def __init__(self, name: str, args: KyvernoArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:kyverno:Kyverno", name, None, opts)
        make_chart(f"{name}-chart", RELEASE, args.part, chart_values(args.part), self)
        self.register_outputs({})

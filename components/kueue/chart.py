"""Kueue itself, from its own Helm chart."""

from dataclasses import dataclass

import pulumi

from components.kueue.manager import chart_values
from components.shared.charts import make_chart
from infra.blueprint.model import QuotaPart

RELEASE = "kueue"
"""The Helm release's name, which is the chart's: objects are called `kueue-...`."""


@dataclass(frozen=True)
class KueueArgs:
    """What Kueue is made from; the namespace must exist."""

    part: QuotaPart


class Kueue(pulumi.ComponentResource):
    """Kueue's controller, its definitions and its webhooks, which see only the namespaces that opted in.

    The chart has no hooks, which would be left out.
    """

    def __init__(self, name: str, args: KueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("bulkhead:kueue:Kueue", name, None, opts)
        make_chart(f"{name}-chart", RELEASE, args.part, chart_values(args.part), self)
        self.register_outputs({})

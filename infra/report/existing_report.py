"""What exists and would be refused, as a table and as one JSON document."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import TextIO, TypedDict

from rich.text import Text

from infra.audit.existing.judge import ExistingReport, WouldBeRefused
from infra.audit.results import PLATFORM
from infra.report.tables import plain_console
from infra.report.text import printable


class WouldBeRefusedDocument(TypedDict):
    """One object that one policy objects to; see `WouldBeRefused`. `tenant` is empty where it is no tenant's."""

    tenant: str
    namespace: str
    kind: str
    name: str
    policy: str
    message: str
    identity: str


class ExistingDocument(TypedDict):
    """What exists and would be refused; see `ExistingReport`."""

    stack: str
    tier: str
    context: str
    policies: list[str]
    looked_at: int
    would_be_refused: list[WouldBeRefusedDocument]


def existing_json(report: ExistingReport) -> str:
    """`report` as JSON text in ASCII; no final line break."""
    document: ExistingDocument = {
        "stack": report.stack,
        "tier": report.tier,
        "context": report.context,
        "policies": list(report.policies),
        "looked_at": report.looked_at,
        "would_be_refused": [_document(one) for one in report.refused],
    }
    return json.dumps(document, indent=2)


def _document(one: WouldBeRefused) -> WouldBeRefusedDocument:
    return {
        "tenant": one.tenant,
        "namespace": one.namespace,
        "kind": one.kind,
        "name": one.name,
        "policy": one.policy,
        "message": one.message,
        "identity": one.identity,
    }


def print_existing(report: ExistingReport, stream: TextIO) -> None:
    """Print `report` on `stream`, by tenant and object: each object once, with everything against it below."""
    console = plain_console(stream)
    where = f"Stack {report.stack}: tier {report.tier}, what exists on context {report.context}"
    console.print(Text(printable(where), style="bold"), soft_wrap=True)
    for tenant, ones in groupby(report.refused, key=lambda one: one.tenant):
        console.print(Text(printable(f"\n{tenant or PLATFORM_OR_NOBODY}"), style="bold"))
        for text in _objects(ones):
            console.print(text, soft_wrap=True)
    console.print()
    console.print(_verdict(report), soft_wrap=True)


PLATFORM_OR_NOBODY = f"{PLATFORM}, or no tenant that is known"


def _objects(ones: Iterator[WouldBeRefused]) -> Iterator[Text]:
    for (namespace, kind, name), against in groupby(ones, key=lambda one: (one.namespace, one.kind, one.name)):
        yield Text(printable(f"  {kind} {namespace}/{name}" if namespace else f"  {kind} {name}"), style="red")
        for one in against:
            yield Text(printable(f"    {one.policy}, as {one.identity}: {one.message}"))


def _verdict(report: ExistingReport) -> Text:
    if not report.policies:
        return Text("The tier has no admission policies: nothing would be refused.", style="yellow")
    refused = len({(one.namespace, one.kind, one.name) for one in report.refused})
    judged = f"of {report.looked_at} objects that somebody would send again"
    if not refused:
        return Text(f"Nothing would be refused, {judged}.", style="bold green")
    return Text(f"{refused} would be refused, {judged}.", style="bold red")

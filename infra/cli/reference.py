"""`bulkhead reference`: writes the documentation that is generated from the code."""

from pathlib import Path

import click

from components.observability.alerts import ALERTS, Alert
from components.observability.dashboards import DASHBOARDS, render
from infra.cli.project import project_folder
from infra.config.accelerators import FACTS
from infra.config.schema import stack_file_schema
from infra.controls.catalogue import CONTROLS, available
from infra.guard import RESOURCE_RULES, STACK_RULES
from infra.report.accelerator_reference import accelerator_reference
from infra.report.alert_reference import AlertEntry, alert_reference
from infra.report.control_reference import control_reference
from infra.report.pin_reference import pin_reference
from infra.report.rule_reference import rule_reference
from infra.report.stack_file_reference import stack_file_reference

FOLDER = Path("docs") / "reference"


def pages() -> dict[str, str]:
    """File's path in `docs/reference` → its whole text."""
    return {
        **{f"dashboards/{dashboard.uid}.json": render(dashboard) for dashboard in DASHBOARDS},
        "alerts.md": alert_reference(map(_entry, ALERTS)),
        "accelerators.md": accelerator_reference(FACTS),
        "controls.md": control_reference(CONTROLS, available()),
        "pins.md": pin_reference(),
        "policy-rules.md": rule_reference((*RESOURCE_RULES, *STACK_RULES)),
        "stack-file.md": stack_file_reference(stack_file_schema()),
    }


def _entry(alert: Alert) -> AlertEntry:
    return AlertEntry(alert.name, str(alert.severity), alert.expression, alert.minutes, alert.summary, alert.action)


@click.command()
def reference() -> None:
    """Write the pages of docs/reference that are made from the code, and name each."""
    folder = project_folder(Path.cwd()) / FOLDER
    for name, text in pages().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(str(FOLDER / name))

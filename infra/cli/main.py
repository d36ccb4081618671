"""The console script `bulkhead`."""

import io
import sys
import traceback
from typing import cast

import click

from infra.cli import exit_codes
from infra.cli.group import LazyCommand, LazyGroup

COMMANDS = {
    "posture": LazyCommand("infra.cli.posture", "posture", "Which controls are in force, and why."),
    "placement": LazyCommand("infra.cli.placement", "placement", "Who may use which GPUs."),
    "plan": LazyCommand("infra.cli.plan", "plan", "What the program would register, offline."),
    "diff": LazyCommand("infra.cli.diff", "diff", "What a change of a stack file changes, offline."),
    "preview": LazyCommand("infra.cli.preview", "preview", "What the engine would do, for a pull request."),
    "affected": LazyCommand("infra.cli.affected", "affected", "The stacks that a change touches, for pipelines."),
    "images": LazyCommand("infra.cli.images", "images", "Every image and chart that a stack pulls."),
    "tenants": LazyCommand("infra.cli.tenants", "tenants", "Accounts, keys and spend of a running platform."),
    "transition": LazyCommand("infra.cli.transition", "transition", "From what is deployed to the stack file, safely."),
    "rotate": LazyCommand("infra.cli.rotate", "rotate", "Draw a key anew, without a dropped request."),
    "audit": LazyCommand("infra.cli.audit", "audit", "Whether the running cluster keeps what the posture claims."),
    "destroy": LazyCommand("infra.cli.destroy", "destroy", "Delete a stack, after its name was typed once more."),
    "schema": LazyCommand("infra.cli.schema", "schema", "The JSON Schema of a stack file."),
    "lab": LazyCommand("lab.cli", "lab", "A real single-node cluster on this machine."),
    "reference": LazyCommand("infra.cli.reference", "reference", "Write the generated documentation."),
}

HELP = """A shared LLM platform on Kubernetes whose trust tier is a configuration value.

Exit codes of every command: 0 sound, 1 a required control is missing, 2 the stack file or the command line is invalid,
3 the command could not do its work, 130 it was interrupted, 141 whoever read its output stopped reading.
"""

cli = click.version_option(package_name="bulkhead", message="%(prog)s %(version)s")(
    LazyGroup("bulkhead", COMMANDS, HELP)
)


def main() -> None:
    """Run the command line and end the process with one of the shared exit codes.

    A bug must not end as Python ends it, with 1, which says that a control is missing.
    """
    cast("io.TextIOWrapper", sys.stdout).reconfigure(errors="backslashreplace")
    try:
        cli(prog_name="bulkhead")
    except Exception:
        traceback.print_exc()
        sys.exit(exit_codes.FAILED)

"""Asking the engine for a preview."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from infra.faults import CommandFailedError, Fault
from infra.preview.document import NotAPreviewError, read_preview
from infra.preview.model import EnginePreview
from infra.report.text import printable, without_credentials

REASON_LINES = 6


def engine_preview(
    stack: str, project: Path, environment: Mapping[str, str], file: Path | None = None
) -> EnginePreview:
    """What the engine says that an update of `stack` would do; one that found errors is a preview, too.

    Args:
        stack: The stack's name.
        project: The folder that holds Pulumi.yaml.
        environment: The environment of `pulumi`.
        file: The stack file of the update; the stack's own unless said.

    Raises:
        CommandFailedError: there is no engine, or it printed no preview.
    """
    named = () if file is None else ("--config-file", str(file))
    command = ["pulumi", "preview", "--json", "--non-interactive", "--stack", stack, *named]
    try:
        # Whatever the locale is: the engine prints UTF-8, and its plugins print what they like beside it.
        done = subprocess.run(
            command,
            cwd=project,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise _failed("there is no pulumi on PATH") from None
    try:
        return read_preview(done.stdout)
    except NotAPreviewError as error:
        if done.returncode == 0:
            raise _failed(f"what pulumi printed is no preview of the engine's: {error}") from None
        told = (done.stderr.strip() or done.stdout.strip()).splitlines()[-REASON_LINES:]
        reason = " ".join(printable(without_credentials(line.strip())) for line in told) or f"exit {done.returncode}"
        raise _failed(f"pulumi preview failed: {reason}") from None


def _failed(wrong: str) -> CommandFailedError:
    write = "--from-json FILE with what `pulumi preview --json` printed elsewhere; or log in and select the stack first"
    return CommandFailedError("bulkhead preview", [Fault("pulumi", wrong, "there is nothing to render", write)])

"""`bulkhead preview`: the engine's own preview with the posture diff above it, for a comment on a pull request."""

import os
from enum import StrEnum
from pathlib import Path

import click

from infra.cli import exit_codes
from infra.cli.diff import DEFAULT_BASE
from infra.cli.differences import difference_since
from infra.cli.offline import format_option
from infra.cli.options import today
from infra.cli.previewed import previewed
from infra.cli.project import STACK_HELP, STACK_VARIABLE, stack_file_at, stack_file_of, stack_of
from infra.cli.revisions import file_since
from infra.faults import CommandFailedError, Fault, FaultsFoundError
from infra.preview.document import NotAPreviewError, read_preview
from infra.preview.model import EnginePreview
from infra.report.no_preview_markdown import refused_markdown, removed_markdown
from infra.report.preview_markdown import preview_markdown


class Format(StrEnum):
    """How a preview is printed."""

    MARKDOWN = "markdown"


@click.command()
@click.option("--stack", metavar="NAME", help=STACK_HELP)
@click.option(
    "--base",
    metavar="REF",
    default=DEFAULT_BASE,
    help="The posture diff starts where history parted from REF; HEAD unless said.",
)
@click.option(
    "--from-json",
    "recorded",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What `pulumi preview --json` has printed, in place of asking the engine.",
)
@format_option(Format, "markdown, for a comment on a pull request (the default).")
def preview(stack: str | None, base: str, recorded: Path | None, wanted: str | None) -> None:
    """Show what the engine would do to what is deployed, below what the change means for trust, cost and data.

    For a stack whose file goes, it says what that means, and asks no engine.

    Never longer than a comment on GitHub may be, and the same text for the same change. Needs `pulumi` on PATH, logged
    in, and whatever the stack's providers need to look at the world; it changes nothing.

    Where one update of the stack file would be refused, since jobs may run on nodes that go, it lists the updates that
    `bulkhead transition` makes, and shows the engine's preview of the first.

    Exits with 0 when the preview is printed, 1 when the posture afterwards is unsound, when a rule of the platform is
    broken by what somebody added to the stack, or when a plain update is refused for the updates that it takes, 2 when
    a stack file is invalid, 3 when the engine could not finish its preview; what it found is printed all the same.
    Where there is no preview, the comment says why, so that it takes the place of an earlier one.
    """
    del wanted
    path = stack_file_at(stack, Path.cwd(), os.environ)
    try:
        if _goes(path, base):
            click.echo(removed_markdown(str(stack_of(path.name)), path.name, base))
        else:
            _print_preview(stack, base, recorded)
    except FaultsFoundError as error:
        if name := stack_of(path.name):
            click.echo(refused_markdown(name, error))
        raise


def _goes(path: Path, base: str) -> bool:
    """Whether the stack file was there where history parted from `base`, and no longer is."""
    try:
        return not path.exists() and file_since(base, path) is not None
    except CommandFailedError:
        # Where git cannot be asked, a stack that is nowhere is told of by those that are there.
        return False


def _print_preview(stack: str | None, base: str, recorded: Path | None) -> None:
    path = stack_file_of(stack, Path.cwd(), os.environ)
    difference = difference_since(base, path, today())
    # As it was given: with organisation and project where the engine needs them.
    selected = stack or os.environ.get(STACK_VARIABLE) or difference.stack
    found = previewed(difference, path, selected, _recorded(recorded) if recorded else None)
    click.echo(preview_markdown(found.difference, found.preview, found.broken, first=found.first))
    if difference.errors or found.broken:
        click.get_current_context().exit(exit_codes.UNSOUND)
    if found.preview.errors:
        click.get_current_context().exit(exit_codes.FAILED)
    click.get_current_context().exit(exit_codes.UNSOUND if found.difference.way else exit_codes.SOUND)


def _recorded(path: Path) -> EnginePreview:
    try:
        return read_preview(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        wrong = f"it cannot be read: {error.strerror or type(error).__name__}"
        raise FaultsFoundError("bulkhead preview", [_nothing_rendered(path, wrong)]) from None
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except NotAPreviewError as error:
        reason = str(error)
    fault = _nothing_rendered(path, f"it is no preview of the engine's: {reason}")
    raise CommandFailedError("bulkhead preview", [fault])


def _nothing_rendered(path: Path, wrong: str) -> Fault:
    write = f"the output of: pulumi preview --json > {path.name or 'FILE'}"
    return Fault(str(path), wrong, "there is nothing to render", write)

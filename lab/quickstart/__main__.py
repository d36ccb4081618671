"""`./quickstart [up|down]`: the command line."""

import subprocess
import sys

import click
from rich.console import Console

from lab.errors import LabEnvironmentError, LabError
from lab.quickstart.journey import down as take_down
from lab.quickstart.journey import prepare as build_everything
from lab.quickstart.journey import up as bring_up

EXIT_FAILED = 3
EXIT_ENVIRONMENT = 2
EXIT_INTERRUPTED = 130


@click.group(invoke_without_command=True)
@click.pass_context
def quickstart(context: click.Context) -> None:
    """Boot the lab, deploy the `local` stack, send a completion, show the posture."""
    if context.invoked_subcommand is None:
        context.invoke(up)


@quickstart.command()
@click.option("--context", "kube_context", metavar="NAME", help="Deploy to this kubeconfig context, without the lab.")
def up(kube_context: str | None) -> None:
    """From a fresh machine to a running platform; a second run takes seconds."""
    bring_up(Console(highlight=False), kube_context)


@quickstart.command()
@click.option("--context", "kube_context", metavar="NAME", help="The context that `up` deployed to.")
def down(kube_context: str | None) -> None:
    """Remove the stack and the lab; built binaries and images stay (`bulkhead lab prune` removes them)."""
    take_down(Console(highlight=False), kube_context)


@quickstart.command()
def prepare() -> None:
    """Build all that the lab runs and deploy nothing, as the tests want it."""
    build_everything(Console(highlight=False))


def main() -> int:
    """Run the command line; every failure ends in one message and an exit code."""
    try:
        quickstart.main(prog_name="./quickstart", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return EXIT_ENVIRONMENT
    except LabEnvironmentError as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return EXIT_ENVIRONMENT
    except LabError as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return EXIT_FAILED
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"quickstart: {error}. What is up stays up; mend it and run this again.", file=sys.stderr)
        return EXIT_FAILED
    except (KeyboardInterrupt, click.Abort):
        print("quickstart: interrupted; run it again to go on from here.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())

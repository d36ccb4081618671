"""Running the real Pulumi command line on one stack: what the quickstart and the tests use.

A thin wrapper: it adds the lab's environment, checks the cluster first so that an unreachable one is told
once and not for each resource, lets the command's output through, and clears what a killed update left.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

import yaml

from lab.engine import locks
from lab.engine.discover import Choice, choose
from lab.engine.environment import engine_environment
from lab.engine.kubernetes.api_client import ApiClient, ApiError, ClusterUnreachable
from lab.engine.kubernetes.kubeconfig import KubeconfigError, kubeconfig_text, resolve
from lab.engine.kubernetes.objects import items
from lab.errors import LabError

INTERRUPT_GRACE_SECONDS: Final = 120.0


class EngineError(LabError):
    """An engine command failed; the text is one clear message for the user, without a traceback."""


@dataclass(frozen=True)
class Captured:
    """A finished command: its exit status and what it printed."""

    status: int
    stdout: str
    stderr: str


def check_cluster(context: str, environment: Mapping[str, str]) -> str:
    """Return the server's version if `context` of the environment's kubeconfig answers.

    Raises:
        EngineError: The kubeconfig or the context is missing, or the cluster does not answer or admit us.
    """
    named = environment.get("KUBECONFIG", "").split(os.pathsep)[0]
    try:
        access = resolve(kubeconfig_text(named or None), context)
        client = ApiClient(access)
        version = client.server_version()
        client.request("GET", "/api")
    except KubeconfigError as error:
        raise EngineError(f"{error}. Nothing was changed.") from None
    except ClusterUnreachable as error:
        raise EngineError(
            f"the cluster of context {context} is unreachable: {error}. Nothing was changed. "
            "Start the lab with `bulkhead lab up`, or check the network and the context."
        ) from None
    except ApiError as error:
        raise EngineError(
            f"the cluster of context {context} does not let us in: {error}. Nothing was changed. "
            "Check the user in the kubeconfig."
        ) from None
    return version


class Engine:
    """The Pulumi command line, bound to one project folder and one stack.

    Args:
        project_directory: The folder that holds Pulumi.yaml.
        stack: The stack's name.
        context: The kubeconfig context to check before a command that needs the cluster; None checks nothing.
        overrides: Variables set over the lab's own environment.

    Raises:
        EngineMissing: There is no Pulumi command line that fits.
    """

    def __init__(
        self,
        project_directory: Path,
        stack: str,
        context: str | None = None,
        overrides: Mapping[str, str] | None = None,
    ) -> None:
        self.project_directory = project_directory
        self.stack = stack
        self.choice: Choice = choose()
        self._context = context
        self.environment = {**os.environ, **engine_environment(self.choice), **(overrides or {})}

    @property
    def notice(self) -> str | None:
        """One line that tells the user of stand-ins, or None."""
        return self.choice.notice()

    def stack_init_if_missing(self) -> bool:
        """Create the stack in the lab's backend unless it exists; return whether it was created."""
        if self.stack in self.stacks():
            return False
        self._run("stack", "init", self.stack, "--secrets-provider", "passphrase", stack=False, quiet=True)
        return True

    def stacks(self) -> list[str]:
        """Return the names of the project's stacks in the lab's backend."""
        listed = cast("list[Mapping[str, Any]]", self._json("stack", "ls", "--json", stack=False))
        return [str(entry["name"]).rpartition("/")[2] for entry in listed]

    def preview(self, *arguments: str) -> None:
        """Show what an update would do. Raises EngineError when it is refused."""
        self._check_cluster()
        self._run("preview", *arguments)

    def preview_json(self, *arguments: str) -> dict[str, Any]:
        """Return a preview as the engine's JSON document, also that of a preview that found errors."""
        self._check_cluster()
        done = self.capture("preview", "--json", *arguments)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise EngineError(f"pulumi preview failed: {_last_lines(done)}") from None

    def up(self, *arguments: str) -> None:
        """Update the stack without asking, after what a killed update left is cleared. Raises EngineError."""
        self._check_cluster()
        self.recover()
        self._run("up", "--yes", "--skip-preview", *arguments)
        self._forget_finished_operations()

    def destroy(self, *arguments: str) -> None:
        """Delete everything that the stack made. Raises EngineError."""
        self._check_cluster()
        self.recover()
        self._run("destroy", "--yes", "--skip-preview", *arguments)

    def remove_stack(self) -> None:
        """Forget the stack and its state; whatever it made stays where it is."""
        self.recover()
        self._run("stack", "rm", self.stack, "--yes", "--force", "--preserve-config", stack=False, quiet=True)

    def outputs(self, show_secrets: bool = False) -> dict[str, Any]:
        """Return the stack's outputs; secret ones as `[secret]` unless `show_secrets`."""
        arguments = ("stack", "output", "--json", *(("--show-secrets",) if show_secrets else ()))
        return cast("dict[str, Any]", self._json(*arguments))

    def exported(self) -> dict[str, Any]:
        """Return the stack's state as the engine keeps it; what is secret in it stays encrypted."""
        return cast("dict[str, Any]", self._json("stack", "export"))

    def config_set(self, key: str, value: str, path: bool = True, secret: bool = False) -> None:
        """Set a value in the stack file; `path` reads the key as a path, as `bulkhead:trust.tier`.

        The value travels by standard input, since other users may read a command's arguments.
        """
        flags = [*(["--path"] if path else []), "--secret" if secret else "--plaintext"]
        arguments = ("config", "set", *flags, "--", key)
        done = self.capture(*arguments, given=value)
        if done.status:
            raise EngineError(f"{_shown(arguments)} failed: {_last_lines(done)}")

    def recover(self) -> None:
        """Remove what updates left on this machine whose process is gone; the engine adopts their operations."""
        project = project_name(self.project_directory)
        locks.release(locks.stale_locks(self._backend(), project, self.stack))
        locks.remove_half_written_notes(self._backend(), project)

    def _backend(self) -> Path:
        return Path(unquote(urlsplit(self.environment["PULUMI_BACKEND_URL"]).path))

    def _forget_finished_operations(self) -> None:
        """Drop notes of creations that a killed update left and that a later update has completed.

        The engine keeps a pending creation until someone answers for it at a terminal, and warns each time.
        """
        file = self._backend() / ".pulumi" / "stacks" / project_name(self.project_directory) / f"{self.stack}.json"
        if not file.exists() or '"pending_operations"' not in file.read_text(encoding="utf-8"):
            return
        exported = self.exported()
        deployment: dict[str, Any] = exported["deployment"]
        made = {resource["urn"] for resource in items(deployment.get("resources"))}
        pending = items(deployment.get("pending_operations"))
        left = [note for note in pending if note["resource"]["urn"] not in made]
        if len(left) < len(pending):
            deployment["pending_operations"] = left
            self.capture("stack", "import", given=json.dumps(exported))

    def capture(self, *arguments: str, stack: bool = True, given: str = "") -> Captured:
        """Run a command to its end and return what it printed, whatever its exit status; `given` is its input."""
        done = subprocess.run(
            self._command(arguments, stack),
            cwd=self.project_directory,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        return Captured(done.returncode, done.stdout, done.stderr)

    def _check_cluster(self) -> None:
        if self._context is not None:
            check_cluster(self._context, self.environment)

    def _json(self, *arguments: str, stack: bool = True) -> Any:
        done = self.capture(*arguments, stack=stack)
        if done.status:
            raise EngineError(f"{_shown(arguments)} failed: {_last_lines(done)}")
        return json.loads(done.stdout)

    def _run(self, *arguments: str, stack: bool = True, quiet: bool = False) -> None:
        """Run a command with its output let through; an interrupt is left to the command, which ends cleanly."""
        if quiet:
            done = self.capture(*arguments, stack=stack)
            if done.status:
                raise EngineError(f"{_shown(arguments)} failed: {_last_lines(done)}")
            return
        with subprocess.Popen(
            self._command(arguments, stack),
            cwd=self.project_directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
        ) as running:
            try:
                status = running.wait()
            except KeyboardInterrupt:
                # The terminal sent it to the command as well, which is now cancelling what it had begun.
                running.wait(INTERRUPT_GRACE_SECONDS)
                raise EngineError(
                    f"{_shown(arguments)} was interrupted; what it had begun is in the state. Run it again to go on."
                ) from None
        if status:
            raise EngineError(f"{_shown(arguments)} failed (exit status {status}); the reason stands above.")

    def _command(self, arguments: Sequence[str], stack: bool) -> list[str]:
        chosen = ["--stack", self.stack] if stack else []
        return [str(self.choice.cli.path), arguments[0], *chosen, "--non-interactive", *arguments[1:]]


def project_name(project_directory: Path) -> str:
    """Return the name in a project's Pulumi.yaml. Raises EngineError when there is none."""
    file = project_directory / "Pulumi.yaml"
    try:
        document = cast("Mapping[str, Any]", yaml.safe_load(file.read_text(encoding="utf-8")) or {})
        return str(document["name"])
    except (OSError, yaml.YAMLError, KeyError):
        raise EngineError(f"there is no Pulumi project with a name in {file}") from None


def _shown(arguments: Sequence[str]) -> str:
    return f"`pulumi {shlex.join(arguments)}`"


def _last_lines(done: Captured) -> str:
    told = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return " ".join(line.strip() for line in told[-6:]) or f"exit status {done.status}"

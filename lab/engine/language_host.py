# ruff: noqa: N802 - the methods are named by the engine's protocol
"""Stand-in for Pulumi's Python language host: runs a project's `__main__.py` for the real engine.

It stands on the SDK's own `LanguageServer`. The program runs in this very process, so with the packages of
the interpreter that serves it. A new process serves each phase of an update.
"""

import asyncio
import importlib.metadata
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from concurrent import futures
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import grpc
import pulumi
from google.protobuf.empty_pb2 import Empty
from pulumi.automation._server import LanguageServer
from pulumi.runtime import reset_options, run_in_stack, set_all_config
from pulumi.runtime.proto import language_pb2 as pb
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2

from lab.engine.plugin_programs import run_plugin
from lab.engine.plumbing import CHANNEL_OPTIONS, end_on_interrupt, end_with_parent

PROGRAM: Final = "__main__.py"
RPC_WORKERS: Final = 16
"""A plugin that the host runs holds one for as long as it lives."""
THREADS_PER_PARALLEL: Final = 4
"""Threads for each resource registered at once; the SDK's own language host uses the same factor."""


class ProgramRefused(Exception):  # noqa: N818 - a decision, not an error
    """The program ended itself with a status other than 0, having said why."""


def program_file(program_directory: str, entry_point: str) -> Path:
    """Return the file that holds a program, from the project's folder and its `main`."""
    main = Path(program_directory) / (entry_point or ".")
    return main / PROGRAM if main.is_dir() else main


def run_program(main: Path, working_directory: Path) -> None:
    """Run a program file as `python FILE` would. Raises ProgramRefused when it exits with another status than 0."""
    os.chdir(working_directory)
    sys.path.insert(0, str(main.parent))
    sys.argv = [str(main)]
    try:
        runpy.run_path(str(main), run_name="__main__")
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            raise pulumi.RunError(leaving.code) from None
        if leaving.code:
            raise ProgramRefused from None


def user_traceback(error: BaseException, main: Path) -> str:
    """Return an exception with the frames from the user's program on; the others are this host's own."""
    frames = traceback.extract_tb(error.__traceback__)
    first = next((at for at, frame in enumerate(frames) if Path(frame.filename) == main), len(frames))
    shown = traceback.format_list(frames[first:]) + traceback.format_exception_only(error)
    return "the program failed:\n" + "".join(shown)


class LanguageHost(LanguageServer):
    """The language host's service."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(lambda: None)
        self._engine_address = engine_address

    def Handshake(self, request: Any, context: Any) -> pb.LanguageHandshakeResponse:
        """Speak the protocol without extensions."""
        return pb.LanguageHandshakeResponse()

    def Run(self, request: pb.RunRequest, context: Any) -> pb.RunResponse:
        """Run the program and say how it ended: well, or with an error that the user has been told."""
        root = request.info.program_directory or request.pwd
        main = program_file(root, request.info.entry_point)
        if not main.is_file():
            return pb.RunResponse(error=f"there is no program at {main}")
        self._attach(request)
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        working_directory = Path(request.pwd or root)
        told = self._run_to_end(lambda: run_program(main, working_directory), main, request.parallel)
        return pb.RunResponse(bail=told)

    def _attach(self, request: pb.RunRequest) -> None:
        reset_options(
            project=request.project,
            monitor_address=request.monitor_address,
            engine_address=self._engine_address,
            stack=request.stack,
            parallel=request.parallel,
            preview=request.dryRun,
            organization=request.organization or "organization",
        )
        set_all_config(dict(request.config), list(request.configSecretKeys))

    @staticmethod
    def _run_to_end(program: Callable[[], None], main: Path, parallel: int) -> bool:
        """Run the program's event loop to its end; return whether an error ended it."""
        run: Callable[[Callable[[], None]], Awaitable[None]] = run_in_stack
        loop = asyncio.new_event_loop()
        loop.set_default_executor(futures.ThreadPoolExecutor(max(parallel, 1) * THREADS_PER_PARALLEL))
        try:
            loop.run_until_complete(_coroutine(run(program)))
        except ProgramRefused:
            return True
        except pulumi.RunError as error:
            pulumi.log.error(str(error))
            return True
        except grpc.RpcError as error:
            return not _engine_left(error)
        except Exception as error:
            pulumi.log.error(user_traceback(error, main))
            return True
        finally:
            _end(loop)
            sys.stdout.flush()
            sys.stderr.flush()
        return False

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[pb.InstallDependenciesResponse]:
        """Install nothing: the project's own environment holds every package."""
        yield pb.InstallDependenciesResponse(stdout=b"The project's environment is managed outside Pulumi.\n")

    def RunPlugin(self, request: pb.RunPluginRequest, context: Any) -> Iterator[pb.RunPluginResponse]:
        """Run a plugin that is written in Python, as a policy pack is."""
        yield from run_plugin(request, context.add_callback)

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> pb.RuntimeOptionsResponse:
        """Ask nothing."""
        return pb.RuntimeOptionsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> pb.GetProgramDependenciesResponse:
        """List the packages of the environment that the program runs in."""
        found = [
            pb.DependencyInfo(name=package.metadata["Name"], version=package.version)
            for package in importlib.metadata.distributions()
        ]
        return pb.GetProgramDependenciesResponse(dependencies=found)

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        """Name the SDK's version as the host's."""
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def Cancel(self, request: Any, context: Any) -> Empty:
        """Let the engine end the program: it closes the monitor that the program talks to."""
        return Empty()


async def _coroutine(work: Awaitable[None]) -> None:
    await work


def _engine_left(error: grpc.RpcError) -> bool:
    """Return whether the engine ended the update; otherwise it has refused a registration and said why."""
    code: Any = getattr(error, "code", None)
    if callable(code) and code() == grpc.StatusCode.UNAVAILABLE:
        return True
    details: Any = getattr(error, "details", None)
    pulumi.log.error(str(details()) if callable(details) else str(error))
    return False


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what an ended program left unresolved, which would otherwise be reported as destroyed tasks."""
    for task in asyncio.all_tasks(loop):
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            loop.run_until_complete(task)
    loop.close()


def main() -> None:
    """Serve the language host until the engine ends it; the engine reads the port from stdout."""
    server: Any = grpc.server(futures.ThreadPoolExecutor(RPC_WORKERS), options=CHANNEL_OPTIONS)
    host: Any = LanguageHost(sys.argv[-1])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    end_with_parent()
    end_on_interrupt()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()

# ruff: noqa: N802 - the methods are named by the engine's protocol
"""What both stand-in providers share: the gRPC service, errors, the engine's log, and a timely end.

Requests arrive on an event loop; the work itself blocks on the Kubernetes API, so each request runs on a
thread of its own. The engine runs at most four operations for each processor at once.
"""

import asyncio
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Final, TypeVar

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2_grpc, status_pb2
from pulumi.runtime.proto import provider_pb2 as pb

from lab.engine.values import Tree, encode_struct

MESSAGE_LIMIT: Final = 400 * 1024 * 1024
"""Largest gRPC message in bytes: the engine's own limit."""
CHANNEL_OPTIONS: Final = [
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
]
WORKERS: Final = 64
PARENT_CHECK_SECONDS: Final = 0.5
ENGINE_PROCESS: Final = "BULKHEAD_ENGINE_PROCESS"
"""Environment variable in which a launcher hands on the engine's process id."""

Context = Any  # grpc.aio.ServicerContext, which grpc leaves untyped
Request = TypeVar("Request")
Response = TypeVar("Response")


class Failure(Exception):  # noqa: N818 - named for what the user reads
    """A resource operation failed; the text is shown to the user as it stands, without a traceback."""


@dataclass
class InitializationFailure(Exception):  # noqa: N818 - named by the engine's protocol
    """The object exists but never became ready, so it belongs in the state, together with the reasons."""

    identity: str
    properties: Tree
    inputs: Tree
    reasons: list[str]


class EngineLog:
    """Messages to the engine about one resource: shown under its URN by the command line."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._stub: Any = None

    def status(self, urn: str, message: str) -> None:
        """Show what a resource waits for, on its line of an interactive display only."""
        self._send(urn, message, engine_pb2.LogSeverity.INFO, ephemeral=True)

    def warn(self, urn: str, message: str) -> None:
        """Show a warning that stays."""
        self._send(urn, message, engine_pb2.LogSeverity.WARNING)

    def _send(self, urn: str, message: str, severity: Any, ephemeral: bool = False) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral)
        try:
            with self._lock:
                if self._stub is None:
                    channel: Any = grpc.insecure_channel(self._address, options=CHANNEL_OPTIONS)
                    self._stub = engine_pb2_grpc.EngineStub(channel)
            self._stub.Log(request, timeout=5)
        except grpc.RpcError:
            return  # the engine is going away, and nobody reads any more


class StandInServicer(ProviderServicer):
    """A provider's gRPC service on the SDK's own servicer; subclasses fill in the blocking operations."""

    package: ClassVar[str]
    version: ClassVar[str]

    def __init__(self, engine_address: str) -> None:
        super().__init__([], self.version, sdk.Provider(), engine_address)
        self.log = EngineLog(engine_address)
        self.cancelled = threading.Event()
        self._workers = ThreadPoolExecutor(WORKERS)

    def check_config(self, request: pb.CheckRequest) -> pb.CheckResponse:
        """Return the provider's own inputs, checked."""
        return pb.CheckResponse(inputs=request.news)

    def diff_config(self, request: pb.DiffRequest) -> pb.DiffResponse:
        """Compare the provider's own inputs."""
        changed = request.old_inputs != request.news
        some, none = pb.DiffResponse.DIFF_SOME, pb.DiffResponse.DIFF_NONE
        return pb.DiffResponse(changes=some if changed else none)

    def configure(self, request: pb.ConfigureRequest) -> None:
        """Take the provider's configuration."""

    def check(self, request: pb.CheckRequest) -> pb.CheckResponse:
        """Return a resource's inputs with defaults filled in, or what is wrong with them."""
        raise NotImplementedError

    def diff(self, request: pb.DiffRequest) -> pb.DiffResponse:
        """Compare old and new inputs."""
        raise NotImplementedError

    def create(self, request: pb.CreateRequest) -> pb.CreateResponse:
        """Create a resource, or foresee what would be created."""
        raise NotImplementedError

    def update(self, request: pb.UpdateRequest) -> pb.UpdateResponse:
        """Update a resource in place, or foresee the outcome."""
        raise NotImplementedError

    def read(self, request: pb.ReadRequest) -> pb.ReadResponse:
        """Read a resource's live state."""
        raise NotImplementedError

    def delete(self, request: pb.DeleteRequest) -> None:
        """Delete a resource and wait until it is gone."""
        raise NotImplementedError

    async def Handshake(self, request: Any, context: Context) -> pb.ProviderHandshakeResponse:
        """State which parts of the protocol this provider speaks."""
        return pb.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

    async def GetPluginInfo(self, request: Any, context: Context) -> plugin_pb2.PluginInfo:
        """Name the version whose place this stand-in takes."""
        return plugin_pb2.PluginInfo(version=self.version)

    async def GetSchema(self, request: Any, context: Context) -> pb.GetSchemaResponse:
        """Return an empty schema: programs use the published SDK."""
        schema = f'{{"name":"{self.package}","version":"{self.version}","description":"stand-in of the lab"}}'
        return pb.GetSchemaResponse(schema=schema)

    async def Cancel(self, request: Any, context: Context) -> Empty:
        """End every wait loop; without it a cancelled update would live on beside the next one."""
        self.cancelled.set()
        return Empty()

    async def Configure(self, request: pb.ConfigureRequest, context: Context) -> pb.ConfigureResponse:
        """Take the provider's configuration."""
        await self._answer(context, self.configure, request)
        return pb.ConfigureResponse(acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True)

    async def CheckConfig(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:
        """Check the provider's own inputs."""
        return await self._answer(context, self.check_config, request)

    async def DiffConfig(self, request: pb.DiffRequest, context: Context) -> pb.DiffResponse:
        """Compare the provider's own inputs."""
        return await self._answer(context, self.diff_config, request)

    async def Check(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:
        """Check a resource's inputs."""
        return await self._answer(context, self.check, request)

    async def Diff(self, request: pb.DiffRequest, context: Context) -> pb.DiffResponse:
        """Compare a resource's inputs."""
        return await self._answer(context, self.diff, request)

    async def Create(self, request: pb.CreateRequest, context: Context) -> pb.CreateResponse:
        """Create a resource."""
        return await self._answer(context, self.create, request)

    async def Update(self, request: pb.UpdateRequest, context: Context) -> pb.UpdateResponse:
        """Update a resource."""
        return await self._answer(context, self.update, request)

    async def Read(self, request: pb.ReadRequest, context: Context) -> pb.ReadResponse:
        """Read a resource."""
        return await self._answer(context, self.read, request)

    async def Delete(self, request: pb.DeleteRequest, context: Context) -> Empty:
        """Delete a resource."""
        await self._answer(context, self.delete, request)
        return Empty()

    async def Invoke(self, request: pb.InvokeRequest, context: Context) -> pb.InvokeResponse:
        """Refuse functions by name: the stand-ins have resources only."""
        told = f"the lab's {self.package} stand-in has no function {request.tok}; install the real plugin to use it"
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, told)
        raise AssertionError("abort always raises")

    async def in_thread(self, work: Callable[[], Response]) -> Response:
        """Run blocking work beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, work)

    async def _answer(self, context: Context, operation: Callable[[Request], Response], request: Request) -> Response:
        try:
            return await self.in_thread(lambda: operation(request))
        except InitializationFailure as failure:
            await self._abort_keeping(context, failure)
        except Failure as failure:
            await context.abort(grpc.StatusCode.UNKNOWN, str(failure))
        except Exception as error:
            await context.abort(grpc.StatusCode.INTERNAL, self.describe_bug(error))
        raise AssertionError("abort always raises")

    def describe_bug(self, error: Exception) -> str:
        """Say where an unforeseen exception arose. Its text is left out: it could quote a secret."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        return f"the lab's {self.package} stand-in failed at {place}: {type(error).__name__}"

    @staticmethod
    async def _abort_keeping(context: Context, failure: InitializationFailure) -> None:
        detail = AnyMessage()
        detail.Pack(
            pb.ErrorResourceInitFailed(
                id=failure.identity,
                properties=encode_struct(failure.properties),
                inputs=encode_struct(failure.inputs),
                reasons=failure.reasons,
            )
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=failure.reasons[0], details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        await context.abort(grpc.StatusCode.UNKNOWN, failure.reasons[0])


def end_with_parent() -> None:
    """End this process soon after the engine that started it has ended, however that came about.

    A killed engine cannot say goodbye; a plugin that outlived it would race the next update's plugins. The
    launcher hands the engine's id on, since the engine may have ended before this line runs.
    """
    parent = int(os.environ.get(ENGINE_PROCESS) or os.getppid())

    def watch() -> None:
        pause = threading.Event()
        while os.getppid() == parent:
            pause.wait(PARENT_CHECK_SECONDS)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def end_on_interrupt() -> None:
    """End at once on SIGINT and SIGTERM, which is how the engine ends a plugin that has nothing left to do."""

    def leave(number: int, frame: FrameType | None) -> None:
        os._exit(0)

    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGTERM, leave)


def serve(make: Callable[[str], StandInServicer]) -> None:
    """Serve the provider that `make` builds from the engine's address, until the engine ends it.

    The protocol: the engine passes its address as the last argument and reads the port from stdout.
    """

    async def run() -> None:
        server: Any = grpc.aio.server(options=CHANNEL_OPTIONS)
        servicer: Any = make(sys.argv[-1])
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, flush=True)
        await server.wait_for_termination()

    end_with_parent()
    end_on_interrupt()
    asyncio.run(run())

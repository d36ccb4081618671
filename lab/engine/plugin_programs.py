"""Plugins that are Python programs, as policy packs are: started by the language host, and heard until they end."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format
from pulumi.runtime.proto import language_pb2 as pb

CHUNK_BYTES: Final = 4096
END_SECONDS: Final = 5.0
"""How long a plugin that is told to end may take."""


def plugin_command(folder: str, options: Mapping[str, Any], arguments: Sequence[str]) -> list[str]:
    """Return how a plugin is started: by the virtual environment that its project names, else by this interpreter."""
    environment = options.get("virtualenv")
    python = Path(folder) / str(environment) / "bin" / "python" if environment else Path(sys.executable)
    return [str(python if python.exists() else sys.executable), "-u", folder, *arguments]


def run_plugin(
    request: pb.RunPluginRequest, when_cancelled: Callable[[Callable[[], None]], object]
) -> Iterator[pb.RunPluginResponse]:
    """Run a plugin; yield what it prints, and how it ended.

    Args:
        request: What the engine asks for.
        when_cancelled: Takes what to do when the engine no longer listens.
    """
    folder = request.info.program_directory or request.program or request.pwd
    options: Mapping[str, Any] = json_format.MessageToDict(request.info.options)
    process = subprocess.Popen(
        plugin_command(folder, options, request.args),
        cwd=request.pwd or folder,
        env={**os.environ, **dict(entry.split("=", 1) for entry in request.env)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    when_cancelled(lambda: _end(process))
    try:
        yield from _heard(process)
    finally:
        _end(process)


def _heard(process: subprocess.Popen[bytes]) -> Iterator[pb.RunPluginResponse]:
    told: queue.Queue[pb.RunPluginResponse | None] = queue.Queue()

    def listen(stream: Any, name: str) -> None:
        while chunk := stream.read1(CHUNK_BYTES):
            told.put(pb.RunPluginResponse(**{name: chunk}))
        told.put(None)

    streams = {"stdout": process.stdout, "stderr": process.stderr}
    for name, stream in streams.items():
        threading.Thread(target=listen, args=(stream, name), daemon=True).start()
    for _ in streams:
        while (said := told.get()) is not None:
            yield said
    yield pb.RunPluginResponse(exitcode=process.wait())


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()

"""What goes over the wires of the lab's network, read as somebody would who has got hold of a node's interfaces."""

import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.cluster.network import INSIDE

READ = """
import json, select, socket, sys
marker = sys.argv[1].encode()
ports = {}
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
print("listening", flush=True)
shown = 0
while True:
    ready = select.select([wire, sys.stdin], [], [])[0]
    if wire in ready:
        frame, (interface, *_) = wire.recvfrom(1 << 17)
        # What a forwarded port carries goes through the node's own loopback interface, and no wire.
        if interface != "lo" and frame[12:14] == b"\\x08\\x00" and frame[23] == 6:
            start = 14 + (frame[14] & 15) * 4
            port = int.from_bytes(frame[start + 2:start + 4], "big")
            ports[port] = ports.get(port, 0) + 1
            shown += marker in frame
    elif sys.stdin in ready:
        break
print(json.dumps({"shown": shown, "ports": ports}), flush=True)
"""
"""Ends once its input is closed and nothing waits on the wire any more."""


@dataclass
class Wire:
    """What has been read.

    Attributes:
        shown: Frames that hold the marker in clear text.
        frames: Frames by the TCP port that they go to.
    """

    shown: int = 0
    frames: dict[int, int] = field(default_factory=dict[int, int])


@contextmanager
def read_along(marker: str) -> Generator[Wire]:
    """Read every frame of the lab's network while the context lasts; the result is there afterwards."""
    found = Wire()
    command = [*INSIDE, "python3", "-I", "-c", READ, marker]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        try:
            assert reader.stdout is not None
            assert reader.stdout.readline().strip() == "listening"
            yield found
            said, _ = reader.communicate(timeout=60)
            read = json.loads(said)
            found.shown = read["shown"]
            found.frames = {int(port): number for port, number in read["ports"].items()}
        finally:
            if reader.poll() is None:
                reader.kill()

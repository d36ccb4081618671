"""What the quickstart asks of the cluster, through an ordinary kubectl: objects, secrets, a forwarded port."""

import base64
import json
import re
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lab.errors import LabError

FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
KUBECTL_SECONDS = 60


@dataclass(frozen=True)
class ClusterAccess:
    """A kubectl with the environment and the context that reach one cluster."""

    context: str
    environment: Mapping[str, str]

    def objects(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """Every object of `kind` that `arguments` select.

        Raises:
            LabError: When the cluster does not answer or refuses.
        """
        return json.loads(self._run("get", kind, *arguments, "--output", "json"))["items"]

    def secret_value(self, namespace: str, name: str, key: str) -> str:
        """One value of a Secret; it must not be printed.

        Raises:
            LabError: When there is no such Secret or key.
        """
        data = json.loads(self._run("get", "secret", name, "--namespace", namespace, "--output", "json"))["data"]
        if key not in data:
            raise LabError(f"The Secret {namespace}/{name} has no key {key}, so the gateway cannot be asked for spend.")
        return base64.b64decode(data[key]).decode()

    @contextmanager
    def forwarded_port(self, namespace: str, service: str, port: int) -> Generator[int]:
        """A port on 127.0.0.1 that leads to a Service's pod while the context lasts.

        Args:
            namespace: Where it is.
            service: A Service's name, or something else to forward to, as `pod/NAME`.
            port: The Service's or the pod's port.

        Raises:
            LabError: When the port cannot be forwarded.
        """
        target = service if "/" in service else f"service/{service}"
        command = self._command("port-forward", "--namespace", namespace, target, f"0:{port}")
        with subprocess.Popen(
            command, env=dict(self.environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield self._announced_port(process, f"{namespace}/{service}")
            finally:
                process.terminate()

    def _announced_port(self, process: subprocess.Popen[str], service: str) -> int:
        assert process.stdout is not None  # noqa: S101  (Popen was asked for a pipe)
        assert process.stderr is not None  # noqa: S101
        match = FORWARDING.search(process.stdout.readline())
        if match:
            return int(match.group(1))
        raise LabError(f"No port could be forwarded to the Service {service}: {process.stderr.read().strip()}")

    def _command(self, *arguments: str) -> list[str]:
        return ["kubectl", "--context", self.context, *arguments]

    def _run(self, *arguments: str) -> str:
        answer = subprocess.run(
            self._command(*arguments),
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=KUBECTL_SECONDS,
        )
        if answer.returncode:
            raise LabError(f"kubectl {arguments[0]} {arguments[1]} failed: {answer.stderr.strip()}")
        return answer.stdout

"""The proof at the end: one chat completion with a tenant's key, and its spend at the gateway."""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import urllib3

from lab.errors import LabError

COMPLETION_SECONDS = 120
SPEND_SECONDS = 90
"""The gateway writes spend in batches, so it shows up seconds after the answer."""


@dataclass(frozen=True)
class Completion:
    """What came back: the answer's text, its tokens, and the key's spend in US dollars before and after."""

    model: str
    text: str
    prompt_tokens: int
    completion_tokens: int
    spend_before_usd: float
    spend_after_usd: float


@dataclass(frozen=True)
class GatewayClient:
    """The gateway behind ports of this machine: the tenants', and the one that it is administered through.

    The keys never show in what it raises.
    """

    port: int
    admin_port: int
    tenant_key: str
    master_key: str

    def complete(self, model: str) -> Completion:
        """Ask `model` for a completion with the tenant's key, and wait until its spend is recorded.

        Raises:
            LabError: When the gateway refuses, or no spend appears.
        """
        before = self._spend()
        body = {
            "model": model,
            "messages": [{"role": "user", "content": "Say hello to your new tenant."}],
            "max_tokens": 160,
        }
        answer = self._request("POST", self.port, "/v1/chat/completions", self.tenant_key, body)
        return Completion(
            model=model,
            text=str(answer["choices"][0]["message"]["content"]),
            prompt_tokens=int(answer["usage"]["prompt_tokens"]),
            completion_tokens=int(answer["usage"]["completion_tokens"]),
            spend_before_usd=before,
            spend_after_usd=self._spend_above(before),
        )

    def models(self) -> list[str]:
        """The models that the tenant's key may call."""
        return [str(entry["id"]) for entry in self._request("GET", self.port, "/v1/models", self.tenant_key)["data"]]

    def _spend(self) -> float:
        # The admin API takes a key's digest in its place, which keeps the key out of access logs.
        digest = hashlib.sha256(self.tenant_key.encode()).hexdigest()
        answer = self._request("GET", self.admin_port, f"/key/info?key={digest}", self.master_key)
        return float(answer["info"]["spend"])

    def _spend_above(self, before: float) -> float:
        deadline = time.monotonic() + SPEND_SECONDS
        while time.monotonic() < deadline:
            if (spend := self._spend()) > before:
                return spend
            time.sleep(1)
        raise LabError(
            f"The completion was answered, but no spend was recorded within {SPEND_SECONDS} seconds, so the tenant's "
            "budget would not bind. Look at the gateway's log: kubectl -n bulkhead-gateway logs deployment/gateway"
        )

    def _request(self, method: str, port: int, path: str, key: str, body: dict[str, Any] | None = None) -> Any:
        try:
            response = urllib3.request(
                method,
                f"http://127.0.0.1:{port}{path}",
                json=body,
                headers={"Authorization": f"Bearer {key}"},
                timeout=COMPLETION_SECONDS,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise LabError(
                f"The gateway did not answer {path.partition('?')[0]}: {type(error).__name__}. "
                "Look at its pods: kubectl -n bulkhead-gateway get pods"
            ) from None
        if response.status >= 300:
            raise LabError(f"The gateway answered {path.partition('?')[0]} with status {response.status}.")
        return response.json()

"""LiteLLM's administration interface."""

import http.client
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol, cast
from urllib.parse import urlencode, urlsplit

from .errors import GatewayError, InputError, WriteRefusedError
from .model import Json, State, mapping

PAGE_SIZE = 100
"""The most that LiteLLM lists at once."""
REQUEST_SECONDS = 30
ATTEMPTS = 5
PAUSE_SECONDS = 2.0
REASON_LENGTH = 300

CLIENT_ERROR, UNAUTHORIZED, FORBIDDEN, TOO_MANY, SERVER_ERROR = 400, 401, 403, 429, 500

Connect = Callable[[], http.client.HTTPConnection]
"""Opens a connection to the gateway's administration interface."""


class Admin(Protocol):
    """LiteLLM's administration interface."""

    def get(self, path: str, query: Mapping[str, Any]) -> Json:
        """Read; raises GatewayError."""
        ...

    def post(self, path: str, body: Json) -> int:
        """Write and return the status; raises WriteRefusedError where it is neither a success nor a conflict.

        Where there is no answer at all, that is a GatewayError.
        """
        ...


def observe(admin: Admin) -> State:
    """What the gateway has now."""
    teams = pages(admin, "/v2/team/list", "teams", {"page_size": PAGE_SIZE, "sort_by": "team_id"})
    keys = pages(admin, "/key/list", "keys", {"size": PAGE_SIZE, "return_full_object": "true"})
    return State(_by("team_id", teams), _by("token", keys))


def _by(field: str, things: Iterable[Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for thing in things:
        if not isinstance(name := thing.get(field), str) or not name:
            raise GatewayError(f"the gateway listed something without {field}")
        found[name] = thing
    return found


def pages(admin: Admin, path: str, field: str, query: Mapping[str, Any]) -> Iterator[Json]:
    """Every item of a list that the gateway hands out in pages.

    Raises:
        GatewayError: There is no answer, or it is not a page of that list: half a list must not be taken for all of it.
    """
    page, last = 1, 1
    while page <= last:
        answer = admin.get(path, {**query, "page": page})
        items, total = answer.get(field), answer.get("total_pages")
        if not isinstance(items, list) or not isinstance(total, int):
            raise GatewayError(f"GET {path} was answered with something else than a page of {field}")
        yield from (mapping(item) for item in cast("list[Any]", items))
        last = total
        page += 1


def connect_to(url: str) -> Connect:
    """What opens a connection to the address of a Service.

    Raises:
        InputError: It is no address.
    """
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host:
        raise InputError("GATEWAY_URL is not an address")
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return lambda: make(host, parts.port, timeout=REQUEST_SECONDS)


class HttpAdmin:
    """LiteLLM's administration interface over HTTP; tries again what may pass.

    A request that failed at every try leaves one try for each that follows, until one passes or the connection is
    ended: nobody waits for a gateway that is ill once for each of a thousand tenants.
    """

    def __init__(
        self,
        connect: Connect,
        master_key: str,
        secrets: Iterable[str],
        pause: Callable[[float], None],
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """Make the client; nothing is connected yet.

        Args:
            connect: Opens a connection.
            master_key: What administers the gateway.
            secrets: What must not be shown when the gateway answers with it.
            pause: Waits for so many seconds between two tries, or raises to end them.
            pause_seconds: How long the first pause is; each is longer by as much.
        """
        self._connect = connect
        self._master_key = master_key
        self._secrets = sorted({master_key, *secrets}, key=len, reverse=True)
        self._pause = pause
        self._pause_seconds = pause_seconds
        self._connection: http.client.HTTPConnection | None = None
        self._attempts = ATTEMPTS

    def get(self, path: str, query: Mapping[str, Any]) -> Json:
        """Read.

        Raises:
            GatewayError: There is no answer, or it is a refusal.
            InputError: The gateway refuses the master key.
        """
        status, answer = self._send("GET", f"{path}?{urlencode(query)}", None)
        if status >= CLIENT_ERROR:
            raise GatewayError(f"GET {path} was answered {status}: {self._reason(answer)}")
        return mapping(answer)

    def post(self, path: str, body: Json) -> int:
        """Write and return the status.

        Raises:
            GatewayError: There is no answer.
            WriteRefusedError: The answer is neither a success nor a conflict.
        """
        status, answer = self._send("POST", path, body)
        if status < CLIENT_ERROR or (status == CLIENT_ERROR and "already exists" in json.dumps(answer)):
            return status
        raise WriteRefusedError(f"POST {path} was answered {status}: {self._reason(answer)}")

    def has_database(self) -> bool:
        """Whether the gateway answers and has its database: it calls itself healthy without one."""
        try:
            status, answer = self._once("GET", "/health/readiness", None)
        except (OSError, http.client.HTTPException):
            return False
        return status < CLIENT_ERROR and mapping(answer).get("db") == "connected"

    def close(self) -> None:
        """End the connection; another request opens a new one, and has all its tries."""
        self._attempts = ATTEMPTS
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(self, method: str, path: str, body: Json | None) -> tuple[int, Any]:
        failure, answered, attempts = "no answer", False, self._attempts
        for attempt in range(attempts):
            # The first one lasts no time: it is where a process that was told to end does so, between two writes.
            self._pause(self._pause_seconds * attempt)
            try:
                status, answer = self._once(method, path, body)
            except (OSError, http.client.HTTPException) as error:
                failure, answered = type(error).__name__, False
                continue
            # LiteLLM also refuses a single write so, for what it is about; a pass reads before it writes.
            if status in (UNAUTHORIZED, FORBIDDEN) and body is None:
                raise InputError(f"the gateway refuses the master key ({status}): {self._reason(answer)}")
            if status < SERVER_ERROR and status != TOO_MANY:
                self._attempts = ATTEMPTS
                return status, answer
            failure, answered = f"{status}: {self._reason(answer)}", True
        self._attempts = 1
        raise (WriteRefusedError if answered and body is not None else GatewayError)(
            f"{method} {path.partition('?')[0]} failed at every try ({attempts}), at last with {failure}"
        )

    def _once(self, method: str, path: str, body: Json | None) -> tuple[int, Any]:
        connection = self._connection or self._connect()
        self._connection = None
        headers = {"Authorization": f"Bearer {self._master_key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._connection = connection
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, content.decode(errors="replace")

    def _reason(self, answer: Any) -> str:
        """What the gateway said, short and without any secret of ours."""
        text = answer if isinstance(answer, str) else json.dumps(answer)
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text[:REASON_LENGTH]

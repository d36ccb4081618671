"""Traffic between the gateway and real engines on the lab: encrypted with KV1, to the gateway's certificate alone.

Whoever reads along on the node's interfaces finds a prompt in clear text without the control, and nothing with it; the
first shows that the second could have been seen. To and fro, no request is lost and no engine restarts.
"""

import ssl
import tempfile
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from infra.blueprint.names import ENGINE_PORT, ENGINE_TLS_PORT, ENGINE_TRAFFIC_LABEL, MUTUAL_TLS
from infra.config.trust import Tier
from lab.cluster import Kubectl
from lab.quickstart.cluster_access import ClusterAccess
from tests.lab import openai_like
from tests.lab.caches import SURFACES
from tests.lab.isolated import IsolatedPlatform
from tests.lab.load import Load, Report, service_url
from tests.lab.packets import address_of, probing
from tests.lab.partitioned import stand_in
from tests.lab.platform import ENGINES, GATEWAY, MODEL, TENANT
from tests.lab.wire import Wire, read_along

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.timeout(1800)]

ENGINE = f"engine-{MODEL}"
ENGINE_LABELS = f"app.kubernetes.io/name=engine,app.kubernetes.io/instance={MODEL}"
GATEWAY_LABELS = {"app.kubernetes.io/name": "gateway"}
CHAT = "/v1/chat/completions"
BODY = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}


@dataclass(frozen=True)
class ToAndFro:
    """What came of switching the control off and on again.

    Attributes:
        off: What was read along while it was off.
        reports: What became of the requests that were sent while it went off, and on.
        engines: The engines' pods before, in between and afterwards.
    """

    off: Wire
    reports: tuple[Report, Report]
    engines: tuple[str, str, str]


def ask(access: ClusterAccess, key: str, marker: str) -> int:
    """The status of one question with a word that nobody else has used."""
    body = {**BODY, "messages": [{"role": "user", "content": marker}]}
    with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
        return openai_like.status(port, key, "POST", CHAT, body)


def engine_pods(kubectl: Kubectl) -> str:
    """The engines' pods, each with how often its containers were restarted."""
    path = "{range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{end}"
    return kubectl.run("get", "pods", "--namespace", ENGINES, "--selector", ENGINE_LABELS, f"--output=jsonpath={path}")


def switched(platform: IsolatedPlatform, tier: Tier) -> Report:
    """Deploy that tier, and tell what became of the requests sent meanwhile."""
    stack = platform.stack
    key = stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    load = Load(service_url(platform.kubectl), key, MODEL, concurrency=1, pause_seconds=0.5, seconds=900.0)
    with load.running() as run:
        stand_in(stack, tier)
    return run.report


@pytest.fixture(scope="module")
def to_and_fro(isolated: IsolatedPlatform, access: ClusterAccess) -> ToAndFro:
    """The control off, a question read along, and the control on again."""
    key = isolated.stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    before, marker = engine_pods(isolated.kubectl), uuid.uuid4().hex
    try:
        lowered = switched(isolated, Tier.PARTITIONED)
        with read_along(marker) as wire:
            assert ask(access, key, marker) == 200
        between = engine_pods(isolated.kubectl)
    finally:
        raised = switched(isolated, Tier.ADVERSARIAL)
    return ToAndFro(wire, (lowered, raised), (before, between, engine_pods(isolated.kubectl)))


@dataclass(frozen=True)
class Door:
    """An engine's door behind a port of this machine, and the certificates there are."""

    port: int
    folder: Path
    api_key: str

    def status(self, certificate: str | None, path: str = CHAT) -> int:
        """The status of one request by TLS, with somebody's certificate or none."""
        context = ssl.create_default_context(cafile=str(self.folder / "gateway-client.ca.crt"))
        if certificate is not None:
            files = [str(self.folder / f"{certificate}.{kind}") for kind in ("tls.crt", "tls.key")]
            context.load_cert_chain(*files)
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            self.port,
            ssl_context=context,
            assert_hostname=f"{ENGINE}.{ENGINES}.svc.cluster.local",
            retries=False,
        ) as pool:
            headers = {"Authorization": f"Bearer {self.api_key}"}
            return pool.request("POST", path, json=BODY, headers=headers, timeout=120).status

    def plain_status(self) -> int:
        """The status of one request in clear text."""
        return openai_like.status(self.port, self.api_key, "POST", CHAT, BODY)


@contextmanager
def opened_door(access: ClusterAccess) -> Generator[Door]:
    with tempfile.TemporaryDirectory() as folder:
        for namespace, secret in ((GATEWAY, "gateway-client"), (ENGINES, f"{ENGINE}.door")):
            for kind in ("ca.crt", "tls.crt", "tls.key"):
                file = Path(folder) / f"{secret}.{kind}"
                file.touch(mode=0o600)
                file.write_text(access.secret_value(namespace, secret, kind))
        key = access.secret_value(GATEWAY, f"gateway-engine-{MODEL}", "api-key")
        with access.forwarded_port(ENGINES, ENGINE, ENGINE_TLS_PORT) as port:
            yield Door(port, Path(folder), key)


@pytest.fixture(scope="module")
def door(isolated: IsolatedPlatform, access: ClusterAccess) -> Generator[Door]:
    with opened_door(access) as found:
        yield found


def test_the_gateway_is_let_in_by_its_certificate(door: Door) -> None:
    assert door.status("gateway-client") == 200


def test_nobody_is_let_in_without_one_or_with_another_s_or_in_clear_text(door: Door) -> None:
    assert door.status(None) == 400
    assert door.status(f"{ENGINE}.door") in (400, 403)
    assert door.plain_status() == 400


@pytest.mark.parametrize("path", ["/invocations", "/tokenize", "/metrics", "/health", "/v1/models"])
def test_not_even_the_gateway_is_let_in_to_what_it_does_not_call(door: Door, path: str) -> None:
    assert door.status("gateway-client", path) == 404


@pytest.mark.parametrize("surface", SURFACES)
def test_the_gateway_answers_on_every_path_through_it(
    isolated: IsolatedPlatform, access: ClusterAccess, surface: str
) -> None:
    way, key = SURFACES[surface], isolated.stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT]
    with access.forwarded_port(GATEWAY, "gateway", 4000) as port:
        answer = openai_like.answer(port, key, "POST", way.path, {"model": MODEL, **way.body("hello")})

    assert answer.status == 200, answer.data


def test_nothing_reaches_the_plain_port_from_where_replicas_encrypt(isolated: IsolatedPlatform) -> None:
    kubectl = isolated.kubectl
    engine = address_of(kubectl, ENGINES, ENGINE_LABELS)
    with probing(kubectl, GATEWAY, "encrypting", {**GATEWAY_LABELS, ENGINE_TRAFFIC_LABEL: MUTUAL_TLS}) as replica:
        assert replica.reaches(engine, ENGINE_TLS_PORT)
        assert not replica.reaches(engine, ENGINE_PORT)


def test_every_replica_is_one_that_encrypts(isolated: IsolatedPlatform) -> None:
    path = f"{{.items[*].metadata.labels['{ENGINE_TRAFFIC_LABEL.replace('.', chr(92) + '.')}']}}"
    chosen = ("--selector=app.kubernetes.io/name=gateway", "--field-selector=status.phase=Running")
    labels = isolated.kubectl.run("get", "pods", "--namespace", GATEWAY, *chosen, f"--output=jsonpath={path}")

    assert set(labels.split()) == {MUTUAL_TLS}


def test_a_prompt_is_read_along_without_the_control(to_and_fro: ToAndFro) -> None:
    assert to_and_fro.off.frames.get(ENGINE_PORT, 0) > 0
    assert to_and_fro.off.shown > 0


def test_a_prompt_is_not_read_along_with_it(
    to_and_fro: ToAndFro, isolated: IsolatedPlatform, access: ClusterAccess
) -> None:
    key, marker = isolated.stack.engine.outputs(show_secrets=True)["tenant_keys"][TENANT], uuid.uuid4().hex
    with read_along(marker) as wire:
        assert ask(access, key, marker) == 200

    assert wire.frames.get(ENGINE_TLS_PORT, 0) > 0
    assert wire.shown == 0


def test_to_and_fro_no_request_is_lost(to_and_fro: ToAndFro) -> None:
    for report in to_and_fro.reports:
        print(report.summary())
        assert report.answered
        assert not report.lost, report.summary()
        assert not report.refused, report.summary()


def test_to_and_fro_no_engine_restarts(to_and_fro: ToAndFro) -> None:
    assert len(set(to_and_fro.engines)) == 1

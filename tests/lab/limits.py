"""Short calls against a limit or a budget, and which of the gateway's replicas answered them."""

import json
from collections import Counter

from lab.cluster import Kubectl
from tests.lab.accounts import Account, account
from tests.lab.load import Kind, Load, Question, Report, service_url
from tests.lab.platform import GATEWAY, MODEL, TeamPlatform

BURST_SECONDS = 60
PAUSE_SECONDS = 0.25
"""An answer is charged just after it was given; whoever asks one after the other finds it charged then."""
REPLICAS = "app.kubernetes.io/name=gateway"
SHORT = (Question("hello", 1),)
CHAT = "/v1/chat/completions"


def burst(kubectl: Kubectl, made: Account, requests: int, concurrency: int = 6, pause_seconds: float = 0) -> Report:
    """Short completions through the Service, each over a connection of its own, so that any replica may get it."""
    return Load(
        service_url(kubectl),
        made.key,
        MODEL,
        concurrency=concurrency,
        kinds=(Kind.PLAIN,),
        questions=SHORT,
        requests=requests,
        seconds=BURST_SECONDS,
        request_seconds=120,
        pause_seconds=pause_seconds,
        kept_connections=False,
    ).run()


def price_of_one(platform: TeamPlatform, kubectl: Kubectl) -> float:
    """What one call costs, in US dollars, by the prices of the stack file."""
    with account(platform) as made:
        (answered,) = burst(kubectl, made, 1).answered
    price = next(model for model in platform.stack.value("models") if model["name"] == MODEL)["price"]
    return (
        answered.prompt_tokens * price["input_usd_per_million_tokens"]
        + answered.completion_tokens * price["output_usd_per_million_tokens"]
    ) / 1e6


def statuses(kubectl: Kubectl, pod: str) -> Counter[int]:
    """HTTP status → how many chat completions a replica has ended with it since it started."""
    log = kubectl.run("logs", "--namespace", GATEWAY, pod, "--container", "edge")
    entries = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return Counter(int(entry["status"]) for entry in entries if entry["path"] == CHAT)

"""What the gateway's database has recorded of one virtual key, read past the gateway with SQL."""

import hashlib
import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from lab.cluster import Kubectl
from tests.lab.load import Outcome

NAMESPACE = "bulkhead-gateway"
DATABASE_POD = "database-0"
SETTLE_SECONDS = 120.0
"""Spend is written in batches, of single requests and of sums, by each replica in turn.

The turn is a lock in Redis, which a replica cannot give back while Redis is away: the sums then wait for the minute
after which LiteLLM lets the lock lapse (`DEFAULT_CRON_JOB_LOCK_TTL_SECONDS`).
"""
REST_SECONDS = 15.0
"""Twice as long as between two writes of the sums, which take one to six seconds and the time of the write."""
PRICE = (Decimal("0.20"), Decimal("0.60"))
"""US dollars for a million tokens, in and out, as the local stack has them."""
DUST = Decimal("1e-12")
"""US dollars. The sums are binary fractions in the database; one token costs 200,000 times as much."""


@dataclass(frozen=True)
class Entry:
    """One request in the spend log: its id, its tokens, and what it cost in US dollars."""

    identifier: str
    prompt_tokens: int
    completion_tokens: int
    spend: Decimal


@dataclass(frozen=True)
class Balance:
    """What was spent with a key, as the database's three places have it, in US dollars.

    Attributes:
        entries: The spend log, one entry for each request that cost something, by id.
        team: The sum that the tenant's budget is held against.
        key: The sum of its key.
    """

    entries: dict[str, Entry]
    team: Decimal
    key: Decimal

    @property
    def logged(self) -> Decimal:
        """The sum over the spend log."""
        return sum((entry.spend for entry in self.entries.values()), Decimal(0))

    def since(self, before: "Balance") -> "Balance":
        """What has been added since an earlier balance."""
        added = {name: entry for name, entry in self.entries.items() if name not in before.entries}
        return Balance(added, self.team - before.team, self.key - before.key)

    def missing(self, answered: Iterable[Outcome]) -> tuple[Outcome, ...]:
        """Answers that the spend log lacks, or has with other tokens."""
        return tuple(outcome for outcome in answered if not self._holds(outcome))

    def _holds(self, outcome: Outcome) -> bool:
        entry = self.entries.get(outcome.identifier)
        counted = (outcome.prompt_tokens, outcome.completion_tokens)
        return entry is not None and (entry.prompt_tokens, entry.completion_tokens) == counted

    @property
    def agrees(self) -> bool:
        """Whether the three places have the same sum."""
        return abs(self.team - self.logged) < DUST and abs(self.key - self.logged) < DUST


def query(kubectl: Kubectl, sql: str) -> str:
    """What the gateway's database answers to a statement, as text without headings."""
    command = ["psql", "--username=litellm", "--dbname=litellm", "--no-align", "--tuples-only", "--command", sql]
    where = ["exec", "--namespace", NAMESPACE, DATABASE_POD, "--container=postgresql", "--"]
    return kubectl.run(*where, *command)


class Ledger:
    """The database's records of one key.

    Args:
        kubectl: Bound to the lab.
        key: The tenant's virtual key; only its digest is sent anywhere.
    """

    def __init__(self, kubectl: Kubectl, key: str) -> None:
        self._kubectl = kubectl
        self._digest = hashlib.sha256(key.encode()).hexdigest()
        assert re.fullmatch("[0-9a-f]{64}", self._digest)

    def balance(self) -> Balance:
        """What is recorded now."""
        said = query(self._kubectl, _BALANCE.format(digest=self._digest))
        found = json.loads(said, parse_float=Decimal, parse_int=Decimal)
        entries = {
            entry["request_id"]: Entry(
                entry["request_id"],
                int(entry["prompt_tokens"]),
                int(entry["completion_tokens"]),
                Decimal(entry["spend"]),
            )
            for entry in found["entries"] or ()
        }
        return Balance(entries, Decimal(found["team"]), Decimal(found["key"]))

    def at_rest(self) -> Balance:
        """What is recorded once nothing is added any more: sums of answers from before may still be on their way."""
        known, since = self.balance(), time.monotonic()
        deadline = since + SETTLE_SECONDS
        while time.monotonic() - since < REST_SECONDS and time.monotonic() < deadline:
            time.sleep(1)
            if (found := self.balance()) != known:
                known, since = found, time.monotonic()
        return known

    def holding(self, number: int, seconds: float = SETTLE_SECONDS) -> Balance:
        """What is recorded at rest, once there are this many requests and the sums agree, or time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.balance()
            if len(found.entries) >= number and found.agrees:
                break
            time.sleep(1)
        return self.at_rest()

    def settled(self, before: Balance, answered: Iterable[Outcome], seconds: float = SETTLE_SECONDS) -> Balance:
        """What was added since `before`, as soon as it holds every answer and agrees; else what there is in the end."""
        expected = tuple(answered)
        deadline = time.monotonic() + seconds
        while True:
            added = self.balance().since(before)
            if (added.agrees and not added.missing(expected)) or time.monotonic() > deadline:
                return added
            time.sleep(1)


_BALANCE = """
select json_build_object(
  'entries', (
    select json_agg(json_build_object(
      'request_id', request_id, 'prompt_tokens', prompt_tokens,
      'completion_tokens', completion_tokens, 'spend', spend))
    from "LiteLLM_SpendLogs" where api_key = '{digest}' and spend > 0
  ),
  'key', (select spend from "LiteLLM_VerificationToken" where token = '{digest}'),
  'team', (
    select team.spend from "LiteLLM_TeamTable" team
    join "LiteLLM_VerificationToken" key using (team_id) where key.token = '{digest}'
  )
)
"""

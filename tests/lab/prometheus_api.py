"""Prometheus' HTTP API, as far as the tests ask it."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

JOBS = {"cache", "database", "engine", "gateway", "kueue", "prometheus", "tenants"}
"""What is scraped of the `trusted` platform."""

Sample = tuple[Mapping[str, str], float]


class QueryError(Exception):
    """Prometheus refuses the query."""


@dataclass(frozen=True)
class PrometheusApi:
    """A Prometheus behind a port of 127.0.0.1."""

    port: int

    def query(self, expression: str) -> list[Sample]:
        """The samples of an expression now.

        Raises:
            QueryError: It is no PromQL, or cannot be worked out.
        """
        data = self.get("query", query=expression)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(entry["metric"], float(entry["value"][1])) for entry in data["result"]]

    def get(self, path: str, **parameters: str) -> Any:
        """What `/api/v1/PATH` answers."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise QueryError(f"{parameters}: {error.read().decode()}") from error

    def down(self, jobs: Set[str]) -> list[str]:
        """Those targets of `jobs` that cannot be scraped, with the reason.

        Raises:
            AssertionError: Other jobs are scraped than these.
        """
        targets = self.get("targets", state="active")["activeTargets"]
        assert {target["labels"]["job"] for target in targets} == jobs
        return [f"{target['scrapeUrl']}: {target['lastError']}" for target in targets if target["health"] != "up"]

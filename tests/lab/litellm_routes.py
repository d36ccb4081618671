"""Run in the gateway's pod, where LiteLLM is reached without the edge in front of it.

Without an argument: print every route that LiteLLM serves, as [[path, methods], …]; needs LITELLM_MASTER_KEY. With a
JSON list of [method, path]: call each with the key on standard input, and print [[method, path, status], …].
"""

import json
import os
import sys
import urllib.error
import urllib.request

LITELLM = "http://127.0.0.1:4100"


def request(method: str, path: str, key: str) -> urllib.request.Request:
    """A request with a bearer key, and an empty JSON object where the method has a body."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return urllib.request.Request(LITELLM + path, b"{}" if method == "POST" else None, headers, method=method)  # noqa: S310


def status(method: str, path: str, key: str) -> int:
    """The status that a call is answered with."""
    try:
        with urllib.request.urlopen(request(method, path, key), timeout=60) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def main() -> None:
    """Print what is asked for."""
    if len(sys.argv) > 1:
        key = sys.stdin.readline().strip()
        print(json.dumps([[method, path, status(method, path, key)] for method, path in json.loads(sys.argv[1])]))
        return
    with urllib.request.urlopen(request("GET", "/routes", os.environ["LITELLM_MASTER_KEY"]), timeout=60) as answer:  # noqa: S310
        routes = json.load(answer)["routes"]
    print(json.dumps([[route["path"], sorted(route["methods"] or [])] for route in routes]))


if __name__ == "__main__":
    main()

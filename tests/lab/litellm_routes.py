"""Run in the gateway's pod, where LiteLLM is reached without the edge in front of it.

Without an argument: print every route that this LiteLLM declares, as [[method, path], …], read from its source, since
it loads many of them only when they are called and so cannot list them itself. With a JSON list of [method, path]: call
each with the key on standard input, and print [[method, path, status], …].
"""

import json
import re
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

LITELLM = "http://127.0.0.1:4100"
DECORATOR = re.compile(
    r"@\w*(?:router|app)\.(get|post|put|patch|delete|api_route)\(\s*(?:path=)?f?\"(/[^\"]*)\"([^)]*)"
)
METHOD = re.compile(r"\"(GET|POST|PUT|PATCH|DELETE)\"")
BODY = json.dumps({"key": "x", "team_id": "x", "team_alias": "x", "model": "x"}).encode()
"""What every path of the administration takes, so that the key is what is judged."""
PARAMETER = re.compile(r"\{[^}]*\}")


def declared() -> Iterator[tuple[str, str]]:
    """Method and path of each route, with a value in place of each parameter."""
    program = Path(shutil.which("litellm") or "/missing/bin/litellm").resolve()
    for file in program.parent.parent.glob("lib/python3*/site-packages/litellm/proxy/**/*.py"):
        for kind, path, rest in DECORATOR.findall(file.read_text(encoding="utf-8")):
            methods = METHOD.findall(rest) if kind == "api_route" else [kind.upper()]
            yield from ((method, PARAMETER.sub("x", path)) for method in methods)


def status(method: str, path: str, key: str) -> int:
    """The status that a call is answered with."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    content = BODY if method == "POST" else None
    request = urllib.request.Request(LITELLM + path, content, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def main() -> None:
    """Print what is asked for."""
    if len(sys.argv) > 1:
        key = sys.stdin.readline().strip()
        print(json.dumps([[method, path, status(method, path, key)] for method, path in json.loads(sys.argv[1])]))
    else:
        print(json.dumps(sorted(set(declared()))))


if __name__ == "__main__":
    main()

"""The process: reads its environment and files, and ends with a code that says whether another try may help.

Environment: GATEWAY_URL, LITELLM_MASTER_KEY; RECORDS_DIRECTORY with `tenants.json`; KEYS_DIRECTORY with one file for
each tenant's key, and one for its former key while that works; INTERVAL_SECONDS between two passes; FORGET_SECONDS,
how long a replica of the gateway may act on what it remembers of a key; STATUS_PORT for `/ready` and `/metrics`. With
the argument `--once` it makes a single pass, serves nothing and ends.

Exit codes: 0 told to end, or the one pass is made; 1 the gateway could not be reached, refused a write, or did not
settle, so that another try may help; 2 the records, the keys or the master key are wrong, so that none will.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .admin import HttpAdmin, connect_to
from .errors import GatewayError, InputError, StoppedError
from .inputs import read_tenants
from .loop import Reconciler, Stop, Times
from .status import Status, serve

READY_SECONDS = 300.0
ONCE = "--once"


def main(environment: Mapping[str, str], arguments: Sequence[str] = (), stop: Stop | None = None) -> int:
    """Reconcile the gateway that the environment names, until `stop` is set."""
    try:
        reconciler = _reconciler(environment, stop or Stop())
        if ONCE in arguments:
            reconciler.wait_until_ready(READY_SECONDS)
            reconciler.one_pass()
        else:
            _run(reconciler, environment)
    except StoppedError:
        return 0
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except GatewayError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _reconciler(environment: Mapping[str, str], stop: Stop) -> Reconciler:
    master_key = environment.get("LITELLM_MASTER_KEY", "")
    if not master_key:
        raise InputError("LITELLM_MASTER_KEY is not set")
    tenants = read_tenants(
        Path(environment.get("RECORDS_DIRECTORY", ".")), Path(environment.get("KEYS_DIRECTORY", "."))
    )
    connect = connect_to(environment.get("GATEWAY_URL", ""))
    admin = HttpAdmin(connect, master_key, [key for tenant in tenants for key in tenant.keys.values()], stop.pause)
    return Reconciler(tenants, admin, Status(), stop, _say)


def _run(reconciler: Reconciler, environment: Mapping[str, str]) -> None:
    times = Times(_number(environment, "INTERVAL_SECONDS"), _number(environment, "FORGET_SECONDS"), READY_SECONDS)
    with serve(reconciler.status, int(_number(environment, "STATUS_PORT"))) as server:
        try:
            reconciler.run(times)
        finally:
            server.shutdown()


def _number(environment: Mapping[str, str], name: str) -> float:
    try:
        return float(environment[name])
    except (KeyError, ValueError):
        raise InputError(f"{name} is not set to a number") from None


def _say(text: str) -> None:
    print(text, flush=True)


def _main() -> None:
    stop = Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    sys.exit(main(os.environ, sys.argv[1:], stop))


if __name__ == "__main__":
    _main()

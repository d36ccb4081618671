"""Passes, again and again, until the process is told to end."""

import datetime
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .admin import HttpAdmin
from .errors import GatewayError, StoppedError
from .model import Tenant
from .passes import Settled, reconcile, seconds_to_forget
from .status import Status

RETRY_SECONDS = 2.0
"""Between two looks at a gateway that is not there yet."""
LOOK_SECONDS = 0.25
"""Between two looks, in a pause, at whether to end."""


@dataclass(frozen=True)
class Times:
    """Seconds: between two passes, until a replica has forgotten a key, and until a first pass must have ended."""

    interval: float
    forget: float
    ready: float


class Stop:
    """Set by a signal; whoever pauses ends within moments.

    A plain flag: a signal's handler runs in the middle of whatever the main thread does, and would wait for ever for
    the lock of a `threading.Event` that the same thread is about to wait for.
    """

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """End at the next pause."""
        self._is_set = True

    def pause(self, seconds: float) -> None:
        """Wait so long, or not at all; raises StoppedError once it is set."""
        deadline = time.monotonic() + seconds
        while not self._is_set and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))
        if self._is_set:
            raise StoppedError


@dataclass(frozen=True)
class Reconciler:
    """Keeps the gateway's accounts what they have to be.

    Attributes:
        tenants: Everybody who is to have an account.
        admin: The gateway.
        status: Where it is noted how it went.
        stop: Ends it.
        say: Prints a line.
    """

    tenants: Sequence[Tenant]
    admin: HttpAdmin
    status: Status
    stop: Stop
    say: Callable[[str], None]

    def run(self, times: Times) -> None:
        """Pass after pass; returns when told to end.

        Raises:
            GatewayError: The first pass did not end in time; a later one may fail, and is made up for by the next.
            InputError: The gateway refuses the master key.
        """
        try:
            settled = self._first_pass(times.ready)
            self.stop.pause(seconds_to_forget(settled, times.forget, datetime.datetime.now(datetime.UTC)))
            self.status.become_ready()
            told = self._tell(settled.strangers, ())
            while True:
                self.stop.pause(times.interval)
                try:
                    told = self._tell(self.one_pass().strangers, told)
                except GatewayError as error:
                    self.say(f"error: {error}")
        except StoppedError:
            self.say("told to end")

    def one_pass(self) -> Settled:
        """One pass, noted in the status.

        Raises:
            GatewayError: The gateway could not be reached or did not settle, or it refused a write: once all others
                are made, with the tenants' names.
            InputError: The gateway refuses the master key.
            StoppedError: The process was told to end.
        """
        start = time.monotonic()
        try:
            settled = reconcile(self.tenants, self.admin, self.say)
            self.status.saw(self.tenants, settled)
            settled.require_all_written()
        except GatewayError:
            self.status.failed(time.monotonic() - start)
            raise
        finally:
            # The next pass may find another replica; a connection kept for a minute would be a dead one.
            self.admin.close()
        seconds = time.monotonic() - start
        if settled.written or not self.status.ready:
            self.say(f"{len(self.tenants)} tenants as listed; {settled.written} writes, {seconds:.1f} seconds")
        self.status.succeeded(seconds, time.time())
        return settled

    def wait_until_ready(self, seconds: float) -> None:
        """Return once the gateway has its database; raises GatewayError after `seconds`."""
        deadline = time.monotonic() + seconds
        while not self.admin.has_database():
            if time.monotonic() >= deadline:
                raise GatewayError("the gateway has no database yet, or does not answer")
            self.stop.pause(RETRY_SECONDS)

    def _first_pass(self, seconds: float) -> Settled:
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.wait_until_ready(deadline - time.monotonic())
                return self.one_pass()
            except GatewayError as error:
                if time.monotonic() >= deadline:
                    raise
                self.say(f"error: {error}")
                self.stop.pause(RETRY_SECONDS)

    def _tell(self, strangers: tuple[str, ...], told: tuple[str, ...]) -> tuple[str, ...]:
        """Say what is new since the last pass."""
        for stranger in strangers:
            if stranger not in told:
                self.say(stranger)
        return strangers

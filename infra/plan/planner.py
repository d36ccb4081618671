"""Running a Pulumi program with nothing behind it."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, cast

from pulumi.runtime import settings
from pulumi.runtime.stack import run_in_stack

from infra.config.stack import PROJECT
from infra.plan.model import Plan
from infra.plan.recorder import Provider, QuietEngine, Recorder
from infra.posture import Platform
from infra.program import register, secrets_from_values

STILL_ROUNDS = 200
"""Rounds of the event loop without an output done; the longest chain within one resource takes about twenty."""

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def plan(platform: Platform, secrets: Mapping[str, str] | None = None, provider: Provider | None = None) -> Plan:
    """Everything that the program would register for `platform`.

    Args:
        platform: A platform whose posture is sound.
        secrets: Stand-ins for the stack's secrets that are set, by name, as `database_url`.
        provider: Answers what providers would, for a run as in an update; None: a preview.
    """
    return record(platform.posture.stack, lambda: register(platform, secrets_from_values(secrets or {})), provider)


def record(stack: str, program: Callable[[], None], provider: Provider | None = None) -> Plan:
    """Everything that `program` would register in a stack of that name.

    Nothing of it outlives the call, and nothing of the caller's is touched: the SDK keeps its state in context
    variables, and these, like the event loop, are the own ones of a thread that ends with the call.

    Args:
        stack: The stack's name.
        program: What registers resources.
        provider: Answers what providers would, for a run as in an update; None: a preview.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="bulkhead-plan") as thread:
        return thread.submit(_record, stack, program, provider).result()


def _record(stack: str, program: Callable[[], None], provider: Provider | None) -> Plan:
    recorder, engine = Recorder(provider), QuietEngine()
    settings.configure(
        settings.Settings(
            project=PROJECT,
            stack=stack,
            monitor=cast("Any", recorder),
            engine=cast("Any", engine),
            dry_run=provider is None,
            organization="organization",
        )
    )
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        loop.set_default_executor(InlineExecutor())
        # What a program that failed leaves waiting must not drown its own error.
        loop.set_exception_handler(lambda _loop, _context: None)
        runner.run(run_in_stack(lambda: _settled(program)))
    return Plan(
        stack=stack,
        resources=tuple(sorted(recorder.planned, key=lambda resource: resource.urn)),
        outputs=recorder.stack_outputs,
        warnings=tuple(engine.warnings),
    )


async def _settled(program: Callable[[], None]) -> None:
    """Run `program`, then let its outputs come to rest before the SDK looks at them.

    The SDK waits for all outputs at once each time that one is done, which takes the square of their number. What is
    left when nothing moves any more, as an output that failed, is still the SDK's to report.
    """
    program()
    pending, still = _outputs_pending(), 0
    while pending and still < STILL_ROUNDS:
        await asyncio.sleep(0)
        now = _outputs_pending()
        still = still + 1 if now == pending else 0
        pending = now


def _outputs_pending() -> int:
    return len(cast("Any", settings.SETTINGS).outputs)


class InlineExecutor(ThreadPoolExecutor):
    """Runs each call at once, in the caller's thread.

    The recorder answers without waiting for anything, so threads would cost time and give nothing.
    """

    def submit(
        self, fn: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Result]:
        """Call `fn` and return a future that is done."""
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

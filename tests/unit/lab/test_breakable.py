"""What the lab's test of a broken isolation mounts into the gateway: it changes nothing until something is broken."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.gateway import hooks
from tests.lab import breakable
from tests.lab.breakable import CALLBACKS, INSTALLED, JUDGEMENTS, MODULE, SWITCH

ASK = """
import asyncio, sys
from types import SimpleNamespace
from bulkhead_gateway.isolation import Domains, Engine, Isolation
from bulkhead_gateway.startup import make_callback

address = "http://engine:8000/v1"
isolation = Isolation(Domains({address: Engine("tiny", None)}, frozenset({"tiny"})), b"k" * 32)
callback = make_callback(object, isolation, lambda problem, reason: RuntimeError(reason))

async def served():
    asked = {"model": "tiny"}
    await callback.async_pre_call_hook(SimpleNamespace(team_id="a-team"), None, asked, "acompletion")
    await callback.async_filter_deployments("tiny", [{"litellm_params": {"api_base": address}}], None)
    sent = await callback.async_pre_call_deployment_hook({**asked, "api_base": address}, None)
    assert sent["extra_body"]["cache_salt"]

try:
    asyncio.run(served())
except RuntimeError as error:
    print(error)
else:
    print("served")
"""


def asked(folder: Path, broken: str | None) -> str:
    """What a request is told in a process with the package, in which something is broken."""
    package, switch = folder / hooks.PACKAGE, folder / "broken"
    package.mkdir()
    files = {**hooks.sources(), f"{MODULE}.py": Path(breakable.__file__).read_text(encoding="utf-8")}
    files["callback.py"] += INSTALLED
    for name, text in files.items():
        (package / name).write_text(text.replace(SWITCH, str(switch)), encoding="utf-8")
    if broken is not None:
        switch.write_text(broken, encoding="utf-8")
    script = f"import sys; sys.path.insert(0, {str(folder)!r}); exec({ASK!r})"
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_while_nothing_is_broken_requests_are_served(tmp_path: Path) -> None:
    assert asked(tmp_path, None) == "served"


@pytest.mark.parametrize("name", [*CALLBACKS, *JUDGEMENTS])
def test_what_is_broken_raises(tmp_path: Path, name: str) -> None:
    told = "broken on purpose" if name in CALLBACKS else "the isolation of caches failed"

    assert asked(tmp_path, name) == told

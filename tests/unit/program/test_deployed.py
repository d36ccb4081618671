"""What the program asks the engine about the last deployment."""

from typing import Any, ClassVar

import pulumi
import pytest

from infra.program import deployed


class Answer:
    value: ClassVar[dict[str, Any]] = {"outputs": {"posture": {"tier": "governed"}}}


def answering(monkeypatch: pytest.MonkeyPatch, failures: int) -> list[str]:
    """Let the engine fail so many times before it answers; returns what it is asked."""
    asked: list[str] = []

    def invoke(token: str, arguments: dict[str, Any]) -> Answer:
        asked.append(arguments["name"])
        if len(asked) <= failures:
            raise RuntimeError("the backend is busy\x1b[31m")
        return Answer()

    monkeypatch.setattr("pulumi.runtime.invoke", invoke)
    monkeypatch.setattr(deployed, "PAUSE_SECONDS", 0)
    return asked


def test_an_engine_that_fails_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, failures=1)

    assert deployed.last_outputs() == {"posture": {"tier": "governed"}}
    assert len(asked) == 2


def test_an_engine_that_goes_on_failing_is_told_of_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, failures=9)

    with pytest.raises(pulumi.RunError, match="cannot be read: the backend is busy") as refusal:
        deployed.last_outputs()
    assert "\x1b" not in str(refusal.value)

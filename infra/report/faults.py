"""Faults of a stack file, as JSON and as text."""

import json
from typing import TypedDict

from infra.faults import Fault, FaultsFoundError
from infra.report.text import printable


class FaultDocument(TypedDict):
    """One fault; see `Fault` for what each field means."""

    path: str
    wrong: str
    follows: str
    write: str


class FaultsDocument(TypedDict):
    """Why a stack file was refused."""

    faults: list[FaultDocument]


def faults_document(error: FaultsFoundError) -> FaultsDocument:
    """Every fault of `error` as plain lists, dictionaries and strings."""
    return {
        "faults": [
            {"path": fault.path, "wrong": fault.wrong, "follows": fault.follows, "write": fault.write}
            for fault in error.faults
        ]
    }


def faults_json(error: FaultsFoundError) -> str:
    """Every fault of `error` as JSON text in ASCII; no final line break."""
    return json.dumps(faults_document(error), indent=2)


def faults_text(error: FaultsFoundError) -> str:
    """Every fault of `error` for a person to read on a terminal."""
    safe = (
        Fault(printable(fault.path), printable(fault.wrong), printable(fault.follows), printable(fault.write))
        for fault in error.faults
    )
    return str(FaultsFoundError(printable(error.origin), safe))

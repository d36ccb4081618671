"""The page of versions, made from the pins."""

from infra.pins import CHARTS, FLOORS, IMAGES, POD_SECURITY_VERSION, ChartPin, FloorPin
from infra.report.markdown import code, page, table


def pin_reference() -> str:
    """The page, as Markdown."""
    return page(
        "Versions",
        "Every image and chart that a stack deploys, and the oldest version of each that is let through.",
        table(
            ["what", "reference", "why this version"],
            [
                *([name, code(pin.reference()), pin.reason] for name, pin in IMAGES.items()),
                *(_chart(name, pin) for name, pin in CHARTS.items()),
            ],
        ),
        "## Floors",
        table(
            ["what", "oldest version", "older ones are open to", "known to be open", "refused as well"],
            map(_floor, FLOORS.items()),
        ),
        "## Pod Security",
        f"Namespaces are held to the Pod Security Standards of {code(POD_SECURITY_VERSION)}, an explicit version, so"
        " that an upgrade of the cluster refuses no pod by itself.",
    )


def _chart(name: str, pin: ChartPin) -> list[str]:
    return [name, code(f"{pin.registry}/{pin.repository}:{pin.version}"), pin.reason]


def _floor(entry: tuple[str, FloorPin]) -> list[str]:
    name, floor = entry
    refused = (f"{_dotted(version)}: {reason}" for version, reason in floor.refused)
    return [name, _dotted(floor.version), floor.advisory, floor.open or "nothing", "; ".join(refused) or "none"]


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))

"""The link by which a project's stack file finds the pinned charts, as `.charts/<name>`."""

from pathlib import Path

from lab.binaries.assets import ensure_charts
from lab.errors import LabError
from lab.progress import Progress

_LINK = ".charts"


def lay_charts(project: Path, progress: Progress) -> None:
    """Make the pinned charts and put a link to them into the folder `project`, unless it is there.

    Raises:
        LabError: When something else has the link's name, or a chart cannot be had.
    """
    link = project / _LINK
    charts = ensure_charts(progress)
    if link.is_symlink() and link.readlink() == charts:
        return
    if link.exists() and not link.is_symlink():
        raise LabError(f"{link} is in the way of the link to the pinned charts. Remove it and run this again.")
    link.unlink(missing_ok=True)
    link.symlink_to(charts)

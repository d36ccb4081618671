"""`bulkhead:sources`: where images and charts come from, for mirrors and air-gapped sites."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from infra.config import forms
from infra.config.base import StackFilePart


class ChartName(StrEnum):
    """The Helm charts that the platform installs."""

    KUEUE = "kueue"
    KYVERNO = "kyverno"


class OciChart(StackFilePart):
    """A chart in an OCI registry."""

    kind: Literal["oci"]
    """`oci`: an OCI registry."""
    url: str = Field(pattern=forms.OCI_CHART.pattern, examples=["oci://registry.example.com/charts/kueue"])
    """The chart's address without a tag, as oci://registry.example.com/charts/kueue."""


class RepositoryChart(StackFilePart):
    """A chart in a classic Helm repository."""

    kind: Literal["repository"]
    """`repository`: an HTTPS Helm repository."""
    url: str = Field(pattern=forms.CHART_REPOSITORY.pattern, examples=["https://charts.example.com"])
    """The repository's address."""


class FolderChart(StackFilePart):
    """A chart in a folder on the machine that runs the program."""

    kind: Literal["folder"]
    """`folder`: a folder that holds Chart.yaml."""
    path: str = Field(pattern=forms.FOLDER.pattern, examples=[".charts/kueue"])
    """The folder, relative to the project and inside it."""


ChartSource = Annotated[OciChart | RepositoryChart | FolderChart, Field(discriminator="kind")]


class Sources(StackFilePart):
    """Where images and charts come from."""

    mirror: str | None = Field(
        default=None,
        examples=["registry.example.com/mirror"],
        pattern=forms.MIRROR.pattern,
    )
    """A registry, with an optional path, that mirrors every image and OCI chart, as registry.example.com/mirror."""
    charts: dict[ChartName, ChartSource] = Field(
        default_factory=dict[ChartName, ChartSource], examples=[{"kueue": {"kind": "folder", "path": ".charts/kueue"}}]
    )
    """A source for one chart, in place of its own registry or the mirror."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.images import debian
from lab.images.debian import SUITE, archive_sources, bootstrap_command, sources
from lab.images.errors import ImageEnvironmentError

INDEXES = """\
Packages|http://mirror.example/debian/|bookworm|main
Translations|http://mirror.example/debian/|bookworm|main
Packages|http://mirror.example/debian/|bookworm-updates|main
Packages|http://mirror.example/debian/|bookworm|contrib
Packages|http://mirror.example/debian-security/|bookworm-security|main
Packages|https://vendor.example/apt|cloud-sdk-bookworm|main
Packages|http://mirror.example/debian/|trixie|main
"""


def test_this_machines_own_mirrors_of_the_release_are_used() -> None:
    assert sources(INDEXES) == (
        "deb http://mirror.example/debian-security/ bookworm-security main",
        "deb http://mirror.example/debian/ bookworm main",
        "deb http://mirror.example/debian/ bookworm-updates main",
    )


OTHER_DEBIAN = 'PRETTY_NAME="Debian GNU/Linux"\nID=debian\nVERSION_CODENAME=trixie\n'


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Lets this machine be another one: what its apt reads, and what it says that it is."""

    def becomes(index_targets: str, os_release: str) -> None:
        described = tmp_path / "os-release"
        described.write_text(os_release)
        monkeypatch.setattr(debian, "read_index_targets", lambda: index_targets)
        monkeypatch.setattr(debian, "_OS_RELEASE", described)

    return becomes


def test_a_debian_of_another_release_takes_the_release_from_its_own_archive(
    machine: Callable[[str, str], None],
) -> None:
    machine(INDEXES.replace("bookworm", "sid"), OTHER_DEBIAN)

    assert archive_sources() == ("deb http://mirror.example/debian/ bookworm main",)


@pytest.mark.parametrize(
    ("index_targets", "os_release"),
    [
        ("Packages|http://mirror.example/ubuntu/|noble|main\n", "ID=ubuntu\nVERSION_CODENAME=noble\n"),
        ("", OTHER_DEBIAN),
    ],
    ids=["another distribution", "no archive"],
)
def test_a_machine_without_an_archive_of_debian_s_is_told_so(
    machine: Callable[[str, str], None], index_targets: str, os_release: str
) -> None:
    machine(index_targets, os_release)

    with pytest.raises(ImageEnvironmentError, match="nothing was built"):
        archive_sources()


def test_the_base_system_is_made_of_the_archive_that_is_named() -> None:
    line = "deb http://mirror.example/debian/ bookworm main"

    assert bootstrap_command("/target", (line,))[-3:] == (SUITE, "/target", line)

"""The system programs that the cluster runs, from Debian packages where they are missing."""

import os
import shutil
import subprocess
from pathlib import Path

from lab.errors import LabEnvironmentError
from lab.progress import Progress

_SYSTEM_PATH = os.pathsep.join(
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/lib/cni"]
)

PACKAGE_OF = {
    "ip": "iproute2",
    "ipset": "ipset",
    "iptables": "iptables",
    "nft": "nftables",
    "nsenter": "util-linux",
    "openssl": "openssl",
    "ptp": "containernetworking-plugins",
    "runc": "runc",
}
"""Every system program that the cluster needs, with the package that holds it."""


def missing_packages() -> list[str]:
    """Return the packages of the programs that are not on this machine."""
    return sorted({package for program, package in PACKAGE_OF.items() if not shutil.which(program, path=_SYSTEM_PATH)})


def ensure_packages(progress: Progress) -> None:
    """Install the packages that are missing.

    Raises:
        LabEnvironmentError: When the system is not Debian-like or the installation fails.
    """
    missing = missing_packages()
    if not missing:
        return
    names = " ".join(missing)
    if not shutil.which("apt-get"):
        raise LabEnvironmentError(
            f"The cluster needs the system packages {names}, and this machine has no apt-get to install them with. "
            "Install them by hand, then run this again."
        )
    progress(f"installing system packages: {names}")
    # A fresh machine's package lists are empty or old: the first try tells.
    if _install(missing) is None:
        return
    _apt_get("update", "-qq")
    failure = _install(missing)
    if failure is not None or missing_packages():
        raise LabEnvironmentError(
            f"Installing the system packages {names} failed: {failure or 'their programs are still missing'}. "
            f"Run `apt-get install {names}` to see why, then run this again."
        )


def require_root() -> None:
    """Check that this process may make namespaces, mounts and control groups.

    Raises:
        LabEnvironmentError: When it is not root on Linux.
    """
    if not Path("/proc/self/ns/net").exists():
        raise LabEnvironmentError(
            "The lab's cluster needs Linux. On another system, use a context of your own cluster."
        )
    if os.geteuid() != 0:
        raise LabEnvironmentError(
            "The lab's cluster needs root: it makes a network namespace, mounts and control groups. Nothing was "
            "changed. Run it as root (`sudo --preserve-env=HOME,PATH`), or use a context of your own cluster."
        )


def _install(packages: list[str]) -> str | None:
    return _apt_get("install", "-y", "-qq", "--no-install-recommends", *packages)


def _apt_get(*arguments: str) -> str | None:
    """Run apt-get and return its last line when it fails."""
    done = subprocess.run(
        ["apt-get", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    return ((done.stderr.strip() or done.stdout.strip()).splitlines() or ["apt-get said nothing"])[-1]

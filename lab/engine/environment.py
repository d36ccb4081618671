"""The environment in which an ordinary `pulumi` runs against the lab: home, state, plugins, cluster."""

import os
import sys
from pathlib import Path

from lab.engine.discover import Choice, choose
from lab.engine.plugins import LAUNCHER_PYTHON
from lab.paths import lab_stacks_directory, private_directory, pulumi_directory, state_directory


def state_backend() -> Path:
    """Return the folder of the file backend that holds the stacks on the lab's own cluster (mode 0700)."""
    private_directory(private_directory(pulumi_directory()) / "state")
    return private_directory(lab_stacks_directory())


def engine_environment(choice: Choice | None = None, kubeconfig: Path | None = None) -> dict[str, str]:
    """Return the variables to set over the caller's own environment for any `pulumi` command.

    The passphrase is empty: the lab's state is thrown away with the lab, and readable by its user alone.
    `kubeconfig` defaults to the running lab's; without a lab the user's own stays in force.

    Raises:
        EngineMissing: There is no Pulumi command line that fits.
    """
    choice = choice or choose()
    chosen = kubeconfig or state_directory() / "kubeconfig"
    variables = {
        "PATH": os.pathsep.join([str(_command_folder(choice)), str(Path(sys.executable).parent), _users_path()]),
        "PULUMI_HOME": str(choice.home),
        "PULUMI_BACKEND_URL": state_backend().as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_CONFIG_PASSPHRASE_FILE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        LAUNCHER_PYTHON: sys.executable,
    }
    return {**variables, "KUBECONFIG": str(chosen)} if chosen.exists() else variables


def _command_folder(choice: Choice) -> Path:
    """Return a folder that holds the chosen command line alone, so that no other binary of the lab leaks in."""
    folder = private_directory(pulumi_directory()) / "bin"
    folder.mkdir(exist_ok=True)
    link = folder / "pulumi"
    if not link.is_symlink() or link.readlink() != choice.cli.path:
        fresh = folder / f"pulumi.{os.getpid()}"
        fresh.symlink_to(choice.cli.path)
        fresh.replace(link)
    return folder


def _users_path() -> str:
    return os.environ.get("PATH", os.defpath)

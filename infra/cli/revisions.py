"""What a file held at a revision, asked of git."""

import subprocess
from pathlib import Path

from infra.faults import CommandFailedError, Fault, FaultsFoundError

GIT_SECONDS = 60
"""A repository on a slow disk answers within seconds; a minute means that something hangs."""


def file_since(revision: str, path: Path) -> bytes | None:
    """The file's content where the history of the working tree parted from a revision; None where it is not there.

    What others changed at the revision since then is no part of the change in the working tree.

    Args:
        revision: A branch, a tag, a commit, or whatever else names one to git.
        path: The file, in the working tree of the repository that is asked.

    Raises:
        FaultsFoundError: there is no such revision, or it has no history in common with the working tree.
        CommandFailedError: git is not there, or there is no repository.
    """
    folder = path.absolute().parent
    commit = _parting(revision, folder)
    tracked = _git(folder, "ls-tree", "--name-only", "-z", commit, "--", path.name)
    if tracked.returncode != 0:
        raise _failed(f"git ls-tree did not answer: {_reason(tracked)}")
    if not tracked.stdout:
        return None
    shown = _git(folder, "show", f"{commit}:./{path.name}")
    if shown.returncode != 0:
        raise _failed(f"git show did not answer: {_reason(shown)}")
    return shown.stdout


def changed_since(revision: str, folder: Path) -> list[str]:
    """Paths below `folder`, from there, of what changed since the history of the working tree parted from a revision.

    Raises:
        FaultsFoundError: there is no such revision, or it has no history in common with the working tree.
        CommandFailedError: git is not there, or there is no repository.
    """
    commit = _parting(revision, folder)
    found = _git(folder, "diff", "--name-only", "--relative", "--no-renames", "-z", commit)
    if found.returncode != 0:
        raise _failed(f"git diff did not answer: {_reason(found)}")
    return sorted(path for path in found.stdout.decode().split("\0") if path)


def _parting(revision: str, folder: Path) -> str:
    """The best commit that both a revision and the working tree's come from."""
    found = _git(folder, "merge-base", _commit(revision, folder), "HEAD")
    if found.returncode not in {0, 1}:
        raise _failed(f"git merge-base did not answer: {_reason(found)}")
    if found.returncode == 1:
        raise _no_base(
            f"git knows no commit that both {revision} and the working tree come from",
            "what the change starts from is not known",
            "a branch, a tag or a commit of the same history; a shallow clone has to fetch more of it first",
        )
    return found.stdout.decode().strip()


def _commit(revision: str, folder: Path) -> str:
    if _git(folder, "rev-parse", "--git-dir").returncode != 0:
        raise _failed(f"{folder} is in no git repository")
    found = None if revision.startswith("-") else _git(folder, "rev-parse", "--verify", f"{revision}^{{commit}}")
    if found is None or found.returncode != 0:
        raise _no_base(
            f"git knows no commit {revision}",
            "there is nothing to compare with",
            "a branch, a tag or a commit that `git rev-parse` finds; a shallow clone has to fetch it first",
        )
    return found.stdout.decode().strip()


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", folder, *arguments], capture_output=True, timeout=GIT_SECONDS, check=False)
    except FileNotFoundError:
        raise _failed("there is no git on PATH") from None
    except subprocess.TimeoutExpired:
        raise _failed(f"git did not answer within {GIT_SECONDS} s") from None


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit {done.returncode}"


def _no_base(wrong: str, follows: str, write: str) -> FaultsFoundError:
    return FaultsFoundError("bulkhead", [Fault("--base", wrong, follows, write)])


def _failed(wrong: str) -> CommandFailedError:
    write = "the command in the repository's working tree; `bulkhead diff --from FILE --to FILE` needs no git"
    return CommandFailedError("bulkhead", [Fault("git", wrong, "what stood there before is not known", write)])

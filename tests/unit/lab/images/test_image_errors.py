import pytest

from lab.images.errors import explain


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("dpkg: error: failed to write (No space left on device)", "the disk is full"),
        ("error: failed to copy: No space left on device (os error 28)", "the disk is full"),
        ("npm error code ENOSPC", "the disk is full"),
        ("W: Temporary failure resolving 'mirror'", "a package registry could not be reached"),
        ("error: Request failed after 3 retries\n  dns error", "a package registry could not be reached"),
        ("npm error code EAI_AGAIN", "a package registry could not be reached"),
        ("error: Hash mismatch for `uv==1`", "not the one that the lock file names"),
        ("npm error code EINTEGRITY", "not the one that the lock file names"),
        ("unshare: unshare failed: Operation not permitted", "mount namespaces are not allowed here"),
        ("first\n\nE: Unable to locate package x\n", "it ended with: E: Unable to locate package x"),
        ("", "it ended without a word"),
    ],
)
def test_a_tools_output_becomes_one_sentence_with_what_to_do(output: str, said: str) -> None:
    assert said in explain(output)

from lab.images.debian import SUITE, bootstrap_command, sources

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


def test_a_machine_of_another_release_leaves_the_choice_to_mmdebstrap() -> None:
    assert sources("Packages|http://mirror.example/ubuntu/|noble|main\n") == ()
    assert bootstrap_command("/target", ())[-2:] == (SUITE, "/target")

"""Reading `Pulumi.<stack>.yaml`: whatever the file is, there is one clear answer."""

import os
from pathlib import Path

import pytest
import yaml

from infra.config.loader import load_stack_file
from infra.faults import FaultsFoundError
from tests.unit.config.documents import TODAY, Document, document

ROOT = Path(__file__).parents[3]


def write(folder: Path, content: str | bytes, name: str = "Pulumi.dev.yaml") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def dumped(configuration: Document, **others: object) -> str:
    return yaml.safe_dump({**others, "config": configuration}, sort_keys=False)


def refused(path: Path) -> FaultsFoundError:
    with pytest.raises(FaultsFoundError) as refusal:
        load_stack_file(path, TODAY)
    return refusal.value


@pytest.mark.parametrize("path", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_the_committed_stack_files_are_sound(path: Path) -> None:
    stack, _ = load_stack_file(path, TODAY)

    assert path.name == f"Pulumi.{stack}.yaml"


def test_the_stack_s_name_is_the_file_s(tmp_path: Path) -> None:
    stack, configuration = load_stack_file(write(tmp_path, dumped(document(), encryptionsalt="v1:x")), TODAY)

    assert stack == "dev"
    assert configuration.tenants[0].name == "research"


def test_every_fault_is_reported_at_once_under_the_file_s_name(tmp_path: Path) -> None:
    changes = {"gateway.replicas": 2, "trust.tier": "trused", "database_url": "postgres://user:hunter2@host/db"}
    error = refused(write(tmp_path, dumped(document(changes), confg={})))

    assert [fault.path for fault in error.faults] == [
        "confg",
        "bulkhead:trust.tier",
        "bulkhead:gateway.replicas",
        "bulkhead:database_url",
    ]
    assert str(error).startswith("Pulumi.dev.yaml: 4 faults; nothing was changed.")
    assert "hunter2" not in str(error)


def test_a_missing_file_is_answered_with_the_stacks_that_there_are(tmp_path: Path) -> None:
    write(tmp_path, "", "Pulumi.dev.yaml")
    write(tmp_path, "", "Pulumi.prod.yaml")

    fault = refused(tmp_path / "Pulumi.staging.yaml").faults[0]

    assert "there is no file" in fault.wrong
    assert fault.write == "one of the stacks here: `dev` and `prod`"


def test_a_missing_folder_is_one_clear_fault(tmp_path: Path) -> None:
    assert "there is no file" in refused(tmp_path / "nowhere" / "Pulumi.dev.yaml").faults[0].wrong


def test_a_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    path.mkdir()

    assert refused(path).faults[0].wrong == "this is a folder"


@pytest.mark.parametrize(
    ("value", "held"), [("{}", "there is none"), ("5", "this is a whole number"), ("", "this is empty")]
)
def test_a_configuration_without_keys_is_refused_for_what_it_is(tmp_path: Path, value: str, held: str) -> None:
    path = write(tmp_path, f"config: {value}\n")

    assert refused(path).faults[0].wrong == f"keys with values are wanted here, and {held}"


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.dev.yaml"
    os.mkfifo(path)

    assert refused(path).faults[0].wrong == "this is not an ordinary file"


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, dumped(document()))

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)

    assert refused(path).faults[0].wrong == "it cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("name", "stack"), [("Pulumi.dev.yaml", "dev"), ("candidate.yaml", "candidate"), ("Pulumi.a b.yaml", "Pulumi.a b")]
)
def test_the_stack_is_named_by_the_file_whatever_the_file_is_called(tmp_path: Path, name: str, stack: str) -> None:
    assert load_stack_file(write(tmp_path, dumped(document()), name), TODAY)[0] == stack


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("config:\n  bulkhead:trust: {tier: trusted\n", "line 3, column 1"),
        ("config:\n\tbulkhead:trust: {}\n", "line 2, column 1"),
        ("config: &all {}\nother: *all\n", "an anchor or alias stands here"),
        ("config: *all\n", "an anchor or alias stands here"),
        ("config: !!python/object/apply:os.system [true]\n", "a tag stands here"),
        ("config: !!binary aGVsbG8=\n", "a tag stands here"),
        ("config: {}\n---\nconfig: {}\n", "a second YAML document begins here, and a stack file has one (line 2"),
        ("config:\n  ? [a, b]\n  : 1\n", "stands as a key here"),
        ("config: " + "[" * 100 + "]" * 100, "nested deeper than 64 levels"),
        ("config: 'a\x01b'\n", "a character that YAML does not allow"),
        (b"config: \xff\xfe\n", "not UTF-8 text (line 1)"),
        ("", "this one is empty"),
        ("- config\n", "this one is a list"),
        ("config\n", "this one is text"),
        ("encryptionsalt: v1:x\n", "no `config:`"),
        ("config:\n", "and this is empty"),
        ("config: []\n", "and this is a list"),
        ("x" * (1024 * 1024 + 1), "larger than 1024 KiB"),
    ],
    ids=lambda value: None if isinstance(value, str) and len(value) > 60 else repr(value),
)
def test_what_is_not_a_stack_file_is_one_clear_fault(tmp_path: Path, content: str | bytes, words: str) -> None:
    faults = refused(write(tmp_path, content)).faults

    assert words in faults[-1].wrong


def test_an_expanding_file_is_refused_before_it_expands(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + level)}: &{chr(98 + level)} [{', '.join([f'*{chr(97 + level)}'] * 9)}]\n" for level in range(12)
    )

    assert "an anchor or alias" in refused(write(tmp_path, bomb)).faults[0].wrong


def test_malformed_yaml_is_not_echoed(tmp_path: Path) -> None:
    error = refused(write(tmp_path, "config:\n  bulkhead:database_url: 'postgres://user:hunter2@host\n"))

    assert "hunter2" not in str(error)
    assert error.faults[0].path.startswith("Pulumi.dev.yaml:")


def test_keys_that_stand_twice_are_all_reported_with_their_lines(tmp_path: Path) -> None:
    content = dumped(document()) + "  bulkhead:trust: {tier: governed, tier: trusted}\nconfig: {}\n"

    wrongs = {fault.path: fault.wrong for fault in refused(write(tmp_path, content)).faults}

    assert wrongs["bulkhead:trust"].startswith("this key stands twice: on line 2 and on line")
    assert wrongs["bulkhead:trust.tier"].startswith("this key stands twice")
    assert wrongs["config"].startswith("this key stands twice: on line 1 and on line")


@pytest.mark.parametrize("word", ["yes", "on", "2027-05-01", "1_000", "12:30", "0o17", "null_", "0x1F"])
def test_plain_words_are_text_as_in_yaml_1_2(tmp_path: Path, word: str) -> None:
    content = dumped(document()).replace("context: dev", f"context: {word}")

    _, configuration = load_stack_file(write(tmp_path, content), TODAY)

    assert configuration.cluster.context == word  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


@pytest.mark.parametrize(("written", "read"), [("500", 500), ("5e2", 500), (".5", 0.5), ("500.25", 500.25)])
def test_numbers_are_read_as_yaml_1_2_writes_them(tmp_path: Path, written: str, read: float) -> None:
    content = dumped(document()).replace("usd: 500", f"usd: {written}")

    _, configuration = load_stack_file(write(tmp_path, content), TODAY)

    assert configuration.tenants[0].budget.usd == read


@pytest.mark.parametrize("written", [".nan", ".inf", "-.inf", "9" * 5000])
def test_numbers_that_are_none_or_have_no_end_are_refused(tmp_path: Path, written: str) -> None:
    content = dumped(document()).replace("usd: 500", f"usd: {written}")

    assert refused(write(tmp_path, content)).faults[0].path == "bulkhead:tenants[0].budget.usd"


@pytest.mark.parametrize("secret", ["model_hub_token", "database_url", "cache_url"])
def test_a_secret_in_the_clear_is_refused_without_being_shown(tmp_path: Path, secret: str) -> None:
    error = refused(write(tmp_path, dumped({**document(), f"bulkhead:{secret}": "hunter2"})))

    assert [fault.path for fault in error.faults] == [f"bulkhead:{secret}"]
    assert error.faults[0].write == f"pulumi config set --secret bulkhead:{secret}"
    assert "hunter2" not in str(error)


def test_an_encrypted_secret_is_accepted(tmp_path: Path) -> None:
    changes = {"gateway.database": {"kind": "external"}, "database_url": {"secure": "v1:x"}}

    load_stack_file(write(tmp_path, dumped(document(changes))), TODAY)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    load_stack_file(write(tmp_path, b"\xef\xbb\xbf" + dumped(document()).encode()), TODAY)


def test_a_key_beside_config_that_belongs_below_it_is_refused_so(tmp_path: Path) -> None:
    error = refused(write(tmp_path, dumped(document(), **{"bulkhead:sources": "x"})))

    assert (error.faults[0].path, error.faults[0].write) == ("bulkhead:sources", "it below `config:`")

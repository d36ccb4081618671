"""An empty or half-migrated schema stops the rollout; a complete one lets it go on."""

import pytest

from components.gateway.schema import check
from components.gateway.schema.check import expected_schema, missing, verdict
from components.gateway.schema.database import libpq_url

SCHEMA = """
enum Status {
  ACTIVE
  BLOCKED
}

// A comment, and a model's name in it: model Nothing { }
model Team {
  team_id    String   @id
  members    String[]
  status     Status   @default(ACTIVE)
  created    DateTime @default(now()) @map("created_at")
  spend      Float?
  keys       Key[]
  parent     Team?    @relation("tree", fields: [team_id], references: [team_id])
  @@index([created])
}

model Key {
  token String @id
  team  Team   @relation(fields: [token], references: [team_id])
  @@map("keys")
}
"""
COMPLETE = {
    "Team": frozenset({"team_id", "members", "status", "created_at", "spend"}),
    "keys": frozenset({"token"}),
}


def test_tables_and_columns_are_read_under_the_names_that_the_database_has() -> None:
    assert expected_schema(SCHEMA) == COMPLETE


def test_a_complete_schema_passes() -> None:
    assert verdict(COMPLETE, {**COMPLETE, "_prisma_migrations": frozenset({"migration_name"})}, ())[0] == 0


def test_an_empty_schema_fails() -> None:
    assert verdict(COMPLETE, {}, ()) == (
        1,
        "The schema is incomplete: it lacks Team, keys. The gateway must not roll.",
    )


def test_a_missing_column_fails_and_is_named() -> None:
    half = {**COMPLETE, "Team": COMPLETE["Team"] - {"spend"}}

    assert missing(COMPLETE, half) == ("Team.spend",)
    assert verdict(COMPLETE, half, ())[0] == 1


def test_a_migration_that_never_ended_fails_even_if_nothing_is_missing() -> None:
    code, sentence = verdict(COMPLETE, COMPLETE, ("20261001_rename",))

    assert code == 1
    assert "20261001_rename" in sentence


def test_more_than_is_expected_is_no_fault() -> None:
    assert verdict(COMPLETE, {**COMPLETE, "extra": frozenset({"a"})}, ())[0] == 0


def test_a_schema_that_names_nothing_proves_nothing() -> None:
    assert verdict({}, {}, ())[0] == 2


def test_parameters_that_prisma_alone_knows_are_left_out() -> None:
    url = "postgresql://u:p@h:5432/d?connection_limit=5&sslmode=require&schema=public"

    assert libpq_url(url) == "postgresql://u:p@h:5432/d?sslmode=require"


def test_without_a_url_nothing_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    assert check.main() == 2


def test_a_failure_to_connect_never_shows_the_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(url: str) -> None:
        raise ConnectionError(f"cannot reach {url}")

    monkeypatch.setenv("DATABASE_URL", "postgresql://u:sentinel@h/d")
    monkeypatch.setattr(check, "shipped_schema", lambda: SCHEMA)
    monkeypatch.setattr(check, "read_database", refuse)

    assert check.main() == 2
    assert "sentinel" not in "".join(capsys.readouterr())

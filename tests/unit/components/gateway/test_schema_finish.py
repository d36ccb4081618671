"""Which interrupted migrations may be finished without a person, and which are LiteLLM's to judge."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.gateway.schema import finish
from components.gateway.schema.finish import Interrupted, Remedy, remedy

COLUMN = 'ALTER TABLE "Team" ADD COLUMN "spend" INTEGER;'


def interrupted(script: str, *, logs: str = "", steps: int = 0, checksum: str = "") -> Interrupted:
    digest = checksum or hashlib.sha256(script.encode()).hexdigest()
    return Interrupted("5e3c", "20260101000000_spend", digest, logs, steps)


class RefusalError(Exception):
    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("sentinel")
        self.sqlstate = sqlstate


class Database:
    """Answers as psycopg does, and refuses scripts."""

    def __init__(self, scripts: dict[str, str], refusals: dict[str, str | None]) -> None:
        self.interrupted = [
            (name, name, hashlib.sha256(script.encode()).hexdigest(), "", 0) for name, script in scripts.items()
        ]
        self.refusals = {scripts[name].encode(): RefusalError(state) for name, state in refusals.items()}
        self.recorded: list[str] = []
        self.answer: list[Any] = []
        self.busy = 0
        self.locks: list[str] = []

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @contextmanager
    def transaction(self) -> Generator[None]:
        recorded = list(self.recorded)
        try:
            yield
        except Exception:
            self.recorded = recorded
            raise

    def execute(self, query: str | bytes, parameters: tuple[str, ...] = ()) -> "Database":
        if refusal := self.refusals.get(query if isinstance(query, bytes) else b""):
            raise refusal
        if query == finish.RECORD_END:
            self.recorded.extend(parameters)
        self.answer = self.interrupted if query == finish.INTERRUPTED else [(True,)]
        if query in {finish.TRY_LOCK, finish.UNLOCK}:
            self._locked(str(query))
        return self

    def _locked(self, query: str) -> None:
        free = query == finish.UNLOCK or len(self.locks) >= self.busy
        self.locks.append(query)
        self.answer = [(free,)]

    def fetchall(self) -> list[Any]:
        return self.answer


SCRIPTS = {name: f'ALTER TABLE "Team" ADD COLUMN "{name}" INTEGER;' for name in ("one", "two", "three")}


def shipped(folder: Path) -> Path:
    for name, script in SCRIPTS.items():
        (folder / "migrations" / name).mkdir(parents=True)
        (folder / "migrations" / name / "migration.sql").write_text(script, encoding="utf-8")
    return folder


def judged(script: str) -> Remedy:
    return remedy(interrupted(script), script.encode())


@pytest.mark.parametrize(
    "script",
    [
        COLUMN,
        'CREATE TABLE IF NOT EXISTS "Key" ("token" TEXT);\nCREATE INDEX "Key_token" ON "Key" ("token");',
        "-- UPDATE is only spoken of\nDROP INDEX a;",
        "DO $$\nBEGIN\n  IF NOT EXISTS (SELECT 1) THEN\n  ALTER TABLE a ADD CONSTRAINT d CHECK (e);\n  END IF;\nEND $$",
        "DO $$ BEGIN CREATE TYPE a AS ENUM ('b'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;",
        "COMMENT ON TABLE a IS 'first; delete it one day';",
        "CREATE FUNCTION count() RETURNS TRIGGER AS $$\nBEGIN\n  UPDATE a SET b = b + 1;\nEND;\n$$ LANGUAGE plpgsql;",
        "CREATE TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON a FOR EACH STATEMENT EXECUTE PROCEDURE count();",
        "ALTER TABLE a ADD CONSTRAINT e FOREIGN KEY (b) REFERENCES c (d) ON DELETE CASCADE ON UPDATE CASCADE;",
        "ALTER TABLE a DROP COLUMN IF EXISTS b, ADD COLUMN c TEXT[] DEFAULT ARRAY['x, DROP COLUMN c', 'y']::TEXT[];",
        "ALTER TABLE a ALTER COLUMN b DROP NOT NULL, ALTER COLUMN c SET DATA TYPE BIGINT;",
        "ALTER TABLE a RENAME COLUMN b TO c; ALTER TABLE a ADD COLUMN IF NOT EXISTS b TEXT;",
        "DROP INDEX a; CREATE UNIQUE INDEX a ON b USING GIN ((c->'d') jsonb_path_ops) WHERE e IS NULL;",
        """ALTER TABLE a ADD COLUMN "update; delete" TEXT DEFAULT 'it''s; UPDATE';""",
        "/* Warnings:\n - DELETE; it's */\nALTER TABLE a DROP COLUMN b;",
        "SELECT 1;",
        "-- Made elsewhere",
    ],
)
def test_a_script_of_definitions_is_tried_once_more(script: str) -> None:
    assert judged(script) is Remedy.APPLY


@pytest.mark.parametrize(
    "script",
    [
        f'{COLUMN}\nUPDATE "Team" SET "spend" = 0;',
        "insert into a values (1)",
        "DELETE FROM a;",
        "DO $$\nBEGIN\n  UPDATE a SET b = b + 1;\nEND $$;",
        "DO $$ BEGIN IF EXISTS (SELECT 1) THEN INSERT INTO a VALUES (1); END IF; END $$;",
        "WITH gone AS (SELECT 1) DELETE FROM a;",
        "CALL move_everything();",
        "MERGE INTO a USING b ON a.c = b.c WHEN MATCHED THEN DELETE;",
        "TRUNCATE a;",
        "COPY a FROM PROGRAM 'date';",
        "WITH x AS (UPDATE a SET b = 1 RETURNING 1) SELECT 1 FROM x;",
        "DO $$ BEGIN EXECUTE 'UPDATE a SET b = b + 1'; END $$;",
        "DO $do$ BEGIN PERFORM spend_more(); END $do$;",
        "DO $$ BEGIN IF spend_more() THEN DROP INDEX a; END IF; END $$;",
        "DO $$ BEGIN IF EXISTS (SELECT 1 FROM spend_more (1)) THEN DROP INDEX a; END IF; END $$;",
        'DO $$ BEGIN IF EXISTS (SELECT "spend"(1)) THEN DROP INDEX a; END IF; END $$;',
        "DO $$ BEGIN FOR i IN 1..3 LOOP ALTER TABLE a ADD COLUMN b INTEGER; END LOOP; END $$;",
        "DO $$ DECLARE i INTEGER := spend_more(); BEGIN NULL; END $$;",
        "DO 'BEGIN UPDATE a SET b = b + 1; END';",
        "SELECT spend_more();",
        "SELECT setval('a', 1);",
        "SELECT 1 INTO a;",
        "CREATE TABLE a AS SELECT spend_more();",
        "CREATE TABLE IF NOT EXISTS a (b) AS SELECT 1;",
        "CREATE RULE a AS ON INSERT TO b DO ALSO UPDATE c SET d = 1;",
        "ALTER TABLE a ALTER COLUMN spend TYPE numeric USING (spend * 100);",
        "ALTER TABLE a ALTER COLUMN b RESTART;",
        "ALTER TABLE a DROP COLUMN m, ADD COLUMN m TEXT;",
        'ALTER TABLE a DROP COLUMN IF EXISTS m; ALTER TABLE a ADD COLUMN IF NOT EXISTS "m" TEXT;',
        "ALTER TABLE a DROP COLUMN m CASCADE;",
        "ALTER TABLE a ADD COLUMN n TEXT; ALTER TABLE a DROP COLUMN m; ALTER TABLE a RENAME COLUMN n TO m;",
        "ALTER TABLE a RENAME b TO x; ALTER TABLE a RENAME c TO b; ALTER TABLE a RENAME x TO c;",
        "DROP TABLE IF EXISTS a; ALTER TABLE IF EXISTS b RENAME TO a;",
        "DROP TABLE IF EXISTS public.a; CREATE TABLE a (b TEXT);",
        "DROP SCHEMA a CASCADE;",
        "DROP TYPE a CASCADE;",
        "ALTER TABLE a ADD CHECK (b > 0);",
        "CREATE INDEX ON a (b);",
        "BEGIN;\nDROP INDEX a;\nCOMMIT;",
        "DROP INDEX a;\nCOMMIT;\nDROP INDEX b;",
        "DROP INDEX a; ROLLBACK;",
        "SET search_path = b; DROP INDEX a;",
        "COMMENT ON TABLE a IS 'from -- to'; UPDATE a SET b = b + 1;",
        "COMMENT ON TABLE a IS '/*'; UPDATE a SET b = b + 1; COMMENT ON TABLE a IS '*/';",
        "COMMENT ON TABLE a IS '$$'; UPDATE a SET b = b + 1; COMMENT ON TABLE a IS '$$';",
        "COMMENT ON TABLE a IS E'\\'; UPDATE a SET b = b + 1; --';",
        "/* /* */ ' */ UPDATE a SET b = b + 1; --'",
        "COMMENT ON TABLE a IS 'no end",
        "CREATE INDEX CONCURRENTLY a ON b (c);",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON b (c);\nDROP INDEX d;",
        "DROP INDEX CONCURRENTLY IF EXISTS a;",
    ],
)
def test_a_script_that_a_second_run_may_change_more_by_is_left(script: str) -> None:
    assert judged(script) is Remedy.LEAVE


def test_an_index_beside_running_work_is_begun_again_since_no_transaction_holds_it() -> None:
    assert judged('-- Large\nCREATE INDEX CONCURRENTLY IF NOT EXISTS "a" ON "b" ("c" DESC);') is Remedy.BEGIN_AGAIN


INDEX = 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "a" ON "b" ("c");'


@pytest.mark.parametrize("state", ["40P01", "55P03", "57014", "57P01"])
def test_an_index_that_gave_way_to_somebody_else_is_begun_again(state: str) -> None:
    migration = interrupted(INDEX, logs=f"A migration failed to apply.\n\nDatabase error code: {state}\n")

    assert remedy(migration, INDEX.encode()) is Remedy.BEGIN_AGAIN


@pytest.mark.parametrize(("script", "state"), [(COLUMN, "42501"), (COLUMN, "40P01"), (INDEX, "23505")])
def test_a_migration_that_failed_of_itself_is_left(script: str, state: str) -> None:
    migration = interrupted(script, logs=f"Database error code: {state}")

    assert remedy(migration, script.encode()) is Remedy.LEAVE


def test_another_migration_is_waited_for_in_no_statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that waited would be waited for by an index that the other makes beside running work: a deadlock."""
    database, slept = Database(SCRIPTS, {}), list[float]()
    database.busy = 2
    monkeypatch.setattr(finish.time, "sleep", slept.append)

    finish.finish(database, shipped(tmp_path) / "migrations")

    assert database.locks == [finish.TRY_LOCK] * 3 + [finish.UNLOCK]
    assert len(slept) == 2
    assert database.recorded == ["one", "two", "three"]


def test_a_migration_that_goes_on_for_too_long_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(SCRIPTS, {})
    database.busy = 10**6
    monkeypatch.setattr(finish, "LOCK_SECONDS", 0)
    monkeypatch.setattr(finish.time, "sleep", lambda _seconds: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]

    with pytest.raises(TimeoutError):
        finish.finish(database, shipped(tmp_path) / "migrations")
    assert database.recorded == []
    assert finish.UNLOCK not in database.locks


def test_a_migration_that_is_known_to_be_through_is_litellm_s_to_close() -> None:
    assert remedy(interrupted(COLUMN, steps=1), COLUMN.encode()) is Remedy.LEAVE


def test_a_migration_of_another_release_is_left() -> None:
    assert remedy(interrupted(COLUMN, checksum="0" * 64), COLUMN.encode()) is Remedy.LEAVE
    assert remedy(interrupted(COLUMN), None) is Remedy.LEAVE


def test_one_that_fails_is_left_and_the_others_are_finished(tmp_path: Path) -> None:
    database = Database(SCRIPTS, {"one": "42704", "two": "42701"})

    assert finish.finish(database, shipped(tmp_path) / "migrations") == [
        "one was interrupted, could not be applied once more (SQLSTATE 42704), and is left.",
        "two was interrupted after its changes were kept, and is finished.",
        "three was interrupted and is finished.",
    ]
    assert database.recorded == ["two", "three"]


def test_a_lost_connection_finishes_nothing_and_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Database(SCRIPTS, {"two": None})

    def connect(url: str) -> Database:
        return database

    monkeypatch.setattr(finish, "connect", connect)
    monkeypatch.setattr(finish, "shipped", lambda: shipped(tmp_path))

    assert finish.main() == 0
    assert capsys.readouterr().err == "No interrupted migration was finished: RefusalError.\n"
    assert database.recorded == []


def test_a_database_that_cannot_be_read_is_left_to_litellm_and_never_shows_the_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(url: str) -> None:
        raise ConnectionError(f"cannot reach {url}")

    monkeypatch.setenv("DATABASE_URL", "postgresql://u:sentinel@h/d")
    monkeypatch.setattr(finish, "connect", refuse)

    assert finish.main() == 0
    assert "sentinel" not in "".join(capsys.readouterr())

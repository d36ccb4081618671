# Three migrations, of which the second fails at first; run by test_serving_images.py in a pod of the LiteLLM image.
mkdir -p project/migrations
cd project
printf 'datasource client {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n' > schema.prisma
echo 'provider = "postgresql"' > migrations/migration_lock.toml
add() {
  mkdir -p "migrations/$1"
  echo "$2" > "migrations/$1/migration.sql"
}
add 20260101000000_sound 'CREATE TABLE one (number INT); INSERT INTO one VALUES (1);'
add 20260102000000_failing 'CREATE TABLE two (number INT); INSERT INTO nowhere VALUES (1);'
add 20260103000000_outside_a_transaction 'CREATE INDEX CONCURRENTLY one_number ON one (number);'

refused() {
  if prisma migrate deploy > refusal.txt 2>&1; then
    echo 'the migration was not refused' >&2
    exit 1
  fi
  cat refusal.txt
}
refused # P3018: a migration failed
refused # P3009: an earlier one did, so that nothing is applied
prisma migrate resolve --rolled-back 20260102000000_failing
add 20260102000000_failing 'CREATE TABLE two (number INT);'
prisma migrate deploy

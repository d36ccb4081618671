#!/bin/bash
# The lab's own entry point for PostgreSQL, with the interface of the official image that the manifests use:
# `docker-entrypoint.sh postgres [ARGUMENTS]`, POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD, POSTGRES_PASSWORD_FILE,
# POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD and PGDATA; any user id; a read-only root whose /tmp,
# /var/run/postgresql and data volume are writable. Scripts in /docker-entrypoint-initdb.d are refused, not ignored.
set -Eeuo pipefail

fail() {
  echo "docker-entrypoint.sh: $*" >&2
  exit 1
}

if [ "${1:0:1}" = - ]; then
  set -- postgres "$@"
fi
if [ "${1:-}" != postgres ]; then
  exec "$@"
fi

: "${PGDATA:=/var/lib/postgresql/data}"
export PGDATA

if [ "$(id -u)" = 0 ]; then
  # PostgreSQL refuses to run as root.
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA" /var/run/postgresql
  exec setpriv --reuid postgres --regid postgres --init-groups "$BASH_SOURCE" "$@"
fi

if ! getent passwd "$(id -u)" > /dev/null; then
  # initdb looks its own user up by name, and an arbitrary user id has none.
  NSS_WRAPPER_PASSWD=$(mktemp)
  NSS_WRAPPER_GROUP=$(mktemp)
  echo "postgres:x:$(id -u):$(id -g):PostgreSQL:$PGDATA:/bin/false" > "$NSS_WRAPPER_PASSWD"
  echo "postgres:x:$(id -g):" > "$NSS_WRAPPER_GROUP"
  export NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
  export LD_PRELOAD=libnss_wrapper.so
fi

mkdir -p "$PGDATA"
# A volume with fsGroup comes back group-writable after a remount, which PostgreSQL refuses.
chmod 0700 "$PGDATA" || fail "cannot make $PGDATA private: it must belong to user $(id -u)"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -n "${POSTGRES_PASSWORD:-}" ] && [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
    fail "set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, not both"
  fi
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
    POSTGRES_PASSWORD=$(< "$POSTGRES_PASSWORD_FILE")
  fi
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    fail "the database is empty and has no superuser password: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE"
  fi
  if [ -n "$(ls -A /docker-entrypoint-initdb.d 2> /dev/null)" ]; then
    fail "/docker-entrypoint-initdb.d is not supported by the lab's image: create what is needed over a connection"
  fi
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  # A folder that was half initialised when its pod died has no PG_VERSION yet, and initdb refuses one that is not empty.
  find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
  # Word splitting of POSTGRES_INITDB_ARGS is its interface.
  # shellcheck disable=SC2086
  initdb --username="$user" --pwfile=<(printf '%s\n' "${POSTGRES_PASSWORD:-}") --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 \
    ${POSTGRES_INITDB_ARGS:-} > /dev/null
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
  if [ "$database" != postgres ]; then
    printf 'CREATE DATABASE "%s";\n' "${database//\"/\"\"}" | postgres --single -j -D "$PGDATA" postgres > /dev/null
  fi
fi

unset POSTGRES_PASSWORD
exec "$@"

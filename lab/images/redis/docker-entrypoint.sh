#!/bin/sh
# The lab's own entry point for Redis, with the official image's interface: `docker-entrypoint.sh redis-server
# [ARGUMENTS]`, where options or a configuration file alone stand for redis-server's. Debian's Redis is already built
# with protected mode on, so a server without a password answers the loopback alone.
set -e

if [ "${1#-}" != "${1:-}" ] || [ "${1%.conf}" != "${1:-}" ]; then
  set -- redis-server "$@"
fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid redis --regid redis --init-groups "$@"
fi
exec "$@"

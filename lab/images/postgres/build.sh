# PostgreSQL as the official image lays it out: the programs on PATH, the entry point, the data and socket folders.
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
apt-get -q update
apt-get -qy install --no-install-recommends postgresql-15 libnss-wrapper
# Bitcode serves only the just-in-time compiler, whose compiler is not installed.
rm -rf /usr/lib/postgresql/15/lib/bitcode
install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data
install -d -o postgres -g postgres -m 3777 /var/run/postgresql
install -m 0755 /run/build/recipes/postgres/docker-entrypoint.sh /usr/local/bin/docker-entrypoint.sh

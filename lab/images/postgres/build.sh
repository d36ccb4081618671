# PostgreSQL as the official image lays it out: the programs on PATH, the entry point, the data folder.
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
sh -eu /run/build/recipes/install_packages.sh postgres
# Bitcode serves only the just-in-time compiler, whose compiler is not installed.
rm -rf /usr/lib/postgresql/15/lib/bitcode
# A key pair that the package generates, and every image would share.
rm -f /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem
# A server in a container is there for other pods.
sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" /usr/share/postgresql/15/postgresql.conf.sample
grep -q "^listen_addresses = '\*'" /usr/share/postgresql/15/postgresql.conf.sample
install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data
install -m 0755 /run/build/recipes/postgres/docker-entrypoint.sh /usr/local/bin/docker-entrypoint.sh

# The PostgreSQL exporter as its official image lays it out: /bin/postgres_exporter.
apt-get -q update
apt-get -qy install --no-install-recommends prometheus-postgres-exporter
ln -s /usr/bin/prometheus-postgres-exporter /bin/postgres_exporter

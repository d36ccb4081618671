# The PostgreSQL exporter as its official image lays it out: /bin/postgres_exporter.
sh -eu /run/build/recipes/install_packages.sh postgres_exporter
ln -s /usr/bin/prometheus-postgres-exporter /bin/postgres_exporter

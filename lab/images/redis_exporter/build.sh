# The Redis exporter as its official image lays it out: /redis_exporter.
sh -eu /run/build/recipes/install_packages.sh redis_exporter
ln -s /usr/bin/prometheus-redis-exporter /redis_exporter

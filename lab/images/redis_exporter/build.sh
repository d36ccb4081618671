# The Redis exporter as its official image lays it out: /redis_exporter.
apt-get -q update
apt-get -qy install --no-install-recommends prometheus-redis-exporter
ln -s /usr/bin/prometheus-redis-exporter /redis_exporter

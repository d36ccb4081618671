# Prometheus as the official image lays it out: /bin/prometheus and /bin/promtool (Debian merges /bin into /usr/bin),
# and a data folder that any user may write to.
apt-get -q update
apt-get -qy install --no-install-recommends prometheus
install -d -m 1777 /prometheus

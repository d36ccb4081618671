# Prometheus as the official image lays it out: /bin/prometheus and /bin/promtool (Debian merges /bin into /usr/bin),
# and a data folder that any user may write to.
sh -eu /run/build/recipes/install_packages.sh prometheus
install -d -m 1777 /prometheus

# nginx with its program on PATH, as the official image has it; whoever runs it brings the configuration.
apt-get -q update
apt-get -qy install --no-install-recommends nginx

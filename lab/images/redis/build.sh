# Redis as the official image lays it out: the programs on PATH, the entry point, /data as the working folder.
sh -eu /run/build/recipes/install_packages.sh redis
install -d -o redis -g redis -m 1777 /data
install -m 0755 /run/build/recipes/redis/docker-entrypoint.sh /usr/local/bin/docker-entrypoint.sh

# nginx with its program on PATH, as the official image has it; whoever runs it brings the configuration.
sh -eu /run/build/recipes/install_packages.sh nginx

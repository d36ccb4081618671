# What both Python images stand on: Debian's interpreter and the C++ and NUMA libraries that their wheels are linked to.
sh -eu /run/build/recipes/install_packages.sh python

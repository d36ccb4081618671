# What both Python images stand on: Debian's interpreter and the C++ and NUMA libraries that their wheels are linked to.
apt-get -q update
apt-get -qy install --no-install-recommends python3 libstdc++6 libnuma1

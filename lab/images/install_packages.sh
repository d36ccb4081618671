# Install the Debian packages that a recipe locks. apt takes the locked versions by its preferences where they are served.
#
# Usage, inside a layer: sh install_packages.sh RECIPE
apt-get -q update
# shellcheck disable=SC2046 # one name a word
apt-get -qy install --no-install-recommends $(cut -d= -f1 "/run/build/recipes/$1/packages.lock")

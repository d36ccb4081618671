#!/bin/bash
# Run one recipe inside a layer: mount the layer over the layers below it, and run the script there by chroot.
#
# Run as the first process of a mount and process namespace of its own (lab/images/layer.py does so), therefore nothing
# is undone here: when the namespace ends, however it ends, the kernel takes the mounts away.
#
# Usage: run_in_layer.sh LOWER UPPER WORK MERGED RECIPES DOWNLOADS UV CERTIFICATES APT_CONFIGURATION APT_PREFERENCES SCRIPT
set -euo pipefail
lower=$1 upper=$2 work=$3 root=$4 recipes=$5 downloads=$6 uv=$7 certificates=$8 apt_configuration=$9 apt_preferences=${10} script=${11}

mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for device in null zero full random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mkdir -p "$root/run/build/recipes" "$root/run/build/downloads" "$root/run/build/bin" "$root/run/build/apt/cache" "$root/run/build/apt/lists"
mount --bind "$recipes" "$root/run/build/recipes"
mount -o remount,ro,bind "$root/run/build/recipes"
mount --bind "$downloads" "$root/run/build/downloads"
cp "$uv" "$root/run/build/bin/uv"
cp "$certificates" "$root/run/build/certificates.pem"
cp "$apt_configuration" "$root/run/build/apt.conf"
cp "$apt_preferences" "$root/run/build/apt-preferences"
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"

cd "$root"
exec chroot "$root" /bin/sh -eu "/run/build/recipes/$script"

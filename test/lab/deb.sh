#!/bin/bash
# The Debian package from installation to purge, in a chroot without systemd. By hand, as root:
#
#   apt-get install debootstrap dpkg-dev lintian && test/lab/deb.sh
#
# Debian 12 has no nodejs that is new enough, so a package that holds this machine's node stands for it.
. "$(dirname "$0")/lib.sh"
needs debootstrap dpkg-deb dpkg-shlibdeps lintian

copy_debian chroot
work=$LAB/chroot/root
export DEBIAN_FRONTEND=noninteractive
inside() { chroot "$LAB/chroot" "$@" </dev/null; }
for options in '' --bundle-node; do
  check "the package builds ${options:-without node}" "$ROOT/packaging/debian/build.sh" $options --output "$work"
done
all=$(basename "$work"/tsntlm_*_all.deb)
bundled=$(basename "$work"/tsntlm_*_"$(dpkg --print-architecture)".deb)
check 'lintian finds no error and no warning that is not explained' says '^$' lintian --allow-root --suppress-tags no-manual-page "$work/$all"
check 'nor an error in the one with node' lintian --allow-root "$work/$bundled"

# release NEW VERSION: the package again, as a later version with another sample configuration.
release() {
  dpkg-deb -R "$work/$all" "$work/tree"
  sed -i "s/^Version: .*/Version: $2/" "$work/tree/DEBIAN/control"
  echo '# a later sample' >>"$work/tree/etc/tsntlm.conf"
  dpkg-deb --root-owner-group --build "$work/tree" "$work/$1" >/dev/null
  rm -rf "$work/tree"
}
release later.deb 99-1

stand_in() {
  local tree=$work/nodejs
  install -D -m 755 "$(readlink -f "$(command -v node)")" "$tree/usr/bin/node"
  mkdir "$tree/DEBIAN"
  printf '%s\n' 'Package: nodejs' "Version: $(node -p process.versions.node)-1" 'Architecture: all' 'Maintainer: x <x@example.net>' 'Description: x' \
    >"$tree/DEBIAN/control"
  dpkg-deb --build "$tree" "$work/nodejs.deb" >/dev/null
}
config() { inside stat -c '%a %U:%G' /etc/tsntlm.conf; }

check 'without a nodejs it is refused with a reason' says 'depends on nodejs \(>= 20\.19\)' inside dpkg -i "/root/$all"
inside dpkg -P tsntlm >/dev/null 2>&1
stand_in
inside dpkg -i /root/nodejs.deb >/dev/null
check 'it installs and says what to do' says 'Edit /etc/tsntlm.conf' inside dpkg -i "/root/$all"
check 'the program runs' says '^[0-9]+\.' inside tsntlm --version
check 'it finds the sample configuration' says '/etc/tsntlm.conf can be used' inside tsntlm check
check 'which only the service can read' says '^600 tsntlm:tsntlm$' config
check 'the user has no shell' says 'nologin$' inside grep '^tsntlm:' /etc/passwd

sed -i 's/^Username .*/Username alice/' "$LAB/chroot/etc/tsntlm.conf"
inside mkdir -p -m 700 /var/lib/tsntlm
inside touch /var/lib/tsntlm/logons.json
check 'an upgrade goes through without questions' inside dpkg --force-confdef --force-confold -i /root/later.deb
check 'and keeps the configuration' inside grep -q '^Username alice' /etc/tsntlm.conf
check 'with its owner' says '^600 tsntlm:tsntlm$' config
inside chown root: /etc/tsntlm.conf
check 'installing again' inside dpkg -i /root/later.deb
check 'does not undo what an administrator changed' says '^600 root:root$' config
inside chown tsntlm: /etc/tsntlm.conf

check 'it is removed' inside dpkg -r tsntlm
check 'the program is gone' [ ! -e "$LAB/chroot/usr/lib/tsntlm" ]
check 'the configuration stays' inside grep -q '^Username alice' /etc/tsntlm.conf
check 'it is purged' inside dpkg -P tsntlm
check 'the configuration and the state are gone' [ ! -e "$LAB/chroot/etc/tsntlm.conf" -a ! -e "$LAB/chroot/var/lib/tsntlm" ]

inside dpkg -P nodejs >/dev/null
printf 'Username bob\nDomain CORP\nPassword x\nProxy 10.0.0.41:8080\nListen 3128\n' >"$LAB/chroot/etc/cntlm.conf"
check 'the package with node needs no nodejs, and says how to take over from cntlm' says 'install .*/etc/cntlm.conf /etc/tsntlm.conf' \
  inside dpkg -i "/root/$bundled"
inside install -o tsntlm -g tsntlm -m 600 /etc/cntlm.conf /etc/tsntlm.conf
check 'what it says works' says '/etc/tsntlm.conf can be used' inside tsntlm check
finish

#!/bin/bash
# Builds the Debian package from this checkout, with nothing but dpkg-deb, npm and what `npm ci` installed.
#
# usage: npm run deb -- [--bundle-node] [--output FOLDER]
#   --bundle-node    take the node binary of this machine along, for hosts whose own nodejs is older than 20.19
#   --output FOLDER  where the package goes (default: dist-deb)
# DEBFULLNAME and DEBEMAIL name the maintainer, as with Debian's own tools.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
output=$root/dist-deb bundle=
while [ $# -gt 0 ]; do
  case $1 in
    --bundle-node) bundle=1 ;;
    --output) output=${2:?--output needs a folder} && shift ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2 && exit 1 ;;
  esac
  shift
done

cd "$root"
upstream=$(node -p 'require("./package.json").version')
version=$upstream-1
maintainer="${DEBFULLNAME:-tsntlm contributors} <${DEBEMAIL:-tsntlm@example.net}>"
# Times in the package are those of the last commit, so that one commit makes one package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
umask 022
lib=$stage/usr/lib/tsntlm
doc=$stage/usr/share/doc/tsntlm

# What npm publishes, and the modules that it needs to run.
mkdir -p "$lib"
npm pack --silent --pack-destination "$stage" >/dev/null
tar -xzf "$stage/tsntlm-$upstream.tgz" -C "$lib" --strip-components=1 --no-same-owner
rm "$stage/tsntlm-$upstream.tgz"
npm ls --omit=dev --all --parseable 2>/dev/null | tail -n +2 | while read -r module; do
  target=$lib/${module#"$root"/}
  mkdir -p "$target"
  # A module below this one is in the list itself.
  tar -C "$module" --exclude=./node_modules -c . | tar -C "$target" -x --no-same-owner
done
[ -d "$lib/node_modules/yargs" ] || { echo 'node_modules lacks yargs: run npm ci first' >&2; exit 1; }
# Documents, types, maps and tests of the modules are no part of a program; their licences are.
find "$lib/node_modules" -depth \( -type d \( -name test -o -name tests -o -name docs -o -name examples -o -name benchmarks \
  -o -name flash -o -name '.[a-z]*' \) -o -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.html' \
  -o -name '*.sh' -o -path '*/pino/bin.js' -o -name '.*' -o -iname 'readme*' -o -iname 'changelog*' \) \) -exec rm -rf {} +
find "$lib" -type f -exec chmod 644 {} +
find "$lib" -type d -exec chmod 755 {} +

overrides=$stage/usr/share/lintian/overrides/tsntlm
install -D -m 644 "$here/lintian-overrides" "$overrides"
mkdir -p "$stage/usr/bin"
rm "$lib/bin/npm-start.js"
# See "Memory" in docs/management.md.
heap=--initial-old-space-size=64
if [ -z "$bundle" ]; then
  architecture=all depends='nodejs (>= 20.19)'
  sed -i "1s|.*|#!/usr/bin/node $heap|" "$lib"/bin/*.js
  chmod 755 "$lib"/bin/*.js
  ln -s ../lib/tsntlm/bin/tsntlm.js "$stage/usr/bin/tsntlm"
else
  binary=$(readlink -f "$(command -v node)")
  if ldd "$binary" | grep -q libnode; then
    echo "$binary is a small program in front of libnode.so: build with a node from nodejs.org or of the npm package node" >&2
    exit 1
  fi
  install -m 755 "$binary" "$lib/node"
  strip --strip-unneeded "$lib/node"
  architecture=$(dpkg --print-architecture)
  # Which libc it needs is worked out from its symbols.
  mkdir -p "$stage/shlibs/debian" && : >"$stage/shlibs/debian/control"
  depends=$(cd "$stage/shlibs" && dpkg-shlibdeps -O --ignore-missing-info "$lib/node" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
  rm -r "$stage/shlibs"
  [ -n "$depends" ] || { echo 'dpkg-shlibdeps failed: is dpkg-dev installed?' >&2; exit 1; }
  sed -i 1d "$lib"/bin/*.js
  printf '#!/bin/sh\nexec /usr/lib/tsntlm/node %s /usr/lib/tsntlm/bin/tsntlm.js "$@"\n' "$heap" >"$stage/usr/bin/tsntlm"
  chmod 755 "$stage/usr/bin/tsntlm"
  cat "$here/lintian-overrides.bundled" >>"$overrides"
fi

# Where Debian wants the rest; the copies that npm publishes go.
install -D -m 644 conf/systemd/tsntlm.service "$stage/usr/lib/systemd/system/tsntlm.service"
install -D -m 644 conf/systemd/tsntlm.socket "$stage/usr/lib/systemd/system/tsntlm.socket"
install -D -m 644 conf/systemd/tsntlm.sysusers "$stage/usr/lib/sysusers.d/tsntlm.conf"
install -D -m 600 conf/tsntlm.conf "$stage/etc/tsntlm.conf"
install -D -m 644 conf/tsntlm.logrotate "$stage/etc/logrotate.d/tsntlm"
for page in man/*.[1-8]; do
  [ -e "$page" ] || continue
  section=${page##*.}
  install -D -m 644 "$page" "$stage/usr/share/man/man$section/${page##*/}"
  gzip -9n "$stage/usr/share/man/man$section/${page##*/}"
done
mkdir -p "$doc"
install -m 644 README.md SECURITY.md "$doc/"
cp -r docs conf/docker-compose.yml conf/prometheus-rules.yml conf/grafana-dashboard.json "$doc/"
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
printf 'tsntlm (%s) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n' \
  "$version" "$maintainer" "$(date -uRd "@$SOURCE_DATE_EPOCH")" | gzip -9nc >"$doc/changelog.Debian.gz"
install -m 644 "$here/copyright" "$doc/copyright"
rm -rf "$lib/docs" "$lib/conf" "$lib/man" "$lib"/*.md "$lib/LICENSE"
find "$doc" -type f -exec chmod 644 {} +

mkdir "$stage/DEBIAN"
for script in postinst prerm postrm; do install -m 755 "$here/$script" "$stage/DEBIAN/$script"; done
printf '%s\n' /etc/tsntlm.conf /etc/logrotate.d/tsntlm >"$stage/DEBIAN/conffiles"
cat >"$stage/DEBIAN/control" <<EOF
Package: tsntlm
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Section: net
Priority: optional
Depends: $depends, systemd | systemd-standalone-sysusers | systemd-sysusers
Suggests: cntlm
Installed-Size: $(du -sk --exclude=DEBIAN "$stage" | cut -f1)
Description: NTLM authenticating local proxy
 Programs that cannot log on to a corporate NTLM proxy themselves (containers,
 dockerd, GitLab Runner, git, apt, npm) use tsntlm as a plain proxy without a
 password; tsntlm logs on to the corporate proxy for them. It reads an existing
 cntlm.conf as it is.
EOF
(cd "$stage" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$stage/DEBIAN/md5sums"
find "$stage" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$output"
dpkg-deb --root-owner-group -Zxz --build "$stage" "$output/tsntlm_${version}_$architecture.deb"

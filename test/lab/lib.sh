# What the scripts of this folder share. Everything they make is below $LAB; they end only what they started.
set -uo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LAB=${LAB:-${TMPDIR:-/tmp}/tsntlm-lab}
mkdir -p "$LAB"
passed=0 failed=0

needs() {
  local program missing=
  for program; do command -v "$program" >/dev/null || missing="$missing $program"; done
  [ -z "$missing" ] || { echo "not installed:$missing" >&2; exit 2; }
  [ "$(id -u)" = 0 ] || { echo 'this needs root' >&2; exit 2; }
}

# check SENTENCE COMMAND...: the command has to succeed.
check() {
  local sentence=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "ok   $sentence"
    passed=$((passed + 1))
  else
    echo "FAIL $sentence"
    sed 's/^/       /' <<<"$output" | tail -n 5
    failed=$((failed + 1))
  fi
}

# says PATTERN COMMAND...: what it prints, also to standard error, matches. For check.
says() {
  local pattern=$1 output
  shift
  output=$("$@" 2>&1)
  grep -Eq -- "$pattern" <<<"$output" && return
  echo "$output"
  return 1
}

# Tries for some seconds. For check.
within() {
  local tenths=$(($1 * 10))
  shift
  for ((; tenths > 0; tenths--)); do
    "$@" && return
    sleep 0.1
  done
  return 1
}

# The exit code is that of a test.
finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}

# A Debian with systemd in $LAB/debian, made once. It has no nodejs.
make_debian() {
  [ -x "$LAB/debian/lib/systemd/systemd" ] && return
  rm -rf "$LAB/debian.part"
  debootstrap --variant=minbase --include=ca-certificates,curl,systemd,systemd-sysv,dbus,iproute2,procps \
    "${SUITE:-bookworm}" "$LAB/debian.part" >"$LAB/debootstrap.log" 2>&1 || { tail -n 5 "$LAB/debootstrap.log" >&2; exit 1; }
  rm -rf "$LAB/debian" && mv "$LAB/debian.part" "$LAB/debian"
}

# copy_debian NAME: a fresh copy of it as $LAB/NAME.
copy_debian() {
  make_debian
  rm -rf "${LAB:?}/$1"
  cp -a --reflink=auto "$LAB/debian" "$LAB/$1"
}

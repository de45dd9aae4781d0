#!/bin/bash
# A real dockerd behind tsntlm: tsntlm is there first, dockerd gets what `tsntlm setup` writes, and pulls and builds go through a
# Squid that demands NTLM. By hand, as root, after `npm run build`:
#
#   apt-get install docker.io squid winbind openssl python3 iproute2 && test/lab/dockerd.sh
#
# Two network namespaces are made, the Docker host's and the corporate network. The registry (registry.py) is on an
# address to which the host has no route. systemd is not there: its part, to read the drop-in, is done here, and seen in
# systemd.sh. CLIENT= is the docker command to use, one that knows BuildKit.
. "$(dirname "$0")/lib.sh"
needs dockerd containerd runc squid ntlm_auth openssl python3 ip nsenter ldd
CLIENT=${CLIENT:-/usr/bin/docker}
HOST=tsntlm-host CORP=tsntlm-corp
PASSWORD=SecREt01

work=$(mktemp -d "$LAB/dockerd.XXXX")
chmod 711 "$work"
pids=()
# start LOG NAMESPACE COMMAND...: nsenter becomes the command, so that the pid is its own. Not "ip netns exec", which hides the
# cgroups that dockerd needs.
start() {
  nsenter --net="/run/netns/$2" -- "${@:3}" >"$work/$1.log" 2>&1 </dev/null &
  pids+=($!)
}
# The last one that was started.
stop_last() {
  local pid=${pids[-1]}
  unset 'pids[-1]'
  kill -TERM "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
}
clean() {
  while [ ${#pids[@]} -gt 0 ]; do stop_last; done
  ip netns del "$HOST" 2>/dev/null
  ip netns del "$CORP" 2>/dev/null
  awk -v below="$work/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount; do umount "$mount"; done
  rm -rf "$work"
}
on() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

network() {
  ip netns add "$HOST" && ip netns add "$CORP" || return
  ip -n "$HOST" link add eth0 type veth peer name eth0 netns "$CORP"
  ip -n "$HOST" addr add 10.77.0.20/24 dev eth0
  ip -n "$CORP" addr add 10.77.0.41/24 dev eth0
  ip -n "$CORP" addr add 10.78.0.80/32 dev lo
  local side
  for side in "$HOST" "$CORP"; do ip -n "$side" link set lo up && ip -n "$side" link set eth0 up; done
}
certificates() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=lab CA' -keyout "$work/ca.key" -out "$work/ca.crt" &&
    openssl req -newkey rsa:2048 -nodes -subj '/CN=registry.corp.test' -keyout "$work/site.key" -out "$work/site.csr" &&
    openssl x509 -req -in "$work/site.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 30 -out "$work/site.crt" \
      -extfile <(echo 'subjectAltName=DNS:registry.corp.test,DNS:origin.corp.test')
}
# A shell and curl, with the libraries that they need.
tools() {
  local program file
  mkdir -p "$work/tools/usr/bin" "$work/tools/etc" "$work/tools/tmp"
  ln -s usr/bin "$work/tools/bin"
  for program in sh curl; do
    cp -L "$(command -v "$program")" "$work/tools/usr/bin/"
    ldd "$(command -v "$program")" | grep -o '/[^ ]*' | while read -r file; do
      mkdir -p "$work/tools$(dirname "$file")" && cp -Lu "$file" "$work/tools$file"
    done
  done
  cp "$work/ca.crt" "$work/tools/etc/ca.crt"
}
squid_conf() {
  mkdir "$work/squid"
  printf '%s\n' '[global]' 'workgroup = CORP' 'server role = standalone' "private dir = $work/squid" "lock directory = $work/squid" \
    "state directory = $work/squid" "cache directory = $work/squid" "pid directory = $work/squid" 'ntlm auth = ntlmv2-only' >"$work/smb.conf"
  printf '%s\n' '10.78.0.80 registry.corp.test plain.corp.test origin.corp.test' >"$work/hosts"
  printf '%s\n' 'http_port 10.77.0.41:8080' 'auth_param ntlm children 8 startup=4 idle=1' 'auth_param ntlm keep_alive on' \
    "auth_param ntlm program $(command -v ntlm_auth) --configfile=$work/smb.conf --helper-protocol=squid-2.5-ntlmssp --domain=CORP --password=$PASSWORD" \
    'acl authenticated proxy_auth REQUIRED' 'http_access allow authenticated' 'http_access deny all' 'cache deny all' \
    "hosts_file $work/hosts" 'dns_nameservers 127.0.0.1' 'visible_hostname squid.corp.test' "pid_filename $work/squid/pid" \
    "logformat lab %rm %ru %>Hs %un" "access_log stdio:$work/squid/access.log lab" "cache_log $work/squid/cache.log" \
    "coredump_dir $work/squid" 'pinger_enable off' 'netdb_filename none' 'shutdown_lifetime 1 seconds' >"$work/squid.conf"
  chown -R proxy:proxy "$work/squid"
}
port_is_open() { on "$1" bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; }

if ip netns list | grep -Eqw "$HOST|$CORP"; then
  echo "the namespaces $HOST or $CORP are there already: another run?" >&2
  exit 2
fi
trap clean EXIT
network || exit 1
certificates 2>"$work/openssl.log" || exit 1
tools
squid_conf
start registry "$CORP" python3 "$ROOT/test/lab/registry.py" tools:1 "$work/tools" 10.78.0.80 "$work/site.crt" "$work/site.key"
start squid "$CORP" squid -N -n "lab$$" -f "$work/squid.conf"
check 'the registry is there' within 30 port_is_open "$CORP" 10.78.0.80 443
check 'the Squid is there' within 30 port_is_open "$HOST" 10.77.0.41 8080
check 'it demands NTLM' says '407' on "$HOST" curl -sS -o /dev/null -w '%{http_code}' -x 10.77.0.41:8080 http://origin.corp.test/
direct() { ! port_is_open "$HOST" 10.78.0.80 443; }
check 'the Docker host has no other way to the registry' direct

printf '%s\n' 'Username alice' 'Domain CORP' "Password $PASSWORD" 'Proxy 10.77.0.41:8080' 'Listen docker0:3128' 'Allow docker' 'Deny *' \
  'NoProxy localhost, 127.0.0.*, 10.77.*, .intern.test' "ControlSocket $work/control.sock" >"$work/tsntlm.conf"
chmod 600 "$work/tsntlm.conf"
tsntlm() { on "$HOST" env HOME=/root node "$ROOT/bin/tsntlm.js" "$@"; }
start tsntlm "$HOST" env STATE_DIRECTORY="$work" node "$ROOT/bin/tsntlm.js" --config "$work/tsntlm.conf"
status() { tsntlm status --socket "$work/control.sock"; }
check 'without dockerd tsntlm runs, and waits for docker0' within 10 says 'docker0:3128 .*wait' status
check 'and says so in its log' says 'listener.waiting' cat "$work/tsntlm.log"

root=$work/root
units=$root/etc/systemd/system/docker.service.d
mkdir -p "$units" "$root/etc/docker" "$root/root/.docker"
printf '[Service]\nEnvironment="HTTP_PROXY=http://old.corp.test:8080"\n' >"$units/http-proxy.conf"
printf '{ "auths": {\n\t"registry.corp.test": { "auth": "" } },\n  "detachKeys": "ctrl-p" }' >"$root/root/.docker/config.json"
printf '{\n      "log-opts": {"max-size":"10m"}\n}' >"$root/etc/docker/daemon.json"
cp -a "$root" "$work/before"
setup() { tsntlm setup --config "$work/tsntlm.conf" --root "$root" "$@"; }
check 'setup docker writes the drop-in while there is no docker0' says 'written: .*/docker.service.d/tsntlm-proxy.conf' setup docker --write
check 'setup docker-client writes for the client' says 'written: .*/root/.docker/config.json' setup docker-client --write

# What systemd makes of the drop-ins: of two assignments the later one counts.
environment=()
while IFS= read -r assignment; do environment+=("$assignment"); done \
  < <(sed -n 's/^Environment="\(.*\)"$/\1/p' "$units"/*.conf)
# start_dockerd CONFIG-FILE ASSIGNMENT...
start_dockerd() {
  start dockerd "$HOST" env -i PATH="$PATH" HOME=/root SSL_CERT_FILE="$work/ca.crt" "${@:2}" \
    dockerd -H "unix://$work/docker.sock" --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" \
    --config-file "$1" --iptables=false --ip-forward=false --ip-masq=false --userland-proxy=false \
    --insecure-registry plain.corp.test:80 -l warn
}
echo '{}' >"$work/daemon.json"
start_dockerd "$work/daemon.json" "${environment[@]}"
docker() { on "$HOST" env HOME="$root/root" DOCKER_BUILDKIT="${buildkit:-0}" "$CLIENT" -H "unix://$work/docker.sock" "$@"; }
check 'dockerd starts' within 30 says '^Server:' docker version
[ "$failed" = 0 ] || tail -n 5 "$work/dockerd.log"
check 'when docker0 has come, tsntlm listens on it' within 10 says '^172\.17\.0\.1:3128 +http' status
docker info 2>/dev/null | grep Proxy
for line in 'HTTP Proxy: http://172.17.0.1:3128' 'HTTPS Proxy: http://172.17.0.1:3128' 'No Proxy: localhost,127.0.0.1,'; do
  check "docker info says $line" says "^ *${line//./\\.}" docker info
done

access() { says "$@" cat "$work/squid/access.log"; }
check 'an image is pulled' says 'Downloaded newer image' docker pull registry.corp.test/tools:1
check 'by a tunnel through the Squid, as alice' access '^CONNECT registry\.corp\.test:443 200 .*alice'
docker rmi registry.corp.test/tools:1 >/dev/null
check 'an image is pulled from a registry without TLS' says 'Downloaded newer image' docker pull plain.corp.test:80/tools:1
check 'by requests that the Squid sees, as alice' access '^GET http://plain\.corp\.test(:80)?/v2/tools/blobs/sha256:[0-9a-f]+ 200 .*alice'
docker rmi plain.corp.test:80/tools:1 >/dev/null

mkdir "$work/context"
printf '%s\n' 'FROM registry.corp.test/tools:1' 'ARG N' 'RUN curl -sSf -m 20 http://origin.corp.test/plain-$N' \
  'RUN curl -sSf -m 20 --cacert /etc/ca.crt https://origin.corp.test/secure-$N' >"$work/context/Dockerfile"
build() { docker build --no-cache --build-arg N="${buildkit:-0}" -t tsntlm-lab-built "$work/context"; }
for buildkit in 0 1; do
  builder=$([ "$buildkit" = 1 ] && echo BuildKit || echo 'the classic builder')
  check "$builder pulls and runs its steps through the proxy" build
  check "$builder: a step fetched http" access "^GET http://origin\\.corp\\.test/plain-$buildkit 200 .*alice"
  check "$builder: a step fetched https" grep -q "^443 .*secure-$buildkit.* 200" "$work/registry.log"
  docker rmi tsntlm-lab-built registry.corp.test/tools:1 >/dev/null 2>&1
done
docker pull -q registry.corp.test/tools:1 >/dev/null
check 'docker run gives the variables to a container' says '^http_proxy=http://172\.17\.0\.1:3128' \
  docker run --rm registry.corp.test/tools:1 sh -c 'echo http_proxy=$http_proxy'
check 'which fetches through it' says 'a page' docker run --rm registry.corp.test/tools:1 curl -sS -m 20 http://origin.corp.test/
no_error_answer() { ! grep -E '"status":5[0-9]{2}' "$work/tsntlm.log"; }
check 'tsntlm answered nothing with an error' no_error_answer

stop_last
check 'the engine is gone, its docker0 taken away' on "$HOST" ip link del docker0
check 'tsntlm waits again' within 10 says 'docker0:3128 .*wait' status

check 'setup docker has nothing more to do' says 'nothing to do' setup docker --write
check 'setup docker --undo' setup docker --undo
check 'setup docker-client --undo' setup docker-client --undo
check 'setup docker --daemon-json --write' says 'written: .*/etc/docker/daemon.json' setup docker --daemon-json --write
check 'its JSON is valid and has the proxies' says '^http://172\.17\.0\.1:3128$' \
  python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["proxies"]["https-proxy"])' "$root/etc/docker/daemon.json"
start_dockerd "$root/etc/docker/daemon.json"
if dpkg --compare-versions "$(dockerd --version | grep -o '[0-9.]*' | head -n 1)" ge 23; then
  check 'dockerd takes its proxies from it' within 30 says '^ *HTTPS Proxy: http://172\.17\.0\.1:3128' docker info
else
  check 'a dockerd before 23.0 does not start with it, and says why' within 10 says 'configuration option: .*https-proxy' cat "$work/dockerd.log"
fi
stop_last
check 'setup docker --undo takes it back too' setup docker --undo
rm -f "$root"/root/.docker/*.tsntlm-backup-* "$root"/etc/docker/*.tsntlm-backup-*
rm -rf "$root/var" "$root/root/.docker/.buildNodeID"
check 'all is back byte for byte' diff -r "$work/before" "$root"
secret_shows() { grep -rF "$PASSWORD" "$root" "$work/tsntlm.log" "$work/dockerd.log"; }
no_secret() { ! secret_shows; }
check 'the password shows in no file and no log' no_secret
finish

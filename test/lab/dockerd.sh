#!/bin/bash
# A Docker engine that pulls, runs and builds through tsntlm on the docker0 that it makes itself. By hand, as root:
#
#   NETNS=corp UPSTREAM=10.0.0.41:8080 ACCOUNT='CORP\alice' PASSWORD=... HTTP_URL=http://HOST/ test/lab/dockerd.sh
#
# UPSTREAM is an NTLM proxy in the network namespace NETNS, HTTP_URL something that it fetches, from another network than 10.9.0.0/24.
# The engine, tsntlm and a registry run in namespaces of their own. The files of the engine's configuration are those that
# `tsntlm setup` writes. /etc/docker/certs.d gets the registry's certificate, and loses it at the end.
. "$(dirname "$0")/lib.sh"
: "${NETNS:?}" "${UPSTREAM:?}" "${ACCOUNT:?}" "${PASSWORD:?}" "${HTTP_URL:?}"
needs debootstrap dockerd containerd docker ip openssl node
make_debian

work=$(mktemp -d "$LAB/dockerd.XXXX")
host=tsntlm-dockerd
trust=/etc/docker/certs.d/10.9.1.1:4430
engine=unix://$work/docker.sock
pids=()
clean() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
  ip -n "$NETNS" link del tsntlm-lab1
  ip netns del "$host" 2>/dev/null
  rm -rf "$trust"
  # What the engine mounted, the innermost first.
  findmnt -rn -o TARGET | grep -F "$work/" | tac | xargs -r umount
  rm -rf "$work"
}
trap clean EXIT
on_host="nsenter --net=/run/netns/$host"
docker() { $on_host docker -H "$engine" "$@"; }
tsntlm() { $on_host "$ROOT/bin/tsntlm.js" "$@"; }

ip netns add "$host"
ip link add tsntlm-lab0 netns "$host" type veth peer name tsntlm-lab1 netns "$NETNS"
ip -n "$host" address add 10.9.0.2/24 dev tsntlm-lab0
ip -n "$NETNS" address add 10.9.0.1/24 dev tsntlm-lab1
ip -n "$host" link set lo up
ip -n "$host" link set tsntlm-lab0 up
ip -n "$NETNS" link set tsntlm-lab1 up
# Of all that is beyond, the host reaches the upstream alone.
ip -n "$host" route add "${UPSTREAM%:*}" via 10.9.0.1
ip -n "$NETNS" address add 10.9.1.1/32 dev tsntlm-lab1

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=registry -addext subjectAltName=IP:10.9.1.1 \
  -keyout "$work/key" -out "$work/certificate" 2>/dev/null
tar -C "$LAB/debian" --exclude ./var/cache --exclude ./var/lib/apt -cf "$work/layer.tar" .
ip netns exec "$NETNS" node "$ROOT/test/lab/registry.js" "$work/layer.tar" "$work/certificate" "$work/key" 10.9.1.1 4430 >"$work/registry.log" 2>&1 &
pids+=($!)
mkdir -p "$trust" "$work/root"
cp "$work/certificate" "$trust/ca.crt"

printf '%s\n' "Username ${ACCOUNT#*\\}" "Domain ${ACCOUNT%\\*}" "Password \"$PASSWORD\"" "Proxy $UPSTREAM" 'Listen docker0:3128' \
  'Allow docker' 'Deny *' "StateDirectory $work/state" "ControlSocket $work/control.sock" >"$work/tsntlm.conf"
chmod 600 "$work/tsntlm.conf"
$on_host "$ROOT/bin/tsntlm.js" --config "$work/tsntlm.conf" --foreground >"$work/tsntlm.log" 2>&1 &
pids+=($!)
status() { tsntlm status --config "$work/tsntlm.conf"; }
check 'tsntlm starts before there is a docker0, and waits for it' within 10 says 'docker0:3128.*waiting|waiting.*docker0:3128' status

check 'setup writes what dockerd reads' tsntlm setup docker --config "$work/tsntlm.conf" --root "$work/root" --write
mapfile -t environment < <(sed -n 's/^Environment="\(.*\)"$/\1/p' "$work/root/etc/systemd/system/docker.service.d/tsntlm-proxy.conf")
mkdir "$work/containerd"
printf '%s\n' 'version = 2' "root = \"$work/containerd\"" "state = \"$work/containerd/run\"" 'disabled_plugins = ["io.containerd.grpc.v1.cri"]' \
  '[grpc]' "address = \"$work/containerd.sock\"" >"$work/containerd.toml"
$on_host containerd -c "$work/containerd.toml" -l warn >"$work/containerd.log" 2>&1 &
pids+=($!)
within 10 [ -S "$work/containerd.sock" ]
echo '{}' >"$work/daemon.json"
$on_host env "${environment[@]}" dockerd -H "$engine" --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" \
  --containerd "$work/containerd.sock" --iptables=false --ip-forward=false --ip-masq=false --userland-proxy=false \
  --config-file "$work/daemon.json" >"$work/dockerd.log" 2>&1 &
pids+=($!)
check 'the engine starts behind it' within 30 docker version
check 'and has the proxy' says 'HTTPS Proxy: http://172.17.0.1:3128' docker info
check 'and the exceptions' says 'No Proxy: localhost,127.0.0.1' docker info
check 'tsntlm listens on the new docker0 and nowhere else' within 10 says '172.17.0.1:3128' status
check 'the registry is not reached without it' says '^000$' $on_host curl -sk -m 3 --noproxy '*' -o /dev/null -w '%{http_code}' https://10.9.1.1:4430/v2/
check 'docker pull goes through the upstream' docker pull -q 10.9.1.1:4430/lab:1
check 'and tsntlm saw it' grep -q 'CONNECT.*10.9.1.1:4430' "$work/tsntlm.log"

check 'setup writes what the docker command reads' env HOME="$work/home" "$ROOT/bin/tsntlm.js" setup docker-client --config "$work/tsntlm.conf" \
  --proxy 172.17.0.1:3128 --write
run() { HOME=$work/home docker run --rm 10.9.1.1:4430/lab:1 "$@"; }
check 'a container gets both cases of the variables' says '^2$' run sh -c 'env | grep -ci "^http_proxy=http://172.17.0.1:3128"'
check 'and fetches through it' says '^200$' run curl -s -m 20 -o /dev/null -w '%{http_code}' "$HTTP_URL"
check 'but reaches nothing without it' says '^000$' run curl -s -m 5 --noproxy '*' -o /dev/null -w '%{http_code}' "$HTTP_URL"
build() {
  printf '%s\n' 'FROM 10.9.1.1:4430/lab:1' "RUN curl -sf -m 20 -o /dev/null $HTTP_URL" |
    HOME=$work/home DOCKER_BUILDKIT=0 docker build -q --no-cache -
}
check 'a step of a build fetches through it' build
check 'no other address of the host has the port' says '^000$' run curl -s -m 5 --noproxy '*' -o /dev/null -w '%{http_code}' http://10.9.0.2:3128/

check 'setup takes back what it wrote' tsntlm setup docker --config "$work/tsntlm.conf" --root "$work/root" --undo
check 'and leaves nothing' says '^$' find "$work/root" -type f
finish

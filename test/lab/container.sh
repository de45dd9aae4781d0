#!/bin/bash
# The image in a real Docker engine: sidecars of conf/docker-compose.yml, configured by a file and by the environment. By hand,
# as root:
#
#   UPSTREAM=10.0.0.41:8080 ACCOUNT='CORP\alice' PASSWORD=... HTTP_URL=http://HOST/ HTTPS_URL=https://HOST/ test/lab/container.sh
#
# UPSTREAM is an NTLM proxy that containers reach. PROXY_NET=host where only the host reaches it: the sidecar then shares the
# host's network, and the job comes in through the gateway of its own network. CA= names a certificate file for HTTPS_URL.
# DOCKER= is the docker command ("docker -H unix:///..."), COMPOSE= that of compose. Without BUILD= and RUNTIME=, base images of
# the Dockerfile, one is made from debootstrap's Debian and this machine's node, for an engine without a registry.
. "$(dirname "$0")/lib.sh"
: "${UPSTREAM:?}" "${ACCOUNT:?}" "${PASSWORD:?}" "${HTTP_URL:?}" "${HTTPS_URL:?}"
DOCKER=${DOCKER:-docker}
docker() { command $DOCKER "$@"; }
needs debootstrap npm

make_base() {
  local context lock
  lock=$(sha256sum <"$ROOT/package-lock.json" | cut -c 1-12)
  [ "$(docker image inspect -f '{{.Config.Labels.lock}}' tsntlm-lab/node 2>/dev/null)" = "$lock" ] && return
  make_debian
  context=$(mktemp -d "$LAB/base.XXXX")
  mkdir "$context/lock"
  cp "$ROOT"/package.json "$ROOT"/package-lock.json "$ROOT"/.npmrc "$context/lock/"
  (cd "$context/lock" && npm ci --silent --ignore-scripts --cache "$context/npm-cache") || exit 1
  rm -rf "$context/lock"
  cp "$(readlink -f "$(command -v node)")" "$context/node"
  cp -r "$(npm root -g)/npm" "$context/npm"
  tar -C "$LAB/debian" -c . | docker import - tsntlm-lab/debian >/dev/null
  printf '%s\n' 'FROM tsntlm-lab/debian' 'COPY node /usr/local/bin/node' 'COPY npm /usr/local/lib/npm' 'COPY npm-cache /npm-cache' \
    'RUN ln -s ../lib/npm/bin/npm-cli.js /usr/local/bin/npm' 'ENV npm_config_cache=/npm-cache npm_config_offline=true' \
    "LABEL lock=$lock" >"$context/Dockerfile"
  DOCKER_BUILDKIT=0 docker build -q -t tsntlm-lab/node "$context" >/dev/null || exit 1
  rm -rf "$context"
}
if [ -z "${BUILD:-}" ]; then make_base; BUILD=tsntlm-lab/node RUNTIME=tsntlm-lab/node; fi

work=$(mktemp -d "$LAB/container.XXXX")
clean() {
  docker rm -f tsntlm-lab-sidecar tsntlm-lab-deaf >/dev/null 2>&1
  docker network rm tsntlm-lab-jobs tsntlm-lab-outside >/dev/null 2>&1
  docker volume rm tsntlm-lab-state >/dev/null 2>&1
  rm -rf "$work"
}
trap clean EXIT

build() { DOCKER_BUILDKIT=0 docker build --network none --build-arg BUILD="$BUILD" --build-arg RUNTIME="$RUNTIME" -t tsntlm "$ROOT"; }
check 'the image builds' build
check 'its user is not root' says '^1000:1000$' docker image inspect -f '{{.Config.User}}' tsntlm
own=$(docker history --format '{{.Size}}\t{{.CreatedBy}}' --no-trunc tsntlm | grep -E 'COPY' | head -n 7 | cut -f1 | tr '\n' ' ')
echo "     its own layers: $own"
check 'the program runs' says '^[0-9]+\.' docker run --rm tsntlm --version
check 'without a configuration it says what is missing' says 'neither /etc/tsntlm.conf nor' docker run --rm tsntlm

docker network create --internal tsntlm-lab-jobs >/dev/null
docker network create tsntlm-lab-outside >/dev/null
subnet=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' tsntlm-lab-jobs)
gateway=$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' tsntlm-lab-jobs)
docker0=$(docker run --rm --entrypoint sh "$BUILD" -c "ip route | sed -n 's/^default via \([0-9.]*\).*/\1/p'")

# private FILE LINE...: readable for the user of the image alone.
private() {
  local file=$1
  shift
  printf '%s\n' "$@" >"$file"
  chown 1000:1000 "$file"
  chmod 600 "$file"
}
# sidecar NETWORK OPTION...: also in the network of the jobs, unless NETWORK is that of the host.
sidecar() {
  local network=$1
  shift
  docker rm -f tsntlm-lab-sidecar >/dev/null 2>&1
  docker create --name tsntlm-lab-sidecar --network "$network" --read-only --cap-drop ALL --security-opt no-new-privileges:true \
    --health-interval 1s "$@" tsntlm >/dev/null || return
  [ "$network" = host ] || docker network connect --alias tsntlm tsntlm-lab-jobs tsntlm-lab-sidecar || return
  docker start tsntlm-lab-sidecar
}
state() { docker inspect -f "{{.State.$1}}" tsntlm-lab-sidecar; }
inside() { docker exec tsntlm-lab-sidecar "$@"; }
is_healthy() { check "$1: the engine finds it healthy" within 20 says '^healthy' state Health.Status; }
# job NETWORK PROXY CURL-ARGUMENT...
job() {
  local network=$1 proxy=$2
  shift 2
  docker run --rm --network "$network" -e http_proxy="$proxy" -e https_proxy="$proxy" ${CA:+-v "$CA:/ca.crt:ro" -e CURL_CA_BUNDLE=/ca.crt} \
    --entrypoint curl "$BUILD" -sS -m 20 -o /dev/null -w 'code=%{http_code}' "$@"
}
serves() {
  local name=$1
  shift
  check "$name: a job fetches http through it" says '^code=200$' job "$@" "$HTTP_URL"
  check "$name: a job fetches https through it" says '^code=200$' job "$@" "$HTTPS_URL"
}
no_password() { ! docker logs tsntlm-lab-sidecar 2>&1 | grep -F "$PASSWORD"; }
no_password_at_all() { no_password && ! docker inspect tsntlm-lab-sidecar tsntlm | grep -F "$PASSWORD"; }
ends() {
  local began
  began=$(date +%s)
  check "$1: it takes SIGTERM" docker stop -t 20 tsntlm-lab-sidecar
  check "$1: and ends at once" [ $(($(date +%s) - began)) -lt 4 ]
  check "$1: with exit code 0" says '^0$' state ExitCode
}

private "$work/tsntlm.conf" "Username ${ACCOUNT#*\\}" "Domain ${ACCOUNT%\\*}" "Password \"$PASSWORD\"" "Proxy $UPSTREAM" \
  'Listen 0.0.0.0:3128' 'Allow 127.0.0.1' "Allow $subnet" 'Deny *' 'Admin 9911'
check 'the sidecar starts with a read-only root and without capabilities' sidecar "${PROXY_NET:-tsntlm-lab-outside}" \
  -v "$work/tsntlm.conf:/etc/tsntlm.conf:ro" -v tsntlm-lab-state:/var/lib/tsntlm
is_healthy file
check 'as process 1' says '^1 .*node' inside sh -c 'echo 1 $(tr "\0" " " </proc/1/cmdline)'
through=http://tsntlm:3128
[ "${PROXY_NET:-}" = host ] && through=http://$gateway:3128
serves file tsntlm-lab-jobs "$through"
check 'without the proxy a job reaches nothing' says 'code=000' job tsntlm-lab-jobs "$through" --noproxy '*' "$HTTP_URL"
check 'neither the engine nor the log shows the password' no_password_at_all
check 'the state is in the volume' inside test -s /var/lib/tsntlm/logons.json
check 'status answers inside the container' says "^$UPSTREAM +ok" inside tsntlm status
check 'a reload too' says 'configuration' inside tsntlm reload
ask='fetch(process.argv[1]).then(async answer => console.log(answer.status, await answer.text()))'
check 'the Admin listener answers inside the container' says '^200' inside node -e "$ask" http://127.0.0.1:9911/readyz
ends file

printf '%s\n' "$PASSWORD" >"$work/secret"
chown 1000:1000 "$work/secret"
chmod 600 "$work/secret"
account=(-e TSNTLM_USERNAME="${ACCOUNT#*\\}" -e TSNTLM_DOMAIN="${ACCOUNT%\\*}" -e TSNTLM_PROXY="$UPSTREAM")
secret=(-v "$work/secret:/run/secrets/tsntlm_password:ro")

check 'the environment is enough on the network of the host' sidecar host "${account[@]}" "${secret[@]}" \
  -e TSNTLM_LISTEN=docker0:3129 -e TSNTLM_ALLOW=docker -e 'TSNTLM_DENY=*'
is_healthy host
serves host bridge "http://$docker0:3129"
check 'its port is that of docker0 alone' says 'code=000' job tsntlm-lab-jobs "http://$gateway:3129" "$HTTP_URL"
check 'a secret in a file shows nowhere' no_password_at_all
check 'status names the interface' says "$docker0:3129" inside tsntlm status
ends host

if [ "${PROXY_NET:-}" != host ]; then
  check 'the password can be in a file of another name' says '^Password +\[secret\] from .*/run/password' docker run --rm "${account[@]}" \
    -v "$work/secret:/run/password:ro" -e TSNTLM_PASSWORD_FILE=/run/password -e TSNTLM_LISTEN=3128 tsntlm check --show
  check 'the environment is enough for a sidecar' sidecar tsntlm-lab-outside "${account[@]}" -e TSNTLM_PASSWORD="$PASSWORD" \
    --hostname tsntlm -e TSNTLM_LISTEN=0.0.0.0:3128 -e TSNTLM_ALLOW="127.0.0.1,$subnet" -e 'TSNTLM_DENY=*' \
    -e TSNTLM_ADMIN=0.0.0.0:9911 -e TSNTLM_ADMINEXPOSED=yes
  is_healthy sidecar
  serves sidecar tsntlm-lab-jobs http://tsntlm:3128
  check 'its log does not show the password' no_password
  check 'and warns of where it does' says 'TSNTLM_PASSWORD.*docker inspect' docker logs tsntlm-lab-sidecar
  check 'a container of the same network reads its metrics by its name' says '^code=200$' \
    job tsntlm-lab-jobs http://tsntlm:3128 --noproxy tsntlm http://tsntlm:9911/metrics
  ends sidecar
fi

compose() { command ${COMPOSE:-$DOCKER compose} --project-directory "$work" -p tsntlm-lab -f "$file" "$@"; }
# up FILE: with a job that this machine has the image for, and this upstream.
up() {
  file=$1
  printf '%s\n' 'services:' '  tsntlm:' "    environment: { TSNTLM_PROXY: '$UPSTREAM', TSNTLM_USERNAME: '${ACCOUNT#*\\}', TSNTLM_DOMAIN: '${ACCOUNT%\\*}' }" \
    '  job:' "    image: $BUILD" '    depends_on: { tsntlm: { condition: service_healthy } }' '    environment: { http_proxy: http://tsntlm:3128 }' \
    '    entrypoint: [curl]' "    command: ['-sSI', '$HTTP_URL']" >"$work/job.yml"
  compose -f "$work/job.yml" up --exit-code-from job 2>&1
  compose -f "$work/job.yml" down -v >/dev/null 2>&1
}
file=$ROOT/conf/docker-compose.yml
if compose version >/dev/null 2>&1; then
  check 'the compose file is valid' compose config -q
  if [ "${PROXY_NET:-}" != host ]; then
    private "$work/tsntlm.conf" "Username ${ACCOUNT#*\\}" "Domain ${ACCOUNT%\\*}" "Password \"$PASSWORD\"" "Proxy $UPSTREAM" \
      'Listen 0.0.0.0:3128' 'Allow 127.0.0.1' 'Allow 172.16.0.0/12' 'Allow 192.168.0.0/16' 'Deny *'
    check 'its job fetches through its sidecar' says '200 OK' up "$file"
    sed -n '/^### Docker Compose/,/^```$/p' "$ROOT/docs/credentials.md" | sed '1,/^```yaml/d; /^```$/d' >"$work/documented.yml"
    (umask 077 && cp -p "$work/secret" "$work/password")
    check 'so does one with the secret of docs/credentials.md' says '200 OK' up "$work/documented.yml"
  fi
else
  echo '     there is no docker compose, so the compose file was not tried'
fi

printf '%s\n' 'NoProxy *' 'Listen 127.0.0.1:3129' >"$work/tsntlm.conf"
docker run -d --rm --name tsntlm-lab-deaf -v "$work/tsntlm.conf:/etc/tsntlm.conf:ro" tsntlm >/dev/null
printf '%s\n' 'NoProxy *' 'Listen 127.0.0.1:3130' >"$work/other.conf"
docker cp "$work/other.conf" tsntlm-lab-deaf:/tmp/other.conf >/dev/null
deaf() { docker exec tsntlm-lab-deaf tsntlm health --config /tmp/other.conf; [ $? = 1 ]; }
check 'the health check fails on a port where nothing listens' says 'refused' deaf
finish

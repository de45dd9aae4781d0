#!/bin/bash
# The image and the sidecar of conf/docker-compose.yml in a real Docker engine. By hand, as root:
#
#   UPSTREAM=10.0.0.41:8080 ACCOUNT='CORP\alice' PASSWORD=... HTTP_URL=http://HOST/ HTTPS_URL=https://HOST/ test/lab/container.sh
#
# UPSTREAM is an NTLM proxy that containers reach. PROXY_NET=host where only the host reaches it: the sidecar then shares the
# host's network, and the job comes in through the gateway of its own network. CA= names a certificate file for HTTPS_URL.
# DOCKER= is the docker command ("docker -H unix:///..."). Without BUILD= and RUNTIME=, base images of the Dockerfile, one is
# made from debootstrap's Debian and this machine's node, for an engine without a registry.
. "$(dirname "$0")/lib.sh"
: "${UPSTREAM:?}" "${ACCOUNT:?}" "${PASSWORD:?}" "${HTTP_URL:?}" "${HTTPS_URL:?}"
DOCKER=${DOCKER:-docker}
docker() { command $DOCKER "$@"; }
needs debootstrap npm

make_base() {
  docker image inspect tsntlm-lab/node >/dev/null 2>&1 && return
  make_debian
  local context
  context=$(mktemp -d "$LAB/base.XXXX")
  mkdir "$context/lock"
  cp "$ROOT"/package.json "$ROOT"/package-lock.json "$ROOT"/.npmrc "$context/lock/"
  (cd "$context/lock" && npm ci --silent --ignore-scripts --cache "$context/npm-cache") || exit 1
  rm -rf "$context/lock"
  cp "$(readlink -f "$(command -v node)")" "$context/node"
  cp -r "$(npm root -g)/npm" "$context/npm"
  tar -C "$LAB/debian" -c . | docker import - tsntlm-lab/debian >/dev/null
  printf '%s\n' 'FROM tsntlm-lab/debian' 'COPY node /usr/local/bin/node' 'COPY npm /usr/local/lib/npm' 'COPY npm-cache /npm-cache' \
    'RUN ln -s ../lib/npm/bin/npm-cli.js /usr/local/bin/npm' 'ENV npm_config_cache=/npm-cache npm_config_offline=true' >"$context/Dockerfile"
  DOCKER_BUILDKIT=0 docker build -q -t tsntlm-lab/node "$context" >/dev/null || exit 1
  rm -rf "$context"
}
if [ -z "${BUILD:-}" ]; then make_base; BUILD=tsntlm-lab/node RUNTIME=tsntlm-lab/node; fi

work=$(mktemp -d "$LAB/container.XXXX")
clean() {
  docker rm -f tsntlm-lab-sidecar >/dev/null 2>&1
  docker network rm tsntlm-lab-jobs tsntlm-lab-outside >/dev/null 2>&1
  docker volume rm tsntlm-lab-state >/dev/null 2>&1
  rm -rf "$work"
}
trap clean EXIT

build() { DOCKER_BUILDKIT=0 docker build --network none --build-arg BUILD="$BUILD" --build-arg RUNTIME="$RUNTIME" -t tsntlm "$ROOT"; }
check 'the image builds' build
check 'its user is not root' says '^1000:1000$' docker image inspect -f '{{.Config.User}}' tsntlm
own=$(docker history --format '{{.Size}}\t{{.CreatedBy}}' --no-trunc tsntlm | grep -E 'COPY' | head -n 6 | cut -f1 | tr '\n' ' ')
echo "     its own layers: $own"
check 'the program runs' says '^[0-9]+\.' docker run --rm tsntlm --version
check 'without a configuration it says what is missing' says 'neither /etc/tsntlm.conf nor' docker run --rm tsntlm

docker network create --internal tsntlm-lab-jobs >/dev/null
docker network create tsntlm-lab-outside >/dev/null
subnet=$(docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' tsntlm-lab-jobs)
printf '%s\n' "Username ${ACCOUNT#*\\}" "Domain ${ACCOUNT%\\*}" "Password \"$PASSWORD\"" "Proxy $UPSTREAM" 'Listen 0.0.0.0:3128' \
  'Allow 127.0.0.1' "Allow $subnet" 'Deny *' >"$work/tsntlm.conf"
chown 1000:1000 "$work/tsntlm.conf"
chmod 600 "$work/tsntlm.conf"

# sidecar OPTION...: it runs, and jobs reach it as $proxy.
sidecar() {
  docker run -d --name tsntlm-lab-sidecar --network "${PROXY_NET:-tsntlm-lab-outside}" --read-only --cap-drop ALL \
    --security-opt no-new-privileges:true --health-interval 1s -v tsntlm-lab-state:/var/lib/tsntlm "$@" tsntlm || return
  [ "${PROXY_NET:-}" = host ] || docker network connect --alias tsntlm tsntlm-lab-jobs tsntlm-lab-sidecar
}
proxy=http://tsntlm:3128
[ "${PROXY_NET:-}" != host ] || proxy=http://$(docker network inspect -f '{{(index .IPAM.Config 0).Gateway}}' tsntlm-lab-jobs):3128
check 'the sidecar starts with a read-only root and without capabilities' sidecar -v "$work/tsntlm.conf:/etc/tsntlm.conf:ro"
check 'the engine finds it healthy' within 20 says '^healthy' docker inspect -f '{{.State.Health.Status}}' tsntlm-lab-sidecar
check 'its control socket answers' says "$UPSTREAM" docker exec tsntlm-lab-sidecar tsntlm status
check 'as process 1' says '^1 .*node' docker exec tsntlm-lab-sidecar sh -c 'echo 1 $(tr "\0" " " </proc/1/cmdline)'

job() {
  docker run --rm --network tsntlm-lab-jobs -e http_proxy="$proxy" -e https_proxy="$proxy" ${CA:+-v "$CA:/ca.crt:ro" -e CURL_CA_BUNDLE=/ca.crt} \
    --entrypoint curl "$BUILD" -sS -m 20 -o /dev/null -w 'code=%{http_code}' "$@"
}
check 'a job fetches http through it' says '^code=200$' job "$HTTP_URL"
check 'a job fetches https through it' says '^code=200$' job "$HTTPS_URL"
check 'without the proxy a job reaches nothing' says 'code=000' job --noproxy '*' "$HTTP_URL"
no_secret() { ! docker inspect tsntlm-lab-sidecar tsntlm | grep -F "$PASSWORD" && ! docker logs tsntlm-lab-sidecar 2>&1 | grep -F "$PASSWORD"; }
check 'neither the engine nor the log shows the password' no_secret
check 'the state is in the volume' docker exec tsntlm-lab-sidecar test -s /var/lib/tsntlm/logons.json

began=$(date +%s)
check 'it takes SIGTERM' docker stop -t 20 tsntlm-lab-sidecar
check 'and ends within seconds' [ $(($(date +%s) - began)) -lt 10 ]
check 'with exit code 0' says '^0$' docker inspect -f '{{.State.ExitCode}}' tsntlm-lab-sidecar
docker rm -f tsntlm-lab-sidecar >/dev/null

by_environment() {
  sidecar -e TSNTLM_PROXY="$UPSTREAM" -e TSNTLM_USERNAME="${ACCOUNT#*\\}" -e TSNTLM_DOMAIN="${ACCOUNT%\\*}" -e TSNTLM_LISTEN=0.0.0.0:3128 \
    -e TSNTLM_ALLOW="127.0.0.1,$subnet" -e TSNTLM_DENY='*' "$@"
}
secret=$work/password
echo "$PASSWORD" >"$secret"
chown 1000:1000 "$secret"
chmod 400 "$secret"
check 'a sidecar starts by its environment alone, the password in a secret' by_environment -v "$secret:/run/secrets/tsntlm_password:ro"
check 'the engine finds it healthy' within 20 says '^healthy' docker inspect -f '{{.State.Health.Status}}' tsntlm-lab-sidecar
check 'a job fetches http through it' says '^code=200$' job "$HTTP_URL"
check 'a job fetches https through it' says '^code=200$' job "$HTTPS_URL"
check 'neither the engine nor the log shows the password' no_secret
docker rm -f tsntlm-lab-sidecar >/dev/null
check 'the password may be a variable' by_environment -e TSNTLM_PASSWORD="$PASSWORD"
check 'and a job fetches https then too' within 10 says '^code=200$' job "$HTTPS_URL"
docker rm -f tsntlm-lab-sidecar >/dev/null

printf '%s\n' 'NoProxy *' 'Listen 127.0.0.1:3129' >"$work/tsntlm.conf"
docker run -d --rm --name tsntlm-lab-deaf -v "$work/tsntlm.conf:/etc/tsntlm.conf:ro" tsntlm >/dev/null
printf '%s\n' 'NoProxy *' 'Listen 127.0.0.1:3130' >"$work/other.conf"
docker cp "$work/other.conf" tsntlm-lab-deaf:/tmp/other.conf >/dev/null
deaf() { docker exec tsntlm-lab-deaf node bin/tsntlm.js health --config /tmp/other.conf; [ $? = 1 ]; }
check 'the health check fails on a port where nothing listens' says 'refused' deaf
docker rm -f tsntlm-lab-deaf >/dev/null
finish

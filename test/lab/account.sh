#!/bin/bash
# What each event costs the account, and how long service is away: the table of docs/reliability.md, measured on a real Active
# Directory (Samba) that locks accounts after 3 wrong passwords, behind two Squids whose helper is winbind's ntlm_auth. By hand,
# as root, after `npm run build`:
#
#   apt-get install samba samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind krb5-user squid iproute2 python3-samba
#   test/lab/account.sh [ROW...]
#
# Without ROW all rows are run, which takes about 17 minutes; `account.sh --list` shows their names and bounds. CHECKOUT= is a
# built checkout to judge instead of this one, MINUTES= the bound on the whole run. The domain is made once, in $LAB/account
# (a minute); each row begins with the account as new. What tsntlm logs in a row is $LAB/account/ROW.log.
#
#   client, tsntlm [host 10.79.0.20] --- [lan: origin 10.79.0.80] --- Squid, winbindd [a .41, b .42] --- Samba [dc 10.79.1.10]
#
# Each is a process with network, mount and host name spaces of its own. Those of a and b for the controller are on a second
# bridge, whose ports are taken down to lose it: packets vanish, as behind a router.
. "$(dirname "$0")/lib.sh"
JUDGE=$ROOT/test/lab/account
[ "${1:-}" != --list ] || exec /usr/bin/python3 "$JUDGE/rows.py" --list
needs samba samba-tool winbindd ntlm_auth net squid ip nsenter unshare flock
export CHECKOUT=${CHECKOUT:-$ROOT} HOME_OF_LAB=$LAB/account PYTHONDONTWRITEBYTECODE=1
[ -f "$CHECKOUT/dist/cli/main.js" ] || { echo "$CHECKOUT is not built" >&2; exit 2; }
ADMIN_PASSWORD=Adm1n-Lab-Pass
home=$HOME_OF_LAB
mkdir -p "$home" && chmod 755 "$LAB" "$home"
exec 9>"$home/lock"
flock -n 9 || { echo "another run uses $home" >&2; exit 2; }

pids=()
# start LOG COMMAND...: ended by `clean`, the last one first.
start() {
  "${@:2}" >"$home/$1.log" 2>&1 </dev/null 9>&- &
  pids+=($!)
}
clean() {
  local index pid
  for ((index = ${#pids[@]} - 1; index >= 0; index--)); do
    pid=${pids[index]}
    kill -TERM "$pid" 2>/dev/null
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$pid" 2>/dev/null
  done
  wait
}
trap clean EXIT
trap 'exit 130' INT TERM

declare -A holder
# A host is a process that holds its namespaces; they vanish with it.
host() {
  start "host-$1" unshare --mount --net --uts -- sleep infinity
  holder[$1]=${pids[-1]}
  within 5 grep -q sleep "/proc/${holder[$1]}/comm"
  on "$1" hostname "$2"
  on "$1" ip link set lo up
}
on() { nsenter -t "${holder[$1]}" -m -n -u -- "${@:2}"; }
# own HOST FILE: what stands on standard input is this file on that host.
own() {
  cat >"$home/$1${2//\//-}"
  [ -e "$2" ] || touch "$2"
  on "$1" mount --bind "$home/$1${2//\//-}" "$2"
}
# wire HOST INTERFACE BRIDGE ADDRESS
wire() {
  on lan ip link add "$1-$2" type veth peer name "$2" netns "${holder[$1]}"
  on lan ip link set "$1-$2" master "$3" up
  on "$1" ip addr add "$4/24" dev "$2"
  on "$1" ip link set "$2" up
}
network() {
  local each other mac bridge
  host lan lan
  for bridge in corp control; do on lan ip link add "$bridge" type bridge && on lan ip link set "$bridge" up; done
  on lan ip addr add 10.79.0.80/24 dev corp
  host host build01 && wire host eth0 corp 10.79.0.20
  host dc dc1 && wire dc dc0 control 10.79.1.10
  host a squida && wire a eth0 corp 10.79.0.41 && wire a dc0 control 10.79.1.41
  host b squidb && wire b eth0 corp 10.79.0.42 && wire b dc0 control 10.79.1.42
  # Known for good, so that nobody is told that the controller cannot be reached.
  mac=$(on dc cat /sys/class/net/dc0/address)
  for each in a b; do
    on "$each" ip neigh replace 10.79.1.10 lladdr "$mac" dev dc0 nud permanent
    other=$(on "$each" cat /sys/class/net/dc0/address)
    on dc ip neigh replace "$(on "$each" ip -4 -o addr show dev dc0 | sed 's/.*inet \([0-9.]*\).*/\1/')" lladdr "$other" dev dc0 nud permanent
  done
  for each in dc a b; do
    printf '%s\n' '127.0.0.1 localhost' '10.79.1.10 dc1.corp.test dc1' '10.79.1.41 squida.corp.test squida' \
      '10.79.1.42 squidb.corp.test squidb' '10.79.0.80 origin.corp.test blocked.corp.test' | own "$each" /etc/hosts
    echo 'nameserver 10.79.1.10' | own "$each" /etc/resolv.conf
    printf '%s\n' '[libdefaults]' 'default_realm = CORP.TEST' 'dns_lookup_realm = false' 'dns_lookup_kdc = false' 'rdns = false' \
      '[realms]' 'CORP.TEST = {' 'kdc = 10.79.1.10' 'admin_server = 10.79.1.10' '}' | own "$each" /etc/krb5.conf
    # The socket of winbindd has a fixed path.
    mkdir -p "$home/$each/run" /run/samba && chmod 755 "$home/$each" "$home/$each/run"
    on "$each" mount --bind "$home/$each/run" /run/samba
  done
}

directory=$home/dc/domain
tool() { samba-tool "$@" -s "$directory/etc/smb.conf"; }
listens() { on "$1" bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; }
domain() {
  if [ ! -f "$home/joined" ]; then
    rm -rf "$directory"
    on dc samba-tool domain provision --realm=CORP.TEST --domain=CORP --adminpass="$ADMIN_PASSWORD" --server-role=dc \
      --dns-backend=SAMBA_INTERNAL --host-name=DC1 --host-ip=10.79.1.10 --targetdir="$directory" \
      --option='interfaces=10.79.1.10/24 127.0.0.1' --option='bind interfaces only=yes' --option='log level=0 auth_audit:3' \
      --option="log file=$directory/log.samba" --option='dns forwarder=0.0.0.0' --option="pid directory=$directory" \
      --option='ntlm auth=ntlmv2-only' || return
    # Every wrong password counts, also the last one: no history.
    tool domain passwordsettings set --complexity=off --min-pwd-age=0 --max-pwd-age=0 --history-length=0 --min-pwd-length=4 \
      --account-lockout-threshold=3 --account-lockout-duration=30 --reset-account-lockout-after=30 || return
    tool user create alice Al1ce-Pass && tool user create bob B0b-Pass || return
  fi
  start dc nsenter -t "${holder[dc]}" -m -n -u -- samba -F --no-process-group -s "$directory/etc/smb.conf"
  local port
  for port in 88 389 445; do within 30 listens dc 10.79.1.10 $port || return; done
}
# member HOST NAME: it joins the domain and runs winbindd.
member() {
  local at=$home/$1 conf=$home/$1/smb.conf
  mkdir -p "$at"/{private,lock,state,cache,ncalrpc}
  printf '%s\n' '[global]' 'workgroup = CORP' 'realm = CORP.TEST' 'security = ads' "netbios name = $2" 'interfaces = dc0' \
    'bind interfaces only = yes' "private dir = $at/private" "lock directory = $at/lock" "state directory = $at/state" \
    "cache directory = $at/cache" "pid directory = $at" "ncalrpc dir = $at/ncalrpc" 'winbindd socket directory = /run/samba/winbindd' \
    'idmap config * : backend = tdb' 'idmap config * : range = 10000-19999' 'winbind use default domain = yes' \
    'winbind max domain connections = 4' "log file = $at/log.%m" 'log level = 0' 'ntlm auth = ntlmv2-only' >"$conf"
  [ -f "$home/joined" ] || on "$1" net ads join -U "administrator%$ADMIN_PASSWORD" --configfile="$conf" --no-dns-updates || return
  start "winbindd-$1" nsenter -t "${holder[$1]}" -m -n -u -- winbindd -F --no-process-group --configfile="$conf"
  within 30 on "$1" wbinfo -t || return
  chgrp winbindd_priv "$at/state/winbindd_privileged"
}
# squid HOST ADDRESS: what goes to and comes from each of its NTLM helpers is kept, to be counted by squid.py.
squid() {
  local at=$home/$1/squid
  rm -rf "$at" && mkdir -p "$at"
  printf '%s\n' '#!/bin/sh' "tee $at/asked.\$\$ | $(command -v ntlm_auth) --configfile=$home/$1/smb.conf --helper-protocol=squid-2.5-ntlmssp | tee $at/answered.\$\$" >"$at/helper"
  chmod 755 "$at/helper"
  printf '%s\n' "http_port $2:8080" "auth_param ntlm program $at/helper" 'auth_param ntlm children 40 startup=20 idle=1' \
    'auth_param ntlm keep_alive on' 'cache_effective_group winbindd_priv' \
    'acl blocked dstdomain -n blocked.corp.test' 'acl group proxy_auth bob' 'acl authenticated proxy_auth REQUIRED' \
    'http_access deny blocked !group' 'http_access allow authenticated' 'http_access deny all' 'cache deny all' 'cache_mem 8 MB' \
    'hosts_file /etc/hosts' 'dns_nameservers 127.0.0.1' 'dns_timeout 2 seconds' "visible_hostname $1.corp.test" "pid_filename $at/pid" \
    "access_log stdio:$at/access.log" "cache_log $at/cache.log" "coredump_dir $at" 'pinger_enable off' 'netdb_filename none' \
    'icp_port 0' 'htcp_port 0' 'shutdown_lifetime 1 seconds' 'max_filedescriptors 8192' 'client_idle_pconn_timeout 10 minutes' >"$at/conf"
  chown -R proxy:proxy "$at"
  start "squid-$1" nsenter -t "${holder[$1]}" -m -n -u -- squid -N -n "account$1" -f "$at/conf"
  within 10 listens "$1" "$2" 8080
}
world() {
  network && domain && member a SQUIDA && member b SQUIDB && touch "$home/joined" && squid a 10.79.0.41 && squid b 10.79.0.42 || return
  start origin nsenter -t "${holder[lan]}" -m -n -u -- /usr/bin/python3 "$JUDGE/origin.py" 10.79.0.80
  within 10 listens lan 10.79.0.80 80
}

world >"$home/world.log" 2>&1 || { tail -n 5 "$home/world.log" >&2; exit 1; }
export DIRECTORY=$directory
for name in "${!holder[@]}"; do export "HOST_$name=${holder[$name]}"; done
nsenter -t "${holder[host]}" -n -u -- timeout -k 10 "${MINUTES:-30}m" /usr/bin/python3 "$JUDGE/rows.py" "$@" 9>&- &
judge=$!
pids+=("$judge")
wait "$judge"

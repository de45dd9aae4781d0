#!/bin/bash
# The package and its units under a real systemd, booted as pid 1 of a container without a network. By hand, as root:
#
#   apt-get install debootstrap systemd-container dpkg-dev && test/lab/systemd.sh
#
# The upstream is that of `tsntlm demo`, inside the container. LAB= names a folder for what is made (about 800 MB).
. "$(dirname "$0")/lib.sh"
needs debootstrap systemd-nspawn nsenter dpkg-deb

copy_debian machine
rm -f "$LAB"/*.deb
"$ROOT/packaging/debian/build.sh" --bundle-node --output "$LAB" >/dev/null || exit 1
cp "$LAB"/tsntlm_*.deb "$LAB/machine/root/tsntlm.deb"

systemd-nspawn -q -D "$LAB/machine" --machine=tsntlm-lab --register=no --keep-unit --console=pipe --private-network \
  --resolv-conf=off -b >"$LAB/machine.log" 2>&1 </dev/null &
nspawn=$!
inside() {
  local leader
  leader=$(ps -o pid= --ppid "$nspawn" | awk '{ print $1; exit }')
  nsenter -t "$leader" -m -u -i -n -p -C -r -w -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 SYSTEMD_PAGER= "$@"
}
stop_machine() {
  inside systemctl poweroff --no-wall >/dev/null 2>&1
  for _ in $(seq 100); do kill -0 "$nspawn" 2>/dev/null || return; sleep 0.1; done
  kill -KILL "$nspawn"
}
trap stop_machine EXIT
is_up() { [[ $(inside systemctl is-system-running 2>/dev/null) =~ running|degraded ]]; }
check 'systemd boots' within 30 is_up

property() { inside systemctl show tsntlm -p "$1" --value; }
journal() { inside journalctl -u "${1:-tsntlm}" -o cat --no-pager; }
fetch() { inside curl -sS -m 10 -x "http://${1:-127.0.0.1:3128}" http://origin.demo.test/hello; }
configure() { printf '%s\n' 'Username alice' 'Domain CORP' 'Password Demo-Passw0rd' "Proxy $upstream" "$@" >"$LAB/machine/etc/tsntlm.conf"; }
drop_in() { inside mkdir -p /etc/systemd/system/tsntlm.service.d; printf '%s\n' '[Service]' "$@" >"$LAB/machine/etc/systemd/system/tsntlm.service.d/lab.conf"; inside systemctl daemon-reload; }
no_drop_in() { rm -f "$LAB/machine/etc/systemd/system/tsntlm.service.d/lab.conf"; inside systemctl daemon-reload; }

check 'the package installs and starts nothing' says 'not started' inside dpkg -i /root/tsntlm.deb
check 'the service is neither enabled nor active' says '^inactive' inside systemctl is-active tsntlm
check 'the units are valid' inside systemd-analyze verify --man=no tsntlm.service tsntlm.socket
exposure=$(inside systemd-analyze security --no-pager tsntlm.service | grep -o 'level for tsntlm.service: [0-9.]*' | grep -o '[0-9.]*$')
check "the exposure, $exposure, is at most 2.0" awk "BEGIN { exit !($exposure <= 2.0) }"

inside systemd-run -q --unit=demo tsntlm demo
within 10 says 'Try it yourself' journal demo >/dev/null
upstream=$(journal demo | sed -n 's|.*upstream *http://\([0-9.:]*\),.*|\1|p' | tail -n 1)
configure 'Listen 127.0.0.1:3128'
check 'the configuration stays private to the service' says '^600 tsntlm' inside stat -c '%a %U' /etc/tsntlm.conf
check 'it starts' inside systemctl start tsntlm
check 'systemctl status shows the address' says 'listening on 127.0.0.1:3128' property StatusText
check 'a GET goes through the upstream' says 'Hello from the origin' fetch
check 'health says so' says 'answers' inside tsntlm health
check 'it has no capabilities and no root' says 'CapEff:.0+$' inside cat "/proc/$(property MainPID)/status"

check 'status answers root over the control socket' says '^127\.0\.0\.1:3128 +http' inside tsntlm status
check 'and shows the upstream' says "^$upstream +ok" inside tsntlm status
check 'nobody else but the service can open the socket' says '^600 tsntlm' inside stat -c '%a %U' /run/tsntlm/control.sock
check 'which another user is told' says 'may not open /run/tsntlm/control.sock' inside runuser -u nobody -- tsntlm status
check 'the log level is changed by command' says '^debug' inside tsntlm log-level debug
configure 'Listen 127.0.0.1:3128' 'Admin 9911'
check 'tsntlm reload takes a new configuration' says '^configuration number 2 is in use' inside tsntlm reload
admin() { inside curl -sS -m 10 -w ' %{http_code}' "http://127.0.0.1:9911/$1"; }
check 'with an Admin listener on loopback that is ready' says ' 200$' admin readyz
check 'and has metrics' says '^tsntlm_build_info' admin metrics
configure 'Listen 127.0.0.1:99999'
check 'tsntlm reload tells what is wrong with one' says 'Listen.*99999' inside tsntlm reload
check 'and the old one stays in use' says 'Hello from the origin' fetch
configure 'Listen 127.0.0.1:3128'
inside sed -i 's/^Password .*/Password wrong/' /etc/tsntlm.conf
inside tsntlm reload >/dev/null
check 'a wrong password is reported' says 'AUTH_REJECTED' fetch
degraded() { inside tsntlm status; [ $? = 3 ]; }
check 'status says that it is kept back, with exit code 3' says ': rejected' degraded
check 'tsntlm unlock lets it be sent once more' says 'sends the password of .* once' inside tsntlm unlock
check 'which the upstream refuses again' says 'AUTH_REJECTED' fetch
configure 'Listen 127.0.0.1:3128'
check 'tsntlm reload takes the right one' says '^configuration number' inside tsntlm reload
check 'which serves although two logons of the other one have failed' says 'Hello from the origin' fetch
check 'so there is nothing to unlock' says 'nothing was changed' inside tsntlm unlock
check 'tsntlm drain ends the service' says 'it has ended' inside tsntlm drain --wait
check 'which systemd does not start again' within 5 says '^inactive' inside systemctl is-active tsntlm
check 'as it ended well' says '^success' property Result
check 'afterwards there is nobody to ask' says 'Is tsntlm running' inside tsntlm status

inside tsntlm --run-as tsntlm >"$LAB/by-hand.log" 2>&1 &
by_hand=$!
check 'by hand, as root with --run-as, it has the control socket too' within 10 says '^127\.0\.0\.1:3128 +http' inside tsntlm status
check 'which belongs to that user' says '^600 tsntlm' inside stat -c '%a %U' /run/tsntlm/control.sock
check 'and it serves' says 'Hello from the origin' fetch
check 'tsntlm drain ends it' says 'it has ended' inside tsntlm drain --wait
check 'with exit code 0' wait "$by_hand"
check 'what it leaves does not keep the service from starting' inside systemctl start tsntlm

before=$(property MainPID)
check 'it reloads' inside systemctl reload tsntlm
check 'and goes on as the same process' [ "$(property MainPID)" = "$before" ]
inside kill -KILL "$before"
check 'after a kill -9 it comes back' within 15 says 'Hello from the origin' fetch
check 'systemd counted one restart' [ "$(property NRestarts)" = 1 ]

drop_in WatchdogSec=4s RestartSec=1s
inside systemctl restart tsntlm
sleep 9
check 'the watchdog is content with a service that lives' says '^active' inside systemctl is-active tsntlm
inside systemctl kill -s STOP tsntlm
check 'the watchdog ends one that hangs' within 15 says 'watchdog' property Result
check 'and it comes back' within 15 says 'Hello from the origin' fetch
no_drop_in

inside systemctl restart tsntlm
tunnel='exec 3<>/dev/tcp/127.0.0.1/3128
printf "CONNECT origin.demo.test:80 HTTP/1.1\r\nHost: origin.demo.test:80\r\n\r\n" >&3; sleep 4
printf "GET /hello HTTP/1.1\r\nHost: origin.demo.test\r\nConnection: close\r\n\r\n" >&3; cat <&3'
inside bash -c "$tunnel" >"$LAB/tunnel.txt" 2>&1 &
client=$!
sleep 1.5
check 'a stop waits for an open tunnel' inside systemctl stop tsntlm
wait "$client"
check 'whose client gets everything' grep -q 'Hello from the origin' "$LAB/tunnel.txt"
check 'the stop was a clean one' says '^success' property Result

configure 'Listen 127.0.0.1:3128' 'Workers 2'
inside systemctl start tsntlm
workers() { inside ps -o pid=,user= --ppid "$(property MainPID)" | grep -c ' tsntlm$'; }
check 'with Workers 2 two more processes run, as the same user' within 10 says '^2$' workers
check 'and serve' says 'Hello from the origin' fetch
check 'status names them' says '^workers +process' inside tsntlm status
check 'it reloads' inside systemctl reload tsntlm
inside bash -c "$tunnel" >"$LAB/tunnel.txt" 2>&1 &
client=$!
sleep 1.5
check 'a stop, which sends SIGTERM to all of them, waits for an open tunnel' inside systemctl stop tsntlm
wait "$client"
check 'whose client gets everything' grep -q 'Hello from the origin' "$LAB/tunnel.txt"
check 'the stop was a clean one' says '^success' property Result
inside systemctl start tsntlm
within 10 says '^2$' workers >/dev/null
inside kill -KILL "$(inside ps -o pid= --ppid "$(property MainPID)" | head -n 1)"
check 'a worker that is killed is replaced' within 10 says '^2$' workers
check 'and the service serves' says 'Hello from the origin' fetch
inside kill -KILL "$(property MainPID)"
check 'after a kill -9 of the main process it comes back' within 15 says 'Hello from the origin' fetch
check 'with two workers, and no others' within 10 says '^2$' inside pgrep -c -f '^tsntlm worker'
inside systemctl stop tsntlm
configure 'Listen 127.0.0.1:3128'

inside mkdir -p /etc/credstore
(umask 077 && echo Demo-Passw0rd >"$LAB/machine/etc/credstore/tsntlm.password")
inside sed -i '/^Password/d' /etc/tsntlm.conf
drop_in Environment=TSNTLM_PASSWORD_FILE=%d/tsntlm.password
inside systemctl start tsntlm
check 'the service takes its password from a credential' says 'Hello from the origin' fetch
check 'which is there for it' says 'Demo-Passw0rd' inside cat /run/credentials/tsntlm.service/tsntlm.password
check 'readable for it alone' says '^400 tsntlm' inside stat -c '%a %U' /run/credentials/tsntlm.service/tsntlm.password
no_drop_in

configure 'Listen 172.31.9.1:3128'
inside systemctl restart --no-block tsntlm
sleep 3
inside ip link add docker0 type bridge
inside ip addr add 172.31.9.1/16 dev docker0
inside ip link set docker0 up
check 'an address that comes after the service is listened on' within 20 says 'Hello from the origin' fetch 172.31.9.1:3128
inside systemctl stop tsntlm
inside ip link del docker0

configure
inside sed -i 's/^ListenStream=.*/ListenStream=172.31.9.1:3128/' /usr/lib/systemd/system/tsntlm.socket
inside systemctl daemon-reload
check 'the socket unit binds an address that is not there yet' inside systemctl start tsntlm.socket
inside ip link add docker0 type bridge
inside ip addr add 172.31.9.1/16 dev docker0
inside ip link set docker0 up
check 'the first client starts the service, without a Listen line' says 'Hello from the origin' fetch 172.31.9.1:3128
inside systemctl restart --no-block tsntlm
refused=0
for _ in $(seq 20); do fetch 172.31.9.1:3128 >/dev/null 2>&1 || refused=$((refused + 1)); done
check 'a restart refuses no client' [ "$refused" = 0 ]
inside systemctl stop tsntlm.socket tsntlm.service

configure 'Listen 127.0.0.1:3128'
printf '[Unit]\nDescription=stands for dockerd, which pulls through the proxy\nAfter=network-online.target tsntlm.service\nWants=network-online.target\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n' \
  >"$LAB/machine/etc/systemd/system/docker.service"
inside systemctl daemon-reload
inside systemctl -q enable tsntlm.service docker.service
boot_order() { inside systemd-analyze verify --man=no default.target docker.service tsntlm.service 2>&1 | grep -i 'cycle'; }
check 'there is no ordering cycle with a docker.service behind it' says '^$' boot_order

printf '[Unit]\nDescription=stands for the runner\n[Service]\nExecStart=/bin/sleep infinity\n' >"$LAB/machine/etc/systemd/system/gitlab-runner.service"
for unit in docker gitlab-runner; do
  mkdir -p "$LAB/machine/etc/systemd/system/$unit.service.d"
  printf '[Service]\nEnvironment="HTTP_PROXY=http://old.corp.test:8080" "TZ=UTC"\n' >"$LAB/machine/etc/systemd/system/$unit.service.d/http-proxy.conf"
done
mkdir -p "$LAB/machine/etc/gitlab-runner"
printf 'concurrent = 1\n\n[[runners]]\n  name = "lab"   # kept\n  executor = "docker"\n' >"$LAB/machine/etc/gitlab-runner/config.toml"
inside systemctl daemon-reload
environment() { inside systemctl show --property=Environment --value "$1" | tr ' ' '\n'; }
files() { (cd "$LAB/machine/etc" && find systemd/system gitlab-runner ! -name '*tsntlm-backup*' -type f -exec sha256sum {} + | sort); }
old_environment="$(environment docker) $(environment gitlab-runner)" old_files=$(files)
configure 'Listen 127.0.0.1:3128' 'Listen docker0:3129' 'NoProxy localhost, 10.*, *.intern.test'
for unit in docker gitlab-runner; do
  check "setup $unit writes a drop-in" says "^written: .*$unit.service.d/tsntlm-proxy.conf" inside tsntlm setup "$unit" --write
  inside systemctl daemon-reload
  for variable in http_proxy HTTP_PROXY https_proxy HTTPS_PROXY; do
    check "systemd gives $unit $variable" says "^$variable=http://127\.0\.0\.1:3128$" environment "$unit"
  done
  check "and NO_PROXY, as NoProxy has it" says '^NO_PROXY=localhost,127\.0\.0\.1,::1,10\.0\.0\.0/8,\.intern\.test$' environment "$unit"
  check 'and what another drop-in has' says '^TZ=UTC$' environment "$unit"
done
check 'jobs get the address of docker0' grep -q 'HTTP_PROXY=http://172\.31\.9\.1:3129' "$LAB/machine/etc/gitlab-runner/config.toml"
inside systemctl start gitlab-runner
started_with() { inside cat "/proc/$(inside systemctl show -p MainPID --value gitlab-runner)/environ" | tr '\0' '\n'; }
check 'a service is started with them' says '^HTTPS_PROXY=http://127\.0\.0\.1:3128' started_with
for unit in docker gitlab-runner; do check "setup $unit takes it back" inside tsntlm setup "$unit" --undo; done
inside systemctl daemon-reload
check 'the environment is the old one again' [ "$(environment docker) $(environment gitlab-runner)" = "$old_environment" ]
check 'and the files, byte for byte' [ "$(files)" = "$old_files" ]
configure 'Listen 127.0.0.1:3128'

printf '[Unit]\nDescription=stands for cntlm\n[Service]\nExecStart=/bin/sleep infinity\n' >"$LAB/machine/etc/systemd/system/cntlm.service"
inside systemctl daemon-reload
inside systemctl start cntlm
check 'tsntlm starts where cntlm runs' inside systemctl start tsntlm
check 'and has ended it' says '^inactive|^failed' inside systemctl is-active cntlm

before=$(property MainPID)
check 'an upgrade' inside dpkg -i /root/tsntlm.deb
check 'restarts a service that runs' [ "$(property MainPID)" != "$before" ]
check 'which serves' says 'Hello from the origin' fetch
check 'a removal' inside dpkg -r tsntlm
check 'ends it' says '^inactive' inside systemctl is-active tsntlm
check 'a purge' inside dpkg -P tsntlm
check 'leaves nothing enabled' [ -z "$(find "$LAB/machine/etc/systemd/system" -type l -name 'tsntlm*')" ]
finish

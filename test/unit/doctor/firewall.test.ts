import { readFileSync } from 'node:fs'
import t from 'tap'
import { FIREWALL } from '../../../src/doctor/firewall.ts'
import { judgeZone } from '../../../src/doctor/firewalld.ts'
import { judgeIptables } from '../../../src/doctor/iptables.ts'
import { judgeNftables } from '../../../src/doctor/nftables.ts'
import { neighbourOf } from '../../../src/doctor/packet-walk.ts'
import { DOCKER0, type Host, PLACES, runCheck } from './host.ts'

function fixture(name: string): string {
  return readFileSync(new URL(`../../fixtures/doctor/${name}`, import.meta.url), 'utf8')
}

/** As iptables printed the rules that come with ufw 0.36.2. */
const UFW = fixture('iptables-ufw.txt')
/** As nft 1.0.6 printed a table. */
const NFT = JSON.stringify(JSON.parse(fixture('nft-ruleset.json')))
const PACKET = {
  from: 'docker0',
  source: '172.17.0.2',
  destination: '172.17.0.1',
  port: 3128,
}
const RULE = 'iptables -I INPUT -i docker0 -s 172.17.0.0/16 -p tcp --dport 3128 -j ACCEPT'

t.test('a packet goes through the rules of iptables in their order', async t => {
  const cases: [rules: string[], verdict: string][] = [
    [['-P INPUT ACCEPT'], 'accept'],
    [['-P INPUT DROP'], 'drop'],
    [['-P INPUT DROP', '-A INPUT -i docker0 -j ACCEPT'], 'accept'],
    [['-P INPUT DROP', '-A INPUT -i docker+ -j ACCEPT'], 'accept'],
    [['-P INPUT DROP', '-A INPUT -i eth0 -j ACCEPT'], 'drop'],
    [['-P INPUT DROP', '-A INPUT ! -i eth0 -p tcp -m tcp --dport 3000:4000 -j ACCEPT'], 'accept'],
    [['-P INPUT DROP', '-A INPUT -p udp -m udp --dport 3128 -j ACCEPT'], 'drop'],
    [['-P INPUT DROP', '-A INPUT -m multiport --dports 80,3128 -j ACCEPT'], 'accept'],
    [['-P INPUT DROP', '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'], 'drop'],
    [['-P INPUT DROP', '-A INPUT -m set --match-set ok src -j ACCEPT'], 'unknown'],
    [
      ['-P INPUT ACCEPT', '-A INPUT -s 172.16.0.0/12 -m comment --comment "a -j ACCEPT" -j DROP'],
      'drop',
    ],
    [['-P INPUT ACCEPT', '-A INPUT -m limit --limit 1/sec -j DROP'], 'accept'],
    [['-P INPUT ACCEPT', '-A INPUT -j REJECT --reject-with icmp-port-unreachable'], 'drop'],
    [['-P INPUT DROP', '-N a', '-A INPUT -j a', '-A a -s 172.17.0.0/24 -j ACCEPT'], 'accept'],
    [
      ['-P INPUT ACCEPT', '-N a', '-A INPUT -j a', '-A a -p tcp -j RETURN', '-A a -j DROP'],
      'accept',
    ],
    [['-P INPUT ACCEPT', '-N a', '-A INPUT -j a', '-A a -j a'], 'accept'],
    [['-P INPUT ACCEPT', '-A INPUT -j LOG --log-prefix "x: "', '-A INPUT -j DROP'], 'drop'],
  ]
  for (const [rules, verdict] of cases)
    t.equal(judgeIptables(rules.join('\n'), PACKET).verdict, verdict, rules.join('; '))
})

t.test('the chains of ufw are followed', async t => {
  t.strictSame(judgeIptables(UFW, PACKET), { verdict: 'drop', because: 'the policy of INPUT' })
  t.equal(judgeIptables(UFW, { ...PACKET, port: 22 }).verdict, 'drop', 'no jump to its own rules')
  const allowed = `${UFW}\n-A ufw-before-input -j ufw-user-input`
  t.equal(judgeIptables(allowed, { ...PACKET, port: 22 }).verdict, 'accept')
})

t.test('a packet goes through the base chains of nftables', async t => {
  const judge = (source: string, port: number) =>
    judgeNftables(NFT, { ...PACKET, source, port }, () => false)
  t.match(judge('172.17.0.2', 3128), {
    verdict: 'drop',
    because: 'inet host input: the policy of input',
  })
  t.equal(judge('172.17.0.2', 8080)?.verdict, 'accept', 'a range in a set')
  t.equal(judge('10.1.0.2', 3128)?.verdict, 'accept', 'a chain that is jumped to')
  t.equal(judgeNftables(NFT, PACKET, () => true)?.verdict, 'accept', 'a table of somebody else')
  t.equal(judgeNftables('{"nftables": [{"metainfo": {}}]}', PACKET, () => false)?.verdict, 'accept')
  for (const output of ['', 'null', '[]', '{"nftables": 1}'])
    t.equal(
      judgeNftables(output, PACKET, () => false),
      undefined,
    )
  const named = NFT.replaceAll('"dport"}},"right":22', '"dport"}},"right":"@open"')
  t.equal(judgeNftables(named, PACKET, () => false)?.verdict, 'unknown', 'a named set')
})

t.test('a zone of firewalld lets in by target, port or rule', async t => {
  const list = (target: string, ports: string, rules = ''): string =>
    `docker (active)\n  target: ${target}\n  interfaces: docker0\n  services: ssh\n  ports: ${ports}\n  rich rules: \n${rules}`
  const cases: [output: string, verdict: string][] = [
    [list('ACCEPT', ''), 'accept'],
    [list('default', '22/tcp 3000-3200/tcp'), 'accept'],
    [list('default', '3128/udp'), 'drop'],
    [list('default', ''), 'drop'],
    [list('default', '', '\trule family="ipv4" source address="172.17.0.0/16" accept'), 'unknown'],
  ]
  for (const [output, verdict] of cases)
    t.equal(judgeZone(output, 'docker', PACKET).verdict, verdict, output)
})

t.test('the report has the one rule of the program that is in charge', async t => {
  const ufw = { 'ufw status verbose': 'Status: active\nLogging: on (low)\n' }
  const zone = {
    'firewall-cmd --state': 'running\n',
    'firewall-cmd --get-zone-of-interface=docker0': 'public\n',
    'firewall-cmd --zone=public --list-all': 'public\n  target: default\n  ports: \n',
  }
  const cases: [programs: Host['programs'], line: RegExp, advice: RegExp | undefined][] = [
    [{ 'iptables -S': '-P INPUT ACCEPT' }, /^ok packets from docker0 .* by iptables$/, undefined],
    [
      { 'iptables -S': '-P INPUT DROP' },
      /^problem iptables drops packets from docker0 to port 3128/,
      new RegExp(`^${RULE}$`),
    ],
    [
      { 'iptables -S': UFW, ...ufw },
      /^problem ufw \(iptables\) drops/,
      /^ufw allow in on docker0 from 172\.17\.0\.0\/16 to any port 3128 proto tcp$/,
    ],
    [
      { 'iptables -S': '-P INPUT ACCEPT', 'nft -j list ruleset': NFT },
      /^problem nft drops/,
      /^nft insert rule inet host input iifname "docker0" ip saddr 172\.17\.0\.0\/16 tcp dport 3128/,
    ],
    [
      { 'iptables -S': '-P INPUT ACCEPT', ...zone },
      /^problem firewalld drops/,
      /^firewall-cmd --permanent --zone=public --add-rich-rule=/,
    ],
    [
      { 'iptables -S': '-P INPUT DROP\n-A INPUT -m set --match-set a src -j ACCEPT' },
      /^note iptables may drop/,
      /if containers do not get through/,
    ],
    [{}, /^skipped neither nft, iptables/, undefined],
  ]
  const known = { places: PLACES, bridge: DOCKER0 }
  for (const [programs = {}, line, advice] of cases) {
    const { lines, judgements } = await runCheck(FIREWALL, known, { programs })
    t.match(lines, [line])
    if (advice === undefined) t.strictSame(judgements[0]?.advice, [])
    else t.match(judgements[0]?.advice[0], advice)
  }
  const user = await runCheck(FIREWALL, { ...known, isRoot: false })
  t.match(user.lines, [/^skipped only root/])
  const inside = await runCheck(FIREWALL, { ...known, isReachedFromInside: true })
  t.strictSame(inside.lines, ['ok packets of the container come through'])
  t.match((await runCheck(FIREWALL)).lines, [/^skipped there is no docker0/])
})

t.test('a neighbour is another address of the same network', async t => {
  t.equal(neighbourOf('172.17.0.1'), '172.17.0.2')
  t.equal(neighbourOf('172.17.0.254'), '172.17.0.253')
})

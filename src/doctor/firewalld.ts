import type { Fate, Packet } from './packet-walk.ts'

/** What `firewall-cmd --zone=ZONE --list-all` prints, and what becomes of a packet that comes in. */
export function judgeZone(output: string, zone: string, { port }: Packet): Fate {
  const fields = new Map(
    [...output.matchAll(/^ +([a-z-]+): *(.*)$/gm)].map(([, key = '', value = '']) => [key, value]),
  )
  const because = `zone ${zone}`
  if (fields.get('target') === 'ACCEPT') return { verdict: 'accept', because }
  const isOpen = (fields.get('ports') ?? '').split(/\s+/).some(entry => {
    const [range = '', protocol] = entry.split('/')
    const [first = '', last = first] = range.split('-')
    return protocol === 'tcp' && port >= Number(first) && port <= Number(last)
  })
  if (isOpen) return { verdict: 'accept', because }
  const isUnsure = output.includes(`port="${port}"`) || /rule .*accept/.test(output)
  return { verdict: isUnsure ? 'unknown' : 'drop', because }
}

/** The one rule that lets containers in. */
export function zoneRule(zone: string, network: string, { port }: Packet): string {
  const rule = `rule family="ipv4" source address="${network}" port port="${port}" protocol="tcp" accept`
  return `firewall-cmd --permanent --zone=${zone} --add-rich-rule='${rule}' && firewall-cmd --reload`
}

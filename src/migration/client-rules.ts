import { DOCKER, isInterfaceName, parseAddressRule } from '../core/index.ts'
import { overflowRemarks, trailingRemarks } from './port-numbers.ts'
import {
  allOf,
  better,
  different,
  type Remark,
  remarksOf,
  type Rule,
  type Rules,
  same,
} from './remarks.ts'

const OLD_IPV6 = better('cntlm 0.92 does not start with an IPv6 address')

const listen: Rule = ({ value }, { config }) => {
  if (/^[0-9]+$/.test(value)) return barePortRemarks(value, config?.gateway === true)
  const octet = Number(/^([0-9]+)(?:\.[0-9]+){3}:?$/.exec(value)?.[1])
  if (octet > 0) {
    return [different(`the port is missing: cntlm takes port ${octet} of 127.0.0.1 for it`)]
  }
  const isInterface = isInterfaceName(/^([^:]*):/.exec(value)?.[1]?.toLowerCase() ?? '')
  return [
    ...remarksOf(
      [
        value.startsWith('*:'),
        different('every IPv4 interface; cntlm 0.94 opens loopback alone, 0.92 does not start'),
      ],
      [value.startsWith('['), OLD_IPV6],
      [
        config === undefined && /^(?:\*|0\.0\.0\.0|\[[0:]+\]):/.test(value),
        different('refused without an Allow or Gateway yes; cntlm opens it to everybody'),
      ],
      [
        isInterface,
        better('the addresses of an interface, which are followed; cntlm takes it for a host name'),
      ],
      [
        !isInterface && /^[a-z][^:]*:[0-9]/i.test(value),
        different(
          'the first address of the name is opened; cntlm 0.94 opens all, 0.92 the IPv4 one',
        ),
      ],
    ),
    ...trailingRemarks(value),
    ...overflowRemarks(/:([0-9]+)$/.exec(value)?.[1]),
  ]
}

function barePortRemarks(port: string, gateway: boolean): Remark[] {
  const overflow = overflowRemarks(port)
  if (overflow.length > 0) return overflow
  const [open, other] = gateway ? ['0.0.0.0', '[::]'] : ['127.0.0.1', '[::1]']
  return [
    same(
      `${open}, as with cntlm 0.92; cntlm 0.94 opens ${other} too, for which a further line is needed`,
    ),
  ]
}

const tunnel: Rule = ({ value }) => [
  ...remarksOf([value.includes('['), better('cntlm takes no IPv6 address here')]),
  ...overflowRemarks(/^([0-9]+):/.exec(value)?.[1]),
]

const gateway: Rule = ({ value }, { config }) =>
  remarksOf(
    [!/^(yes|no)$/i.test(value), same('counts as no')],
    [
      config?.gateway === true && !config.acl.some(({ action }) => action === 'allow'),
      same('without an Allow every host that can reach this one uses your account'),
    ],
  )

const accessRule: Rule = ({ value }) => {
  const [address = ''] = value.split('/')
  const isAddress = parseAddressRule(address) !== undefined
  const isDocker = value.toLowerCase() === DOCKER
  return remarksOf(
    [value === '0', different('cntlm takes it for the address 0.0.0.0; write * for every client')],
    [isAddress && value.includes(':'), better('cntlm takes no IPv6 address here')],
    [
      isDocker,
      better("the networks of Docker's own bridges; cntlm takes it for the name of a host"),
    ],
    [
      !isAddress && !isDocker && /^[a-z]/i.test(value),
      better(
        'all addresses of the name count, those of IPv6 too, and they are looked up again at a reload; ' +
          'cntlm takes the first IPv4 address',
      ),
    ],
  )
}

const deny: Rule = (_, { isFirst }) =>
  remarksOf(
    [isFirst, better('holds for IPv6 clients too, whom cntlm 0.94 lets pass')],
    [
      isFirst,
      different(
        'who is kept out gets 403 from a Listen port and just an end from others; cntlm answers 407 on all',
      ),
    ],
  )

const socksUser: Rule = ({ name, value }, { isFirst }) => {
  const isIgnored = name.toLowerCase() === 'socks5user'
  return remarksOf(
    [
      isIgnored && isFirst,
      different(
        'cntlm ignores SOCKS5User: its ports were open, those of tsntlm ask for the account',
      ),
    ],
    [!value.includes(':'), different('cntlm ignores what has no colon, tsntlm refuses it')],
  )
}

const ntlmToBasic: Rule = ({ value }) =>
  /^yes$/i.test(value)
    ? [
        better('each account has kept connections of its own; cntlm logs on for each request'),
        better(
          'SOCKS5Proxy and Tunnel ports log on with Username and Password; with cntlm they fail',
        ),
      ]
    : remarksOf([!/^no$/i.test(value), same('counts as no')])

export const CLIENT_RULES: Rules = {
  Listen: listen,
  SOCKS5Proxy: listen,
  SOCKS5User: socksUser,
  Tunnel: tunnel,
  Gateway: gateway,
  Allow: accessRule,
  Deny: allOf(accessRule, deny),
  NTLMToBasic: ntlmToBasic,
}

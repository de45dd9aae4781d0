import type { Config } from '../config/index.ts'
import { meansInterface, readInterfaces } from '../net/index.ts'
import { planListening } from '../service/index.ts'

/**
 * The configuration with the addresses that its interfaces have now in place of their names.
 * @param complain gets the ones that are not there.
 */
export function withPresentListeners(config: Config, complain: (problem: string) => void): Config {
  const interfaces = readInterfaces()
  const plan = planListening(config.listeners, interfaces, host => meansInterface(host, interfaces))
  for (const [address, { reason }] of plan.missing) complain(`${address}: ${reason}`)
  return { ...config, listeners: plan.places }
}

import type { Config, ConfigIssue } from '../config/index.ts'
import type { Clock, HostPort } from '../core/index.ts'
import type { AbsoluteForm } from '../http1/index.ts'
import type { Certificates, Dialer } from '../net/index.ts'
import type { Demanded, Trial, TrialOptions } from '../upstream/index.ts'
import type { Judgement } from './finding.ts'
import type { Interface } from './interface-list.ts'

/** What is asked about, and what the checks so far have found out. */
export interface Facts {
  /** undefined when it cannot be used. */
  readonly config: Config | undefined
  readonly configFile: string | undefined
  readonly issues: readonly ConfigIssue[]
  /** --container */
  readonly container: string | undefined
  /** --url, http or https. */
  readonly url: AbsoluteForm | undefined
  readonly mayLogOn: boolean
  readonly isRoot: boolean
  readonly home: string

  /** Where programs of this host and containers reach tsntlm, by its configuration. */
  readonly places?: { readonly host: HostPort; readonly container: HostPort }
  readonly interfaces?: readonly Interface[]
  /** The interface that containers come in by, or the container of --container. */
  readonly bridge?: Interface
  /** Addresses of ports that no interface has. */
  readonly absent?: readonly string[]
  /** Whether some port answers. */
  readonly isServing?: boolean
  /** A port that answers HTTP. */
  readonly answering?: HostPort
  /** Whether the container of --container reached tsntlm; undefined when none was asked. */
  readonly isReachedFromInside?: boolean
  /** Upstreams with an address. */
  readonly resolved?: readonly HostPort[]
  /** Upstreams that take connections. */
  readonly reachable?: readonly HostPort[]
  /** The first upstream that answered, and what it said. */
  readonly demand?: { readonly upstream: HostPort; readonly demanded: Demanded }
  readonly logon?: 'accepted' | 'not-needed' | 'refused'
  /** What the server behind a CONNECT showed. */
  readonly certificates?: Certificates
}

export interface Outcome {
  readonly judgements: readonly Judgement[]
  readonly learned?: Partial<Facts>
}

export interface Check {
  /** What the report calls it; docs/doctor.md has a row for it. */
  readonly layer: string
  readonly run: (facts: Facts, ports: Ports) => Outcome | Promise<Outcome>
}

/** How a program ended. */
export interface Ran {
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** Everything that a check may touch; nothing here changes the host but `logOn`, which keeps the guard's record. */
export interface Ports {
  readonly clock: Clock
  readonly dialer: Dialer
  /** @returns addresses. Rejects when there is none. */
  readonly resolve: (host: string) => Promise<readonly string[]>
  /** @returns undefined where there is no such program. */
  readonly run: (program: string, args: readonly string[]) => Promise<Ran | undefined>
  /** @returns undefined where there is no file, or it cannot be read. */
  readonly read: (path: string) => string | undefined
  /** The permission bits; undefined where there is no file. */
  readonly mode: (path: string) => number | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The command that asks this address like `tsntlm health`, to be run elsewhere. */
  readonly healthCommand: (address: HostPort) => readonly string[]
  /** One logon at most, by the guard of the account; undefined when the configuration has no account. */
  readonly logOn: ((options: TrialOptions, demanded: Demanded) => Promise<Trial>) | undefined
}

/** An outcome of one line that teaches nothing. */
export function only(...judgements: readonly Judgement[]): Outcome {
  return { judgements }
}

import { readFileSync, statSync } from 'node:fs'
import { type HostsTable, parseHosts } from './hosts-file.ts'
import { type NameSources, parseNameSources } from './name-sources.ts'
import { parseResolvConf, type ResolvConf } from './resolv-conf.ts'

export interface NameFilePaths {
  readonly hosts: string
  readonly resolvConf: string
  readonly nsswitch: string
}

export const NAME_FILES: NameFilePaths = {
  hosts: '/etc/hosts',
  resolvConf: '/etc/resolv.conf',
  nsswitch: '/etc/nsswitch.conf',
}

/** The current name resolution files of this host. A VPN may change them while the proxy runs. */
export class NameFiles {
  readonly #hosts: WatchedFile<HostsTable>
  readonly #resolvConf: WatchedFile<ResolvConf>
  readonly #sources: WatchedFile<NameSources>

  constructor(paths: NameFilePaths, hostName: string) {
    this.#hosts = new WatchedFile(paths.hosts, parseHosts)
    this.#resolvConf = new WatchedFile(paths.resolvConf, text => parseResolvConf(text, hostName))
    this.#sources = new WatchedFile(paths.nsswitch, text => parseNameSources(text, hostName))
  }

  get hosts(): HostsTable {
    return this.#hosts.value
  }

  get resolvConf(): ResolvConf {
    return this.#resolvConf.value
  }

  get sources(): NameSources {
    return this.#sources.value
  }
}

/** The parsed content of a small file, read again when it is changed or replaced. */
class WatchedFile<T> {
  readonly #path: string
  readonly #parse: (text: string) => T
  #version: string | undefined
  #value: T

  constructor(path: string, parse: (text: string) => T) {
    this.#path = path
    this.#parse = parse
    this.#value = parse('')
  }

  /** A missing file counts as empty. A file that cannot be read, for example because no descriptor is left, keeps its last value. */
  get value(): T {
    try {
      const stats = statSync(this.#path, { throwIfNoEntry: false })
      const version =
        stats === undefined ? '' : `${stats.dev} ${stats.ino} ${stats.mtimeMs} ${stats.size}`
      if (version === this.#version) return this.#value
      this.#value = this.#parse(stats === undefined ? '' : readFileSync(this.#path, 'utf8'))
      this.#version = version
    } catch {
      // Retried on the next access.
    }
    return this.#value
  }
}

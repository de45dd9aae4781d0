import { formatHostPort, type HostPort } from '../core/index.ts'

/** Where it is served: a TCP address, or the path of a socket of the Unix domain. */
export type AdminPlace = HostPort | { readonly path: string }

export function describePlace(place: AdminPlace): string {
  return 'path' in place ? `unix:${place.path}` : `http://${formatHostPort(place)}/`
}

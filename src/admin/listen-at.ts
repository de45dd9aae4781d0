import type { Server } from 'node:http'
import type { AdminPlace } from './place.ts'

/** @throws the system's error (EADDRINUSE, EADDRNOTAVAIL, EACCES). */
export async function listenAt(server: Server, place: AdminPlace): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ ...place }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

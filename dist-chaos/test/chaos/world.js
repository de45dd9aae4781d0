import { until } from '../harness/real/until.js';
import { Client } from './client.js';
import { Origin } from './origin.js';
import { startProgram } from './program.js';
import { ChaosUpstream } from './upstream.js';
const SETTLE_MS = 20_000;
/** @param config lines besides those that every world has. */
export async function startWorld(config) {
    const origin = new Origin();
    const upstreams = [new ChaosUpstream(origin), new ChaosUpstream(origin)];
    const peers = [origin, ...upstreams];
    await Promise.all(peers.map(peer => peer.start()));
    const program = await startProgram([
        ...upstreams.map(({ port }) => `Proxy 127.0.0.1:${port}`),
        'NoProxy 127.0.0.1',
        'DirectToLocal yes',
        ...config,
        // Of several the first counts.
        'SessionIdleTimeout 2s',
    ]);
    const client = new Client({ port: program.port, socksPort: program.socksPort, origin });
    const stop = async () => {
        client.close();
        await program.stop();
        await Promise.all(peers.map(peer => peer.stop()));
    };
    return { program, origin, upstreams, client, stop };
}
/** Waits until nothing is open but what stays, and tells what that takes. */
export async function quiet({ program, client }) {
    client.close();
    let left = 'unknown, the status has no answer';
    await until('nothing to be open', async () => {
        const { requestsInProgress, tunnelsOpen, upstreams } = await program.status();
        const sessions = upstreams.map(one => one.sessions);
        left = JSON.stringify({ requestsInProgress, tunnelsOpen, sessions });
        return /:[1-9]/.test(left) ? undefined : true;
    }, SETTLE_MS).catch((cause) => {
        throw new Error(`left open: ${left}`, { cause });
    });
    return program.usage();
}

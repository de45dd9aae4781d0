import { connect, createServer } from 'node:net';
/** Below the range from which port 0 and outgoing connections are served (ip_local_port_range): no other program gets it. */
const FIRST_PORT = 10_000;
/** Test files run at the same time, each in a process of its own: each takes a block of ports for itself. */
const BLOCKS = 64;
const BLOCK_SIZE = 340;
let nextPort;
/** A loopback port that is free, and that no test has been given before; for programs that cannot bind port 0. */
export async function freePort() {
    nextPort ??= takeBlock(process.pid);
    return (await nextPort)();
}
/**
 * Takes a block: who listens on its first port has it, until its process ends.
 * @param start the block to begin the search at.
 * @returns what gives the block's ports, one after the other.
 */
export async function takeBlock(start) {
    for (let i = 0; i < BLOCKS; i++) {
        const first = FIRST_PORT + ((start + i) % BLOCKS) * BLOCK_SIZE;
        const server = await listenOn(first);
        if (server === undefined)
            continue;
        server.unref();
        let taken = 0;
        return async () => {
            for (;;) {
                const port = first + 1 + (taken++ % (BLOCK_SIZE - 1));
                if (await isFree(port))
                    return port;
            }
        };
    }
    throw new Error(`none of the ${BLOCKS} blocks of ports from ${FIRST_PORT} on is free`);
}
async function isFree(port) {
    const server = await listenOn(port);
    if (server !== undefined)
        await new Promise(resolve => server.close(resolve));
    return server !== undefined;
}
/** @returns undefined when somebody else has the port. */
function listenOn(port) {
    const server = createServer();
    return new Promise(resolve => {
        server.once('error', () => resolve(undefined));
        server.listen(port, '127.0.0.1', () => resolve(server));
    });
}
/** Whether somebody listens there. */
export function accepts(port, host = '127.0.0.1') {
    return new Promise(resolve => {
        const socket = connect(port, host);
        const end = (answer) => {
            socket.destroy();
            resolve(answer);
        };
        socket.once('connect', () => end(true)).once('error', () => end(false));
    });
}

import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { family, residentMemory } from '../bench/accounting.js';
import { freePort } from '../harness/real/port.js';
import { until } from '../harness/real/until.js';
const STOP_MS = 10_000;
/** @param config lines besides those for ports, account and files. */
export async function startProgram(config) {
    const folder = await mkdtemp(join(tmpdir(), 'tsntlm-chaos-'));
    const [port, socksPort, adminPort] = [await freePort(), await freePort(), await freePort()];
    const controlSocket = join(folder, 'control.sock');
    const lines = [
        'Username chaos',
        'Domain CORP',
        'Password SecREt01',
        `Listen 127.0.0.1:${port}`,
        `SOCKS5Proxy 127.0.0.1:${socksPort}`,
        `Admin 127.0.0.1:${adminPort}`,
        `ControlSocket ${controlSocket}`,
        `StateDirectory ${folder}`,
        'LogFormat json',
        ...config,
        '',
    ];
    const file = join(folder, 'tsntlm.conf');
    await writeFile(file, lines.join('\n'), { mode: 0o600 });
    const { NODE_OPTIONS: _, ...env } = process.env;
    const child = spawn(process.execPath, ['bin/tsntlm.js', '--config', file], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
    });
    const events = new Map();
    const last = [];
    for (const stream of [child.stdout, child.stderr]) {
        createInterface(stream).on('line', line => {
            const event = /"event":"([^"]+)"/.exec(line)?.[1] ?? 'unstructured';
            events.set(event, (events.get(event) ?? 0) + 1);
            if (event !== 'request.finished')
                last.splice(0, last.length - 20, line);
        });
    }
    let how;
    const exit = new Promise(resolve => {
        child.once('exit', (code, signal) => {
            how = `it ended with ${signal ?? `exit code ${code}`}:\n${last.join('\n')}`;
            resolve();
        });
    });
    await until('the program to be ready', () => {
        if (how !== undefined)
            throw new Error(how);
        return events.has('service.started') ? true : undefined;
    });
    const pid = child.pid;
    return {
        pid,
        port,
        socksPort,
        adminPort,
        controlSocket,
        events,
        ended: () => how,
        readLog: isRead => void (isRead ? child.stdout.resume() : child.stdout.pause()),
        status: async () => JSON.parse(await ask({ socketPath: controlSocket, path: '/status' })),
        usage: async () => ({
            descriptors: await descriptorsOf(pid),
            memory: Math.round((await residentMemory(pid)) / 1024),
        }),
        signal: name => void child.kill(name),
        kill: () => void child.kill('SIGKILL'),
        stop: async () => {
            child.stdout.resume();
            child.kill('SIGTERM');
            const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
            await exit;
            clearTimeout(timer);
            await rm(folder, { recursive: true, force: true, maxRetries: 5 });
        },
    };
}
/** The body of an answer 200 of the control socket or of Admin. */
export function ask(where) {
    return new Promise((resolve, reject) => {
        const outgoing = request({ ...where, host: '127.0.0.1', agent: false, timeout: 5_000 });
        outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer to ${where.path}`)));
        outgoing.once('error', reject).once('response', response => {
            let text = '';
            response.setEncoding('utf8').on('data', (chunk) => void (text += chunk));
            response.once('error', reject).once('end', () => {
                if (response.statusCode === 200)
                    resolve(text);
                else
                    reject(new Error(`${where.path} was answered ${response.statusCode}: ${text}`));
            });
        });
        outgoing.end();
    });
}
async function descriptorsOf(pid) {
    const processes = await family(pid);
    const lists = await Promise.all(processes.map(one => readdir(`/proc/${one}/fd`).catch(() => [])));
    return lists.reduce((sum, list) => sum + list.length, 0);
}

import { connect as connectTcp } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { encode, framingLine, framingOf, readBody, readHead } from './messages.js';
import { cutOf, isStreamKind } from './plan.js';
import { Comparison, contentOf } from './random.js';
import { send } from './send.js';
import { SHARED_KEY, TLS_OPTIONS } from './tls-psk.js';
import { Wire } from './wire.js';
const STALL_MS = 300;
/** Makes a transfer and tells what came of it. It does what the plan says is the client's fault. */
export class Client {
    #ports;
    #kept = [];
    constructor(ports) {
        this.#ports = ports;
    }
    /** Ends when the transfer has, or when `signal` gives it up. */
    async run(plan, signal) {
        const seen = {
            failure: undefined,
            received: 0,
            isEqual: true,
            isWhole: false,
            answerOf: undefined,
            left: false,
        };
        const isPlain = !isStreamKind(plan.kind);
        const port = plan.kind === 'socks5' ? this.#ports.socksPort : this.#ports.port;
        const wire = (isPlain && plan.keepAlive ? this.#kept.pop() : undefined) ?? (await open(port));
        const giveUp = () => wire.reset();
        signal.addEventListener('abort', giveUp);
        try {
            seen.failure = await (isPlain
                ? this.#exchange(wire, plan, seen)
                : this.#stream(wire, plan, seen));
        }
        finally {
            signal.removeEventListener('abort', giveUp);
        }
        return seen;
    }
    close() {
        for (const wire of this.#kept.splice(0))
            wire.end();
    }
    #target({ id, kind, route }) {
        const { port, tlsPort } = this.#ports.origin;
        if (route === 'direct')
            return `127.0.0.1:${kind === 'tls' ? tlsPort : port}`;
        return `t${id}.origin.test:${kind === 'tls' ? 443 : 80}`;
    }
    async #exchange(wire, plan, seen) {
        const { id, method, upload, uploadFraming, version } = plan;
        const lines = [
            `${method} http://${this.#target(plan)}/t/${id} HTTP/${version}`,
            `Host: ${this.#target(plan)}`,
            ...(upload > 0 ? [framingLine(uploadFraming, upload)] : []),
            ...(plan.expectContinue ? ['Expect: 100-continue'] : []),
            ...(plan.keepAlive ? [] : ['Connection: close']),
        ];
        if (!(await this.#request(wire, plan, lines, seen)))
            return undefined;
        const answer = this.#answer(wire, plan, seen);
        if (upload > 0) {
            // Who asked whether to send waits for an answer of any kind.
            if (plan.expectContinue)
                await answer.mayContinue;
            if (seen.failure === undefined)
                await this.#upload(wire, plan, seen);
        }
        const { failure, keeps } = await answer.end;
        if (keeps && failure === undefined && !seen.left && plan.keepAlive)
            this.#kept.push(wire);
        else
            wire.end();
        return failure;
    }
    /** Writes a head. @returns false when the client left in the middle of it. */
    async #request(wire, plan, lines, seen) {
        const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
        if (plan.fault !== 'client-resets-mid-head') {
            await wire.write(head);
            return true;
        }
        await wire.write(head.subarray(0, cutOf(plan, head.length)));
        seen.left = true;
        wire.reset();
        return false;
    }
    #answer(wire, plan, seen) {
        let mayContinue = () => undefined;
        const continued = new Promise(resolve => (mayContinue = resolve));
        const read = async () => {
            const lost = { failure: `no answer (${wire.ending})`, keeps: false };
            let head = await readHead(wire);
            if (head !== undefined && statusOf(head) === 100) {
                mayContinue();
                head = await readHead(wire);
            }
            if (head === undefined)
                return lost;
            const status = statusOf(head);
            const framing = framingOf(head, 'close');
            if (status !== 200) {
                seen.failure = `status ${status}`;
                await readBody(wire, framing, () => undefined);
                return { failure: seen.failure, keeps: false };
            }
            seen.answerOf = Number(head.fields.get('x-transfer'));
            seen.isWhole = await readBody(wire, framing, this.#sink(wire, plan, seen));
            const keeps = framing.kind !== 'close' && head.fields.get('connection') !== 'close';
            return { failure: seen.isWhole ? undefined : `cut short (${wire.ending})`, keeps };
        };
        return { mayContinue: continued, end: read().finally(mayContinue) };
    }
    async #stream(wire, plan, seen) {
        const failure = await this.#openStream(wire, plan, seen);
        if (failure !== undefined || seen.left) {
            wire.end();
            return failure;
        }
        const inner = plan.kind === 'tls' ? overTls(wire) : wire;
        await inner.write(`T ${plan.id}\n`);
        if (plan.fault === 'origin-half-closes')
            await this.#download(inner, plan, seen);
        await this.#upload(inner, plan, seen);
        if (plan.fault === 'client-half-closes')
            inner.end();
        if (plan.fault !== 'origin-half-closes')
            await this.#download(inner, plan, seen);
        inner.end();
        return seen.isWhole ? undefined : `cut short (${inner.ending})`;
    }
    /** @returns why there is no stream. */
    async #openStream(wire, plan, seen) {
        const target = this.#target(plan);
        if (plan.kind === 'socks5')
            return this.#socks(wire, plan, target, seen);
        const isUpgrade = plan.kind === 'websocket';
        const lines = isUpgrade
            ? [
                `GET http://${target}/t/${plan.id} HTTP/1.1`,
                `Host: ${target}`,
                'Connection: Upgrade',
                'Upgrade: websocket',
                'Sec-WebSocket-Version: 13',
                'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
            ]
            : [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`];
        if (!(await this.#request(wire, plan, lines, seen)))
            return undefined;
        const head = await readHead(wire);
        if (head === undefined)
            return `no answer (${wire.ending})`;
        return statusOf(head) === (isUpgrade ? 101 : 200) ? undefined : `status ${statusOf(head)}`;
    }
    async #socks(wire, plan, target, seen) {
        const [host = '', port] = target.split(':');
        await wire.write(Buffer.of(5, 1, 0));
        if ((await wire.exactly(2))?.readUInt16BE() !== 0x0500)
            return 'no SOCKS5 greeting';
        const request = Buffer.concat([
            Buffer.of(5, 1, 0, 3, host.length),
            Buffer.from(host),
            Buffer.of(Number(port) >> 8, Number(port) & 0xff),
        ]);
        if (plan.fault === 'client-resets-mid-head') {
            await wire.write(request.subarray(0, cutOf(plan, request.length)));
            seen.left = true;
            wire.reset();
            return undefined;
        }
        await wire.write(request);
        const reply = await wire.exactly(10);
        if (reply === undefined)
            return `no SOCKS5 reply (${wire.ending})`;
        return reply[1] === 0 ? undefined : `SOCKS5 reply ${reply[1]}`;
    }
    async #upload(wire, plan, seen) {
        if (plan.upload === 0)
            return;
        const framing = isStreamKind(plan.kind) ? 'length' : plan.uploadFraming;
        const { bytes } = encode(contentOf(plan.id, 'up', plan.upload), framing);
        const { outcome } = await send(wire, bytes, plan, 'client');
        seen.left ||= outcome === 'reset' || outcome === 'end';
    }
    async #download(wire, plan, seen) {
        // The end alone says that a stream is whole, but that of TLS may be anybody's, and one is unclear after the client's own.
        const hasEnded = await readBody(wire, { kind: 'close' }, this.#sink(wire, plan, seen));
        const isAll = seen.received === plan.download;
        seen.isWhole = plan.kind === 'tls' ? isAll : hasEnded || (wire.ending === 'unclear' && isAll);
    }
    #sink(wire, plan, seen) {
        const comparison = new Comparison(contentOf(plan.id, 'down', plan.download));
        let hasStalled = false;
        return async (piece) => {
            comparison.add(piece);
            seen.received = comparison.received;
            seen.isEqual = comparison.isEqual;
            if (plan.fault === 'client-stalls' && !hasStalled)
                await sleep(STALL_MS);
            hasStalled = true;
            if (plan.fault === 'client-leaves-mid-download') {
                seen.left = true;
                wire.reset();
            }
        };
    }
}
function statusOf({ first }) {
    return Number(/^HTTP\/1\.[01] ([0-9]{3})/.exec(first)?.[1]);
}
export function open(port, localAddress = '127.0.0.1') {
    return new Promise((resolve, reject) => {
        const socket = connectTcp({
            port,
            host: '127.0.0.1',
            localAddress,
            allowHalfOpen: true,
        });
        socket.once('error', reject).once('connect', () => {
            socket.off('error', reject);
            resolve(new Wire(socket));
        });
    });
}
function overTls(wire) {
    const below = wire.release();
    const socket = connectTls({
        ...TLS_OPTIONS,
        socket: below,
        pskCallback: () => ({ psk: SHARED_KEY, identity: 'chaos' }),
        // A shared key takes the place of a certificate.
        checkServerIdentity: () => undefined,
    });
    return new Wire(socket, below);
}

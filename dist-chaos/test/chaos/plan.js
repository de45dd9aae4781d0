import { FAULTS, faultRow, STREAMS } from './faults.js';
export const KINDS = [
    'connect',
    'socks5',
    'websocket',
    'tls',
    'plain-length',
    'plain-chunked',
    'plain-close',
];
const MEAN_MAXIMA = [100, 2_000, 70_000, 300_000];
export function planTransfer(id, random) {
    const fault = random.chance(0.4) ? undefined : random.pick(Object.keys(FAULTS));
    const needs = fault === undefined ? {} : faultRow(fault);
    const kind = random.pick(needs.kinds ?? KINDS);
    const size = () => needs.slow === true
        ? random.between(2, 300)
        : random.chance(0.01)
            ? random.between(1_000_000, 4_000_000)
            : random.between(2, random.pick(MEAN_MAXIMA));
    const upload = needs.upload === true || random.chance(0.4) ? size() : 0;
    const isStream = isStreamKind(kind);
    // In HTTP/1.0 an upload has a length and nobody is asked to continue.
    const version = !isStream && random.chance(0.2) ? '1.0' : '1.1';
    return {
        id,
        kind,
        route: needs.upstream === true || random.chance(0.75) ? 'upstream' : 'direct',
        fault,
        upload,
        download: size(),
        method: upload === 0 ? 'GET' : random.pick(['POST', 'PUT']),
        version,
        uploadFraming: version === '1.1' && random.chance(0.4) ? 'chunked' : 'length',
        expectContinue: version === '1.1' && !isStream && upload > 0 && random.chance(0.2),
        keepAlive: version === '1.1' && random.chance(0.6),
        cut: random.next(),
    };
}
export function isStreamKind(kind) {
    return STREAMS.includes(kind);
}
/** A place inside of so many bytes: at least one before it and one behind. */
export function cutOf({ cut }, length) {
    return Math.max(1, Math.min(length - 1, Math.floor(cut * length)));
}

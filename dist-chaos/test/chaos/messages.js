/** Undefined when the connection ends before the head does. */
export async function readHead(wire, before = '') {
    const text = await wire.until('\r\n\r\n');
    if (text === undefined)
        return undefined;
    const [first = '', ...lines] = (before + text).slice(0, -4).split('\r\n');
    const fields = lines.map(line => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    return { first, fields: new Map(fields) };
}
/** RFC 9112 section 6.3; `rest` is what holds without any field: nothing for requests, until close for answers. */
export function framingOf({ fields }, rest) {
    if (fields.get('transfer-encoding')?.toLowerCase() === 'chunked')
        return { kind: 'chunked' };
    const length = fields.get('content-length');
    return length === undefined ? { kind: rest } : { kind: 'length', length: Number(length) };
}
/** Gives the content of a body to `sink`. @returns whether the framing says that it is whole. */
export async function readBody(wire, framing, sink) {
    if (framing.kind === 'none')
        return true;
    if (framing.kind === 'length')
        return readLength(wire, framing.length, sink);
    if (framing.kind === 'chunked')
        return readChunks(wire, sink);
    for (;;) {
        const piece = await wire.some();
        if (piece === undefined)
            return wire.ending === 'fin';
        await sink(piece);
    }
}
async function readLength(wire, length, sink) {
    for (let left = length; left > 0;) {
        const piece = await wire.some(left);
        if (piece === undefined)
            return false;
        left -= piece.length;
        await sink(piece);
    }
    return true;
}
async function readChunks(wire, sink) {
    for (;;) {
        const line = await wire.until('\r\n');
        const size = /^([0-9a-f]{1,8})(?:;.*)?\r\n$/i.exec(line ?? '')?.[1];
        if (size === undefined)
            return false;
        const length = Number.parseInt(size, 16);
        if (length === 0)
            break;
        if (!(await readLength(wire, length, sink)))
            return false;
        if ((await wire.exactly(2))?.toString('latin1') !== '\r\n')
            return false;
    }
    for (;;) {
        const trailer = await wire.until('\r\n');
        if (trailer === undefined)
            return false;
        if (trailer === '\r\n')
            return true;
    }
}
/** The content as it goes out under a framing, and for each count of its bytes how much of the content they hold. */
export function encode(content, framing, size = 9_001) {
    if (framing !== 'chunked')
        return { bytes: content, contentIn: (sent) => sent };
    const parts = [];
    const starts = [];
    let wire = 0;
    for (let at = 0; at < content.length; at += size) {
        const piece = content.subarray(at, at + size);
        const line = Buffer.from(`${piece.length.toString(16)}\r\n`);
        starts.push({ wire: wire + line.length, content: at, length: piece.length });
        parts.push(line, piece, Buffer.from('\r\n'));
        wire += line.length + piece.length + 2;
    }
    const contentIn = (sent) => {
        const last = starts.findLast(start => start.wire <= sent);
        return last === undefined ? 0 : last.content + Math.min(last.length, sent - last.wire);
    };
    return { bytes: Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]), contentIn };
}
export function framingLine(framing, length) {
    if (framing === 'close')
        return 'Connection: close';
    return framing === 'chunked' ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { KINDS } from './plan.js';
import { Random } from './random.js';
import { transfer } from './transfer.js';
export const GOOD_CLIENTS = 50;
const PAUSE_MS = 300;
/** Clients with small transfers of all kinds, nobody's fault among them. */
export function goodClients(world) {
    const random = new Random(50);
    let next = 0;
    return Array.from({ length: GOOD_CLIENTS }, () => async () => {
        const plan = goodPlan(next++, random);
        const verdict = await transfer(plan, world);
        if (verdict.kind === 'complete')
            return undefined;
        return verdict.kind === 'failed' ? verdict.why : verdict.kind;
    });
}
function goodPlan(id, random) {
    const kind = random.pick(KINDS);
    const upload = random.chance(0.3) ? random.between(2, 2_000) : 0;
    return {
        id,
        kind,
        route: random.chance(0.75) ? 'upstream' : 'direct',
        fault: undefined,
        upload,
        download: random.between(2, 4_000),
        method: upload > 0 ? 'PUT' : 'GET',
        version: '1.1',
        uploadFraming: 'length',
        expectContinue: false,
        keepAlive: random.chance(0.6),
        cut: 0,
    };
}
/** Does all works over and over at the same time. */
export async function phase(works, duration, signal) {
    const start = performance.now();
    const errors = new Map();
    const times = [];
    const successes = works.map(() => 0);
    const goesOn = () => {
        if (signal.aborted)
            return false;
        const ms = performance.now() - start;
        if (ms < duration.ms)
            return true;
        return ms < duration.mostMs && successes.some(count => count < duration.successes);
    };
    const repeat = async (work, index) => {
        while (goesOn()) {
            const began = performance.now();
            const error = await work();
            if (error === undefined) {
                successes[index]++;
                times.push(performance.now() - began);
            }
            else
                errors.set(error, (errors.get(error) ?? 0) + 1);
            await sleep(PAUSE_MS);
        }
    };
    await Promise.all(works.map(repeat));
    const starved = successes.filter(count => count < duration.successes).length;
    if (starved > 0 && !signal.aborted)
        errors.set('starved', starved);
    times.sort((one, other) => one - other);
    return { done: times.length, errors, p99: times[Math.floor(times.length * 0.99)] ?? NaN };
}

import { WEATHER } from './faults.js';
import { planTransfer } from './plan.js';
import { Random } from './random.js';
import { transfer } from './transfer.js';
import { quiet, startWorld } from './world.js';
const AT_ONCE = 48;
/** Of the connections to an upstream. */
const BAD_WEATHER = 0.15;
/** Random transfers, so many at once, through a program of their own. */
export async function runCampaign(options) {
    const random = new Random(options.seed);
    const world = await startWorld(['MaxSessions 64', `Workers ${options.workers}`]);
    const results = [];
    let next = 0;
    const upTo = async (count) => {
        const line = async () => {
            while (next < count && world.program.ended() === undefined) {
                const plan = planTransfer(next++, random);
                results.push({ plan, verdict: await transfer(plan, world) });
            }
        };
        await Promise.all(Array.from({ length: AT_ONCE }, line));
        const ended = world.program.ended();
        if (ended !== undefined)
            throw new Error(ended);
    };
    try {
        await upTo(Math.ceil(options.transfers / 10));
        const before = await quiet(world);
        if (options.weather)
            for (const upstream of world.upstreams)
                upstream.weather = () => (random.chance(BAD_WEATHER) ? random.pick(WEATHER) : undefined);
        await upTo(options.transfers);
        return { results, before, after: await quiet(world) };
    }
    finally {
        await world.stop();
    }
}
/** Those that are no fault of the client's, the origin's or the upstream's, and failed all the same. */
export function innocentFailures(results) {
    return results.flatMap(({ plan, verdict }) => plan.fault === undefined && verdict.kind === 'failed' ? [`${name(plan)}: ${verdict.why}`] : []);
}
export function violations(results) {
    return results.flatMap(({ plan, verdict }) => verdict.kind === 'violation' ? [`${name(plan)}: ${verdict.what}`] : []);
}
function name({ fault, id, kind, route }) {
    return `transfer ${id}, ${kind} ${route}, ${fault ?? 'no fault'}`;
}

import { setTimeout as sleep } from 'node:timers/promises';
/** Polls until `check` gives something, for at most `ms`; `what` names it in the error. */
export async function until(what, check, ms = 15_000) {
    const end = performance.now() + ms;
    for (;;) {
        const result = await check();
        if (result !== undefined)
            return result;
        if (performance.now() > end)
            throw new Error(`waited ${ms} ms in vain for ${what}`);
        await sleep(20);
    }
}

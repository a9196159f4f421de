// SPDX-License-Identifier: MIT
//
// From publish to pixels: which of the test card's frames a page shows, and how long after they were drawn. The agent
// is stopped and continued, so that there are last frames, too, and so that each turn has another phase against
// the browser's own 60 frames a second, where some wait for less and some for more.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { baseUrl, eventually, status, streamStatus } from '../support.mjs';

const WATCHER = fileURLToPath(new URL('watcher.js', import.meta.url));

export const WAYS = ['content-length', 'advance-headers', 'websocket', 'websocket, plain HTTP'];

const DISPLAY_MS = 1000 / 60;
const SETTLE_FRAMES = 5; // after the agent goes on
const QUIET_MS = 300; // no frame for so long, then none is on its way
const CLOCK_READINGS = 100;
const CLOCK_MS = 5; // by which a page's clock may differ from the agent's

/** Shows stream `name` alone in a page of the server's own origin, in one of the WAYS, and watches it. */
export async function watchStream(page, way, name, url = baseUrl) {
  await page.addInitScript({ path: WATCHER });
  await page.goto(new URL('healthz', url).href);
  await page.evaluate(([how, stream]) => { window.watcher = window.Watcher.open(how, stream); }, [way, name]);
  await ready(page);
}

/** Watches the first live picture of the viewer page. */
export async function watchViewer(page) {
  await page.addInitScript({ path: WATCHER });
  await page.goto(baseUrl);
  const image = page.locator('.picture.live img').first();
  await image.waitFor();
  await image.evaluate((img) => { window.watcher = new window.Watcher(img); });
  await ready(page);
}

async function ready(page) {
  await eventually('a test card in the page', () => page.evaluate(() => window.watcher.sightings.length > 0));
  // The best of some readings, as other programs may have the processor between those of the two clocks.
  const off = await page.evaluate((readings) => Math.min(...Array.from({ length: readings }, () =>
    Math.abs(performance.timeOrigin + performance.now() - Date.now()))), CLOCK_READINGS);
  assert.ok(off < CLOCK_MS, `the page's clock is ${off} ms off`);
}

const last = (page) => page.evaluate(() => window.watcher.sightings.at(-1));

/** The number of the newest frame that the server has, once none is on its way any more. */
async function newest(page, name) {
  await eventually('no frame is on its way', async () => (await streamStatus(name, () => status(page.url()))).age_ms > QUIET_MS);
  return page.evaluate(async (stream) => {
    const answer = await fetch(`snapshot/${stream}?max_age=60000`, { cache: 'no-store' });
    return (await window.Watcher.read(await answer.blob())).number;
  }, name);
}

/** Lets the agent go on when the wall clock is at `share` of a frame of the browser. */
async function resume(agent, share) {
  await new Promise((resolve) => { setTimeout(resolve, (share + 1) * DISPLAY_MS - Date.now() % DISPLAY_MS); });
  agent.process.kill('SIGCONT');
}

/**
 * One turn of a moving stream of at least `frames` frames that goes on at `share` of a frame of the browser, and stops.
 * Returns the sightings: `stopped`, which is the last, and `moving`; and how many frames there were to see, `published`.
 */
export async function observeTurn(page, agent, frames, share) {
  agent.process.kill('SIGSTOP');
  await newest(page, agent.name);
  await page.evaluate(() => { window.watcher.sightings.length = 0; });
  await resume(agent, share);
  await eventually('the picture moves', async () =>
    (await page.evaluate(() => window.watcher.sightings.length)) >= SETTLE_FRAMES + frames);
  agent.process.kill('SIGSTOP');
  const number = await newest(page, agent.name);
  await eventually(`the last frame before the stop, ${number}, shows`, async () => (await last(page)).number === number);
  const moving = (await page.evaluate(() => window.watcher.sightings)).slice(SETTLE_FRAMES);
  const published = number - moving[0].number + 1;
  return { stopped: moving.pop(), moving, published };
}

/** As many turns as that; `moving` and `stopped` have one item for each, `published` is of all. */
export async function observe(page, agent, turns, frames) {
  const seen = { moving: [], stopped: [], published: 0 };
  for (let turn = 0; turn < turns; turn++) {
    const { moving, stopped, published } = await observeTurn(page, agent, frames, turn / turns);
    seen.moving.push(moving);
    seen.stopped.push(stopped);
    seen.published += published;
  }
  agent.process.kill('SIGCONT');
  return seen;
}

export const delayOf = (sighting) => sighting.seen - sighting.time;

// SPDX-License-Identifier: MIT
//
// From publish to pixels: which of the test card's frames a page shows, and how long after they were drawn. The agent
// is stopped and continued, so that there are last frames, too, and so that each turn has another phase against
// the browser's own 60 frames a second, where some wait for less and some for more.

import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { baseUrl, eventually, streamStatus } from '../support.mjs';

const WATCHER = fileURLToPath(new URL('watcher.js', import.meta.url));

export const WAYS = ['content-length', 'advance-headers', 'websocket', 'websocket, plain HTTP'];

const DISPLAY_MS = 1000 / 60;
const SETTLE_FRAMES = 5; // after the agent goes on
const QUIET_MS = 300; // no frame for so long, then none is on its way
const CLOCK_MS = 5; // by which a page's clock may differ from the agent's

/** Shows stream `name` alone in a page of the server's own origin, in one of the WAYS, and watches it. */
export async function watchStream(page, way, name) {
  await page.addInitScript({ path: WATCHER });
  await page.goto(new URL('healthz', baseUrl).href);
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
  const off = await page.evaluate(() => performance.timeOrigin + performance.now() - Date.now());
  assert.ok(Math.abs(off) < CLOCK_MS, `the page's clock is ${off} ms off`);
}

const last = (page) => page.evaluate(() => window.watcher.sightings.at(-1));

/** The number of the newest frame that the server has, once none is on its way any more. */
async function newest(page, name) {
  await eventually('no frame is on its way', async () => (await streamStatus(name)).age_ms > QUIET_MS);
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
 * Runs `turns` of a moving stream of at least `frames` frames that stops and goes on. Returns `moving`, for each turn
 * the sightings but the last, which are in `stopped`, and how many frames there were to see, `published`.
 */
export async function observe(page, agent, turns, frames) {
  const seen = { moving: [], stopped: [], published: 0 };
  for (let turn = 0; turn < turns; turn++) {
    agent.process.kill('SIGSTOP');
    await newest(page, agent.name);
    await page.evaluate(() => { window.watcher.sightings.length = 0; });
    await resume(agent, turn / turns);
    await eventually('the picture moves', async () =>
      (await page.evaluate(() => window.watcher.sightings.length)) >= SETTLE_FRAMES + frames);
    agent.process.kill('SIGSTOP');
    const number = await newest(page, agent.name);
    await eventually(`the last frame before the stop, ${number}, shows`, async () => (await last(page)).number === number);
    const sightings = (await page.evaluate(() => window.watcher.sightings)).slice(SETTLE_FRAMES);
    seen.published += number - sightings[0].number + 1;
    seen.stopped.push(sightings.pop());
    seen.moving.push(sightings);
  }
  agent.process.kill('SIGCONT');
  return seen;
}

export const delayOf = (sighting) => sighting.seen - sighting.time;

// SPDX-License-Identifier: MIT
//
// From publish to pixels in Chromium, in each way: delays in ms, as JSON on standard output. Started by bench.py,
// with HEADCAM_URL and HEADCAM_ENDPOINT naming a server.
//
// Usage: pixels.mjs SIZE FPS TURNS FRAMES

import { Agent, startBrowser, stopBrowser, streamStatus, withPage } from '../tests/browser/support.mjs';
import { WAYS, delayOf, observe, watchStream, watchViewer } from '../tests/browser/pixels/measure.mjs';

const VIEWER_PAGE = 'viewer page';
const [size, fps, turns, frames] = process.argv.slice(2);

/** Delays of the moving picture turn by turn, of last frames, and of reading them back. */
async function measure(way, agent) {
  let seen;
  await withPage(async (page) => {
    if (way === VIEWER_PAGE) await watchViewer(page);
    else await watchStream(page, way, agent.name);
    seen = await observe(page, agent, Number(turns), Number(frames));
  }, { url: 'about:blank' });
  const { moving, stopped, published } = seen;
  return {
    moving: moving.map((sightings) => sightings.map(delayOf)),
    stopped: stopped.map(delayOf),
    read: moving.flat().map(({ read }) => read),
    published,
  };
}

await startBrowser();
try {
  const agent = await Agent.live('card', { size, fps });
  const ways = {};
  for (const way of [...WAYS, VIEWER_PAGE]) ways[way] = await measure(way, agent);
  const { jpeg_bytes: jpegBytes } = await streamStatus(agent.name);
  console.log(JSON.stringify({ ways, jpegBytes }));
} finally {
  await Agent.stopAll();
  await stopBrowser();
}

// SPDX-License-Identifier: MIT
//
// The pixels themselves: every way to a picture shows new frames in order, and the last one before a stop.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agent, withPage } from '../support.mjs';
import { delayOf, observe, watchStream } from '../pixels/measure.mjs';

const TURNS = 2;
const FRAMES = 5;
const REPEAT_MS = 500; // the server sends a last frame again after so long

/** Tests of `ways`. In all but those that are `late` the last frame before a stop is there before the server repeats it. */
export function frameTests(ways, late = []) {
  for (const way of ways) {
    test(`frames show in order, the last before a stop too: ${way}`, async () => {
      const agent = await Agent.live('pixels');
      await withPage(async (page) => {
        await watchStream(page, way, agent.name);
        const { moving, stopped } = await observe(page, agent, TURNS, FRAMES);
        for (const [turn, sightings] of moving.entries()) {
          const numbers = [...sightings, stopped[turn]].map(({ number }) => number);
          assert.deepEqual(numbers, numbers.slice().sort((a, b) => a - b), 'in order');
        }
        // The best of the turns, as the machine may be busy.
        const least = Math.min(...stopped.map(delayOf));
        if (!late.includes(way)) assert.ok(least < REPEAT_MS, `the last frame showed after ${least} ms: only its repetition did`);
      }, { url: 'about:blank' });
    });
  }
}

/** Chromium shows a part when the next one begins. */
export const pixelTests = () => frameTests(['content-length', 'advance-headers', 'websocket'], ['content-length']);

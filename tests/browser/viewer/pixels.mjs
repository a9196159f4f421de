// SPDX-License-Identifier: MIT
//
// The pixels themselves: every way to a picture shows new frames in order, and the last one before a stop.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WAIT_MS, withPage } from '../support.mjs';
import { Server } from '../server.mjs';
import { delayOf, observeTurn, watchStream } from '../pixels/measure.mjs';

// However long the page takes to look at it, the last frame stays.
const STANDING = ['--no-signal-after', '3600', '--forget-after', '3600'];
const TURNS = 2;
const FRAMES = 5;
const REPEAT_MS = 500; // the server sends a last frame again after so long

/** Tests of `ways`. In all but those that are `late` the last frame before a stop is there before the server repeats it. */
export function frameTests(ways, late = []) {
  for (const way of ways) {
    test(`frames show in order, the last before a stop too: ${way}`, () => Server.with([], STANDING, async (server) => {
      const agent = await server.agent('pixels');
      await withPage(async (page) => {
        await watchStream(page, way, agent.name, server.url);
        const end = Date.now() + WAIT_MS;
        let least = Infinity;
        // On a busy machine a frame may take longer than that; but if its repetition alone shows, all of them do.
        for (let turn = 0; turn < TURNS || (!late.includes(way) && least >= REPEAT_MS && Date.now() < end); turn++) {
          const { moving, stopped } = await observeTurn(page, agent, FRAMES, turn / TURNS);
          const numbers = [...moving, stopped].map(({ number }) => number);
          assert.deepEqual(numbers, numbers.slice().sort((a, b) => a - b), 'in order');
          least = Math.min(least, delayOf(stopped));
        }
        if (!late.includes(way)) assert.ok(least < REPEAT_MS, `the last frame showed after ${least} ms: only its repetition did`);
      }, { url: 'about:blank' });
    }));
  }
}

/** Chromium shows a part when the next one begins. */
export const pixelTests = () => frameTests(['content-length', 'advance-headers', 'websocket'], ['content-length']);

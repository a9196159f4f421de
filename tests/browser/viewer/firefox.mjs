// SPDX-License-Identifier: MIT
//
// Firefox, which decodes multipart pictures and draws canvases in ways of its own.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  Agent, baseUrl, eventually, leaveQuietly, listOnly, liveCanvas, liveImage, manyAgents, moves, startBrowser, stateOf,
  status, stopBrowser, tile, withPage,
} from '../support.mjs';
import { addImage, looksAlive, withOrigins } from './origins.mjs';
import { frameTests } from './pixels.mjs';

export function firefoxTests() {
  before(async () => {
    await stopBrowser();
    await startBrowser('firefox');
  });

  test('a stream shows as a tile with a moving picture, and large', async () => {
    await Agent.live('fox-a');
    await withPage(async (page) => {
      await moves(liveImage(page, 'fox-a'));
      assert.equal(await stateOf(page, 'fox-a'), 'live');
      await tile(page, 'fox-a').click();
      await moves(page.locator('#stage .picture.live img'));
      await page.goto('about:blank');
      await eventually('no viewers', async () => (await status()).viewers === 0);
    });
  });

  test('a moving picture keeps its connection', async () => {
    await Agent.live('fox-c');
    await withPage(async (page) => {
      // A picture that stands still is asked for again after 10 s; here these are 5.
      await page.addInitScript(() => {
        const now = Date.now;
        const began = now();
        Date.now = () => began + 2 * (now() - began);
      });
      await listOnly(page, /^fox-c$/);
      await page.goto(baseUrl);
      const image = liveImage(page, 'fox-c');
      await moves(image, 1);
      const source = await image.getAttribute('src');
      const started = await page.evaluate(() => Date.now());
      await eventually('the page had time to find it frozen', () => page.evaluate((since) => Date.now() - since > 18000, started));
      assert.equal(await image.getAttribute('src'), source);
      await leaveQuietly(page);
    }, { url: 'about:blank' });
  });

  test('more streams than connections: all live, by WebSocket', async () => {
    const names = await manyAgents('fox-many', 6);
    await withPage(async (page) => {
      for (const name of names) await moves(liveCanvas(page, name), 1);
      await eventually('one viewer each', async () => (await status()).viewers === names.length);
    });
  });

  test('an image on a page of another origin moves', async () => {
    await Agent.live('fox-b');
    await withOrigins(async (origin) => {
      await withPage(async (page) => {
        await addImage(page, `${baseUrl}stream/fox-b`);
        await looksAlive(page);
      }, { url: origin });
    });
  });

  frameTests(['content-length']);
}

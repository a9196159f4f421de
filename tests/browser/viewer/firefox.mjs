// SPDX-License-Identifier: MIT
//
// Firefox, which decodes multipart pictures and draws canvases in ways of its own.

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
      await eventually('the tile says live', async () => (await stateOf(page, 'fox-a')) === 'live');
      await tile(page, 'fox-a').click();
      await moves(page.locator('#stage .picture.live img'));
      await page.goto('about:blank');
      await eventually('no viewers', async () => (await status()).viewers === 0);
    });
  });

  test('the page sees a moving picture move, and does not take it for a broken one', async () => {
    await Agent.live('fox-c');
    await withPage(async (page) => {
      await page.addInitScript(() => {
        const { getImageData } = CanvasRenderingContext2D.prototype;
        window.looks = {}; // what the page saw of each connection's picture
        Object.assign(CanvasRenderingContext2D.prototype, {
          getImageData(...where) {
            const pixels = getImageData.apply(this, where);
            const { src } = document.querySelector('#tiles img');
            (window.looks[src] ??= new Set()).add(pixels.data.join());
            return pixels;
          },
        });
      });
      await listOnly(page, /^fox-c$/);
      await page.goto(baseUrl);
      await eventually('three different pictures of one connection', () =>
        page.evaluate(() => Object.values(window.looks).some((looks) => looks.size >= 3)));
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

// SPDX-License-Identifier: MIT
//
// Tiles: they come, show a moving picture and the stream's state, and go, all without a reload.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Agent, FORGET_WAIT_MS, eventually, fingerprint, liveImage, moves, setVisibility, standsStill, stateOf, tile, withPage,
  withReason,
} from '../support.mjs';

export function tileTests() {
  test('a stream shows as a tile with a moving picture', async () => {
    await Agent.live('tile-a');
    await withPage(async (page) => {
      await moves(liveImage(page, 'tile-a'));
      assert.equal(await stateOf(page, 'tile-a'), 'live');
      await eventually('size, rate and age', async () =>
        /640 × 360 · [1-9][\d.]* fps · [\d.]+ (ms|s) old/.test(await tile(page, 'tile-a').locator('.meta').textContent()));
      await eventually('the title counts live streams', async () => /^[1-9]\d* live/.test(await page.title()));
    });
  });

  test('a second stream appears without a reload and leaves the first picture alone', async () => {
    await Agent.live('tile-b');
    await withPage(async (page) => {
      const image = await liveImage(page, 'tile-b').elementHandle();
      const source = await image.getAttribute('src');
      const second = await Agent.live('tile-c');
      await moves(liveImage(page, 'tile-c'));
      assert.ok(await image.evaluate((img) => img.isConnected), 'the same img element');
      if (await page.locator('#tiles > li').count() === 2) assert.equal(await image.getAttribute('src'), source);
      await second.stop();
    });
  });

  test('a lost agent keeps its tile and its img, which goes on when the agent is back', async () => {
    const first = await Agent.live('tile-d');
    await withPage(async (page) => {
      await moves(liveImage(page, 'tile-d'));
      const image = await liveImage(page, 'tile-d').elementHandle();
      const source = await image.getAttribute('src');

      await first.stop('SIGKILL');
      const lastFrame = await standsStill(image);
      await eventually('the tile says lost', async () => (await stateOf(page, 'tile-d')) === 'lost');
      assert.match(await tile(page, 'tile-d').locator('.meta').textContent(), /\S+ .*for \d+ s/, 'the reason and since when');
      await eventually('the no-signal picture', async () => (await fingerprint(image)) !== lastFrame);

      await Agent.live('tile-d');
      await eventually('the tile says live', async () => (await stateOf(page, 'tile-d')) === 'live');
      await moves(image);
      assert.equal(await image.getAttribute('src'), source, 'the same connection');
      assert.ok(await image.evaluate((img) => img.isConnected), 'the same img element');
    });
  });

  test('a stream that ended says so and leaves', async () => {
    const agent = await Agent.live('tile-e');
    await withPage(async (page) => {
      await liveImage(page, 'tile-e').waitFor();
      await agent.stop();
      await eventually('the tile says ended', async () => (await stateOf(page, 'tile-e')) === 'ended');
      await eventually('the tile is gone', async () => (await tile(page, 'tile-e').count()) === 0, FORGET_WAIT_MS);
    });
  });

  test('state changes are told to assistive technology', async () => {
    const agent = await Agent.live('tile-f');
    await withPage(async (page) => {
      await liveImage(page, 'tile-f').waitFor();
      await agent.stop();
      await eventually('the announcement', async () => /tile-f: Ended/.test(await page.locator('#announcer').textContent()));
    });
  });

  const screens = {
    'a light desktop': { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
    'a dark phone': { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
  };
  for (const [screen, options] of Object.entries(screens)) {
    test(`what is odd about a live picture is noted on it, below its centre, on ${screen}`, async () => {
      await Agent.live('tile-h');
      await withPage(async (page) => {
        await moves(liveImage(page, 'tile-h'));
        const note = tile(page, 'tile-h').locator('.note');
        const reason = 'the picture is black (mean luma 0.4): the stage has no light, so add one'.padEnd(255, ', or two');
        await withReason(page, 'tile-h', () => reason, async () => {
          await eventually('the note', async () => (await note.textContent()) === reason);
          assert.equal(await note.getAttribute('title'), reason, 'the whole of it, for the pointer');
          const picture = await tile(page, 'tile-h').locator('.picture').boundingBox();
          const box = await note.boundingBox();
          assert.ok(box.y > picture.y + 0.65 * picture.height, 'the centre is free');
          assert.ok(box.x >= picture.x && box.x + box.width <= picture.x + picture.width, 'it is within the picture');
          assert.ok(box.y + box.height <= picture.y + picture.height, 'it is within the picture');
          assert.equal(await stateOf(page, 'tile-h'), 'live');
          assert.match(await tile(page, 'tile-h').locator('.meta').textContent(), /640 × 360 · .* fps/);
          await moves(liveImage(page, 'tile-h'));
        });
        await note.waitFor({ state: 'hidden' });
      }, options);
    });
  }

  test('what is odd about a live picture is told once to assistive technology, whatever its numbers do', async () => {
    await Agent.live('tile-i');
    await withPage(async (page) => {
      await moves(liveImage(page, 'tile-i'));
      await page.evaluate(() => {
        const announcer = document.getElementById('announcer');
        window.told = [];
        new MutationObserver(() => window.told.push(announcer.textContent)).observe(announcer, { childList: true });
      });
      const told = async () => (await page.evaluate(() => window.told)).filter((text) => text.includes('tile-i:'));
      let luma = 0;
      await withReason(page, 'tile-i', () => `the picture is black (mean luma ${(++luma / 4).toFixed(1)}): add a light`, async () => {
        await eventually('the numbers go on', () => luma > 4);
        await eventually('the note follows', async () => /luma [1-9]/.test(await tile(page, 'tile-i').locator('.note').textContent()));
        assert.equal((await told()).length, 1);
        assert.match((await told())[0], /tile-i: Live, the picture is black \(mean luma [\d.]+\): add a light/);
      });
      await eventually('that it is over', async () => (await told()).length === 2);
      assert.match((await told())[1], /tile-i: Live(\.|$)/);
    });
  });

  test('a server that does not answer is told by a banner, which goes by itself', async () => {
    await Agent.live('tile-g');
    await withPage(async (page) => {
      await liveImage(page, 'tile-g').waitFor();
      await page.route('**/status', (route) => route.abort('connectionrefused'));
      await page.locator('#banner').waitFor({ state: 'visible' });
      assert.equal(await stateOf(page, 'tile-g'), 'unknown');
      await page.unroute('**/status');
      await page.locator('#banner').waitFor({ state: 'hidden' });
      await eventually('the tile says live', async () => (await stateOf(page, 'tile-g')) === 'live');
      await moves(liveImage(page, 'tile-g'));
    }, { expected: /ERR_CONNECTION_REFUSED/ });
  });

  test('without streams the page says how to start an agent', async () => {
    await withPage(async (page) => {
      await page.route('**/status', async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), streams: [] } });
      });
      await page.locator('.empty').waitFor({ state: 'visible' });
      assert.match(await page.locator('#empty-command').textContent(), /^headcam-agent testcard/);
      assert.match(await page.locator('#empty-endpoint').textContent(), /^\w+:\/\//);
      await setVisibility(page, 'hidden');
      await page.unrouteAll({ behavior: 'wait' });
    });
  });

  test('names and reasons are shown as text, never as markup', async () => {
    await withPage(async (page) => {
      const reason = '<img src=x onerror=alert(1)>';
      await page.route('**/status', async (route) => {
        const response = await route.fetch();
        const stream = {
          name: 'markup', state: 'starting', reason, since: Date.now() / 1000, width: null, height: null, format: null,
          transport: null, nominal_fps: null, fps: 0, age_ms: null, viewers: 0, agent: { name: reason, version: reason },
        };
        await route.fulfill({ response, json: { ...(await response.json()), streams: [stream] } });
      });
      await page.route('**/stream/markup**', (route) => route.fulfill({ status: 503, contentType: 'text/plain', body: reason }));
      await eventually('the reason', async () => (await tile(page, 'markup').locator('.meta').textContent()).includes(reason));
      await eventually('the refusal', async () =>
        (await tile(page, 'markup').locator('.note').textContent()) === `The server answers 503: ${reason}`);
      assert.equal(await tile(page, 'markup').locator('img').count(), 1);
      await setVisibility(page, 'hidden');
      await page.unrouteAll({ behavior: 'wait' });
    }, { expected: /status of 503/ });
  });
}

// SPDX-License-Identifier: MIT
//
// Tiles: they come, show a moving picture and the stream's state, and go, all without a reload.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Agent, FORGET_WAIT_MS, changeStatus, eventually, fingerprint, liveImage, moves, rectangles, setVisibility, standsStill, stateOf, tile,
  withPage, withReason,
} from '../support.mjs';
import { Server } from '../server.mjs';

const NEVER_FORGET = ['--forget-after', '3600'];

export function tileTests() {
  test('a stream shows as a tile with a moving picture', async () => {
    await Agent.live('tile-a');
    await withPage(async (page) => {
      await moves(liveImage(page, 'tile-a'));
      await eventually('the tile says live', async () => (await stateOf(page, 'tile-a')) === 'live');
      await eventually('size, rate and age', async () =>
        /640 × 360 · [1-9][\d.]* fps · [\d.]+ (ms|s) old/.test(await tile(page, 'tile-a').locator('.meta').textContent()));
      await eventually('the title counts live streams', async () => /^[1-9]\d* live/.test(await page.title()));
    });
  });

  test('a second stream appears without a reload and leaves the first picture alone', async () => {
    // More than two streams are asked for at another rate.
    await Server.with(['tile-b'], NEVER_FORGET, (server) => withPage(async (page) => {
      const image = await liveImage(page, 'tile-b').elementHandle();
      const source = await image.getAttribute('src');
      await server.agent('tile-c');
      await moves(liveImage(page, 'tile-c'));
      assert.ok(await image.evaluate((img) => img.isConnected), 'the same img element');
      assert.equal(await image.getAttribute('src'), source, 'the same connection');
    }, { url: server.url, patient: true }));
  });

  test('a lost agent keeps its tile and its img, which goes on when the agent is back', async () => {
    await Server.with([], NEVER_FORGET, async (server) => {
      const first = await server.agent('tile-d');
      await withPage(async (page) => {
        await moves(liveImage(page, 'tile-d'));
        const image = await liveImage(page, 'tile-d').elementHandle();
        const source = await image.getAttribute('src');

        await first.stop('SIGKILL');
        const lastFrame = await standsStill(image);
        await eventually('the tile says lost', async () => (await stateOf(page, 'tile-d')) === 'lost');
        await eventually('the reason and since when', async () =>
          /\S+ .*for \d+ s/.test(await tile(page, 'tile-d').locator('.meta').textContent()));
        await eventually('the no-signal picture', async () => (await fingerprint(image)) !== lastFrame);

        await server.agent('tile-d');
        await eventually('the tile says live', async () => (await stateOf(page, 'tile-d')) === 'live');
        await moves(image);
        assert.equal(await image.getAttribute('src'), source, 'the same connection');
        assert.ok(await image.evaluate((img) => img.isConnected), 'the same img element');
      }, { url: server.url, patient: true });
    });
  });

  test('a stream that ended says so, to assistive technology too', async () => {
    await Server.with([], NEVER_FORGET, async (server) => {
      // Few frames, as an agent gives up its goodbye if others before it do not leave for 0.2 s.
      const agent = await server.agent('tile-e', { fps: 1 });
      await withPage(async (page) => {
        await liveImage(page, 'tile-e').waitFor();
        await agent.stop();
        await eventually('the tile says ended', async () => (await stateOf(page, 'tile-e')) === 'ended');
        await eventually('the announcement', async () => /tile-e: Ended/.test(await page.locator('#announcer').textContent()));
      }, { url: server.url });
    });
  });

  test('a stream that the server has forgotten leaves', async () => {
    const agent = await Agent.live('tile-f');
    await withPage(async (page) => {
      await liveImage(page, 'tile-f').waitFor();
      await agent.stop();
      await eventually('the tile is gone', async () => (await tile(page, 'tile-f').count()) === 0, FORGET_WAIT_MS);
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
          const [picture, box] = await rectangles(page, ...['.picture', '.note'].map((part) => `[data-name="tile-h"] ${part}`));
          assert.ok(box.top > picture.top + 0.65 * picture.height, 'the centre is free');
          assert.ok(box.left >= picture.left && box.right <= picture.right, 'it is within the picture');
          assert.ok(box.bottom <= picture.bottom, 'it is within the picture');
          await eventually('the tile says live', async () => (await stateOf(page, 'tile-h')) === 'live');
          await eventually('size and rate', async () => /640 × 360 · .* fps/.test(await tile(page, 'tile-h').locator('.meta').textContent()));
          await moves(liveImage(page, 'tile-h'));
        });
        await note.waitFor({ state: 'hidden' });
      }, { ...options, patient: true });
    });
  }

  test('what is odd about a live picture is told once to assistive technology, whatever its numbers do', async () => {
    await Agent.live('tile-i');
    await withPage(async (page) => {
      await moves(liveImage(page, 'tile-i'));
      const told = async () => (await page.evaluate(() => window.told)).filter((text) => text.includes('tile-i:'));
      const note = (pattern) => eventually(`the note: ${pattern}`, async () =>
        pattern.test(await tile(page, 'tile-i').locator('.note').textContent()));
      let reason = () => 'the picture is grey';
      await withReason(page, 'tile-i', () => reason(), async () => {
        await note(/grey/); // what was told up to here is of no interest
        await page.evaluate(() => {
          const announcer = document.getElementById('announcer');
          window.told = [];
          new MutationObserver(() => window.told.push(announcer.textContent)).observe(announcer, { childList: true });
        });
        let luma = 0;
        reason = () => `the picture is black (mean luma ${(++luma / 4).toFixed(1)}): add a light`;
        await note(/luma [1-9]/);
        assert.equal((await told()).length, 1);
        assert.match((await told())[0], /tile-i: Live, the picture is black \(mean luma [\d.]+\): add a light/);
        reason = () => '';
        await eventually('that it is over', async () => (await told()).length === 2);
        assert.match((await told())[1], /tile-i: Live(\.|$)/);
      });
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
      await changeStatus(page, (answer) => ({ ...answer, streams: [] }));
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
      await changeStatus(page, (answer) => {
        const stream = {
          name: 'markup', state: 'starting', reason, since: Date.now() / 1000, width: null, height: null, format: null,
          transport: null, nominal_fps: null, fps: 0, age_ms: null, viewers: 0, agent: { name: reason, version: reason },
        };
        return { ...answer, streams: [stream] };
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

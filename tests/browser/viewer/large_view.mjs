// SPDX-License-Identifier: MIT
//
// The large view: by click, by key and by address; snapshots, and the way back.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Agent, eventually, liveImage, moves, rectangles, status, tile, withPage, withReason } from '../support.mjs';
import { Server } from '../server.mjs';

const stageImage = (page) => page.locator('#stage .picture.live img');
const stageName = (page) => page.locator('#stage-name').textContent();

export function largeViewTests() {
  test('a click opens it, Escape closes it, and only its connection is held', async () => {
    await Promise.all([Agent.live('large-a'), Agent.live('large-b')]);
    await withPage(async (page) => {
      await liveImage(page, 'large-b').waitFor();
      await tile(page, 'large-a').click();
      await moves(stageImage(page));
      assert.equal(new URL(page.url()).hash, '#large-a');
      assert.match(await page.title(), /^large-a/);
      await eventually('the tiles let go', async () => {
        const { viewers, streams } = await status();
        return viewers === 1 && streams.find(({ name }) => name === 'large-a').viewers === 1;
      });

      await page.keyboard.press('Escape');
      await page.locator('#stage').waitFor({ state: 'hidden' });
      assert.equal(new URL(page.url()).hash, '');
      await moves(liveImage(page, 'large-a'));
      assert.ok(await tile(page, 'large-a').locator('.tile').evaluate((link) => link === document.activeElement), 'focus is back');
    });
  });

  test('Enter opens it and Back closes it', async () => {
    await Agent.live('large-c');
    await withPage(async (page) => {
      await tile(page, 'large-c').locator('.tile').focus();
      await page.keyboard.press('Enter');
      await stageImage(page).waitFor();
      await page.goBack();
      await page.locator('#stage').waitFor({ state: 'hidden' });
      await liveImage(page, 'large-c').waitFor();
    });
  });

  test('the address opens it, and arrow keys step through the streams', async () => {
    await Promise.all([Agent.live('large-d'), Agent.live('large-e')]);
    await withPage(async (page) => {
      await moves(stageImage(page));
      assert.equal(await stageName(page), 'large-d');
      await page.keyboard.press('ArrowRight');
      assert.equal(await stageName(page), 'large-e');
      await moves(stageImage(page));
      await page.keyboard.press('ArrowLeft');
      assert.equal(await stageName(page), 'large-d');
      assert.equal(new URL(page.url()).hash, '#large-d');
      await page.locator('#stage-back').click();
      await liveImage(page, 'large-d').waitFor();
    }, { hash: '#large-d' });
  });

  test('a stream that is not there yet opens when it comes', async () => {
    await withPage(async (page) => {
      await page.locator('#stage-missing').waitFor({ state: 'visible' });
      await Agent.live('large-f');
      await moves(stageImage(page));
      assert.ok(await page.locator('#stage-missing').isHidden());
    }, { hash: '#large-f' });
  });

  test('the snapshot button downloads a JPEG', async () => {
    await Agent.live('large-g');
    await withPage(async (page) => {
      await stageImage(page).waitFor();
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#stage-snapshot').click()]);
      assert.match(download.suggestedFilename(), /^large-g-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.jpg$/);
      const bytes = await readFile(await download.path());
      assert.deepEqual([...bytes.subarray(0, 3)], [0xff, 0xd8, 0xff], 'starts as a JPEG');
      assert.deepEqual([...bytes.subarray(-2)], [0xff, 0xd9], 'ends as a JPEG');
    }, { hash: '#large-g', patient: true });
  });

  test('a snapshot that fails says what the server says', async () => {
    await Server.with([], ['--forget-after', '3600'], async (server) => {
      const agent = await server.agent('large-h');
      await withPage(async (page) => {
        await stageImage(page).waitFor();
        await agent.stop('SIGKILL');
        await eventually('lost', async () => (await page.locator('#stage-state').getAttribute('data-state')) === 'lost');
        await page.locator('#stage-snapshot').click();
        await page.locator('.toast.error', { hasText: /No snapshot of large-h\. The server answers 503: \S+/ }).waitFor();
      }, { url: server.url, hash: '#large-h' });
    });
  });

  test('the stream\'s URL is copied', async () => {
    await Agent.live('large-i');
    await withPage(async (page) => {
      await stageImage(page).waitFor();
      await page.locator('#stage-copy').click();
      const url = new URL('stream/large-i', page.url()).href;
      await eventually('the clipboard', async () => (await page.evaluate(() => navigator.clipboard.readText())) === url);
    }, { hash: '#large-i', permissions: ['clipboard-read', 'clipboard-write'] });
  });

  test('what is odd about a live picture stands below it, and nothing stands on it', async () => {
    await Promise.all([Agent.live('large-k'), Agent.live('large-l')]);
    await withPage(async (page) => {
      await stageImage(page).waitFor();
      const text = page.locator('#stage-reason');
      const reason = 'the picture is black (mean luma 0.4): the stage has no light, so add one'.padEnd(255, ', or two');
      await withReason(page, 'large-k', () => reason, async () => {
        await eventually('the reason', async () => (await text.textContent()) === reason);
        const parts = ['#stage-picture', '#stage-previous', '#stage-next'];
        const [below, ...boxes] = await rectangles(page, '#stage-reason', ...parts);
        for (const [index, box] of boxes.entries()) assert.ok(box.bottom <= below.top, `${parts[index]} ends above it`);
        assert.ok(below.bottom < 844, 'it is in view');
        await moves(stageImage(page));
      });
      await text.waitFor({ state: 'hidden' });
    }, { hash: '#large-k', viewport: { width: 390, height: 844 } });
  });

  test('actual size shows one camera pixel on one screen pixel', async () => {
    await Agent.live('large-j', { size: '1920x1080' });
    await withPage(async (page) => {
      await stageImage(page).waitFor();
      await page.locator('#stage-scale').click();
      const box = await stageImage(page).boundingBox();
      assert.deepEqual([box.width, box.height], [1920, 1080]);
      const view = page.locator('#stage-view');
      await page.keyboard.press('ArrowRight');
      await eventually('arrow keys pan', () => view.evaluate((element) => element.scrollLeft > 0));
      assert.equal(await stageName(page), 'large-j');
      await page.locator('#stage-scale').click();
      await eventually('fits again', () => view.evaluate((element) => element.scrollWidth === element.clientWidth));
    }, { hash: '#large-j' });
  });

  test('Escape twice closes it and stays on the page', async () => {
    await Agent.live('large-m');
    await withPage(async (page) => {
      await page.evaluate(() => {
        const { history } = window;
        const back = history.back.bind(history);
        window.backs = [];
        history.back = () => window.backs.push(back); // as of a browser that takes its time
      });
      await tile(page, 'large-m').click();
      await stageImage(page).waitFor();
      await page.keyboard.press('Escape');
      await page.keyboard.press('Escape');
      assert.equal(await page.evaluate(() => window.backs.length), 1);
      await page.evaluate(() => window.backs[0]());
      await page.locator('#stage').waitFor({ state: 'hidden' });
      await tile(page, 'large-m').click();
      await stageImage(page).waitFor();
      await page.keyboard.press('Escape');
      assert.equal(await page.evaluate(() => window.backs.length), 2, 'it closes again');
    });
  });
}

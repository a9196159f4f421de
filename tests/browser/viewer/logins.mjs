// SPDX-License-Identifier: MIT
//
// Logins: the page with a password, with a token in its address, for some streams only, and when it is refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, fingerprint, hold, liveCanvas, liveImage, moves, standsStill, stateOf, tile, withPage } from '../support.mjs';
import { GuardedServer, LIMITED_TOKEN, TOKEN, USER } from '../guarded.mjs';

const bannerTitle = (page) => page.locator('#banner-title').textContent();

export function loginTests() {
  test('a page opened with a token asks for everything with it', async () => {
    await GuardedServer.with(['login-a', 'login-b'], [], async (server) => {
      const refused = [];
      await withPage(async (page) => {
        page.on('response', (response) => { if (response.status() >= 400) refused.push(response.url()); });
        await page.reload();
        await moves(liveImage(page, 'login-a'));
        await moves(liveImage(page, 'login-b'));
        await tile(page, 'login-a').click();
        await moves(page.locator('#stage .picture.live img'));
        const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#stage-snapshot').click()]);
        assert.match(download.suggestedFilename(), /^login-a-/);
        await page.locator('#stage-copy').click();
        const url = `${server.url}stream/login-a?token=${TOKEN}`;
        await eventually('the clipboard', async () => (await page.evaluate(() => navigator.clipboard.readText())) === url);
        await page.keyboard.press('Escape');
        assert.equal(new URL(page.url()).searchParams.get('token'), TOKEN);
      }, { url: `${server.url}?token=${TOKEN}`, patient: true, permissions: ['clipboard-read', 'clipboard-write'] });
      assert.deepEqual(refused, []);
    });
  });

  test('who may see some streams sees those', async () => {
    await GuardedServer.with(['login-c', 'login-d'], [], async (server) => {
      await withPage(async (page) => {
        await moves(liveImage(page, 'login-c'));
        assert.equal(await page.locator('#tiles > li').count(), 1);
        await eventually('one is counted', async () => (await page.locator('#fact-live').textContent()) === '1 live');
      }, { url: `${server.url}?token=${LIMITED_TOKEN}` });
    });
  });

  test('a password that the browser asked for lets the page in', async () => {
    await GuardedServer.with(['login-e'], [], async (server) => {
      await withPage(async (page) => {
        await moves(liveImage(page, 'login-e'));
      }, { url: server.url, httpCredentials: USER });
    });
  });

  test('a password may be in the page\'s address', async () => {
    await GuardedServer.with(['login-h'], [], async (server) => {
      await withPage(async (page) => {
        await moves(liveImage(page, 'login-h'));
      }, { url: server.url.replace('://', `://${USER.username}:${encodeURIComponent(USER.password)}@`) });
    });
  });

  test('without a login the answer says what is wanted', async () => {
    await GuardedServer.with(['login-f'], [], async (server) => {
      await withPage(async (page) => {
        assert.match(await page.locator('body').textContent(), /not known here/);
      }, { url: `${server.url}?token=wrong`, expected: /status of 401/ });
    });
  });

  test('a page of many streams whose token is no longer valid spends few tries, and is let in again', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `login-many-${index}`);
    await GuardedServer.with(names, ['--login-failures', '5', '--login-recovery', '3600'], async (server) => {
      await withPage(async (page) => {
        for (const name of names) await moves(liveCanvas(page, name), 1);
        const tried = [];
        page.on('websocket', (socket) => tried.push(socket));
        await server.reload([server.lines.user]);
        await eventually('the banner', async () => (await bannerTitle(page)) === 'The server does not let this page in.');
        await eventually('no picture is live', async () => (await page.locator('#tiles .picture.live').count()) === 0);
        for (const name of names) await eventually('it says unknown', async () => (await stateOf(page, name)) === 'unknown');
        await hold('no WebSocket is tried', () => tried.length === 0, 2500);
        await server.reload([server.lines.user, server.lines.token]);
        await page.locator('#banner-retry').click();
        for (const name of names) await moves(liveCanvas(page, name), 1);
        assert.equal((await fetch(`${server.url}status?token=wrong`)).status, 401, 'it has spent no more than it had');
      }, { url: `${server.url}?token=${TOKEN}`, expected: /status of 401/ });
    });
  });

  test('a page whose token is no longer valid says so, keeps its picture, and is let in again', async () => {
    await GuardedServer.with(['login-g'], ['--login-failures', '5', '--login-recovery', '3600'], async (server) => {
      await withPage(async (page) => {
        const image = liveImage(page, 'login-g');
        await moves(image);
        await server.reload([server.lines.user]);
        await eventually('the banner', async () => (await bannerTitle(page)) === 'The server does not let this page in.');
        assert.match(await page.locator('#banner-text').textContent(), /401: this token is not known here/);
        assert.match(await page.title(), /^Not let in/);
        await standsStill(image); // the server has ended it
        const asked = [];
        page.on('request', (request) => asked.push(request.url()));
        await hold('a page that is not let in asks for nothing', () => asked.length === 0, 2500);
        await server.reload([server.lines.user, server.lines.token]);
        await page.locator('#banner-retry').click();
        await page.locator('#banner').waitFor({ state: 'hidden' });
        const before = await fingerprint(image);
        await eventually('the picture moves', async () => (await fingerprint(liveImage(page, 'login-g'))) !== before);
        assert.equal((await fetch(`${server.url}status?token=wrong`)).status, 401, 'it has spent no more than it had');
      }, { url: `${server.url}?token=${TOKEN}`, expected: /status of 401/ });
    });
  });
}

// SPDX-License-Identifier: MIT
//
// Pages of other origins: what they show, and what they may read.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { test } from 'node:test';
import { WAIT_MS, eventually, moves, withPage } from '../support.mjs';
import { GuardedServer, TOKEN, USER } from '../guarded.mjs';

/** Runs `test` with the origins of two servers that serve an empty page. */
export async function withOrigins(test, headers = {}) {
  const servers = [0, 1].map(() => createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html', ...headers });
    response.end('<!doctype html><link rel="icon" href="data:,"><title>elsewhere</title>');
  }).listen(0, '127.0.0.1'));
  try {
    await Promise.all(servers.map((server) => once(server, 'listening')));
    await test(...servers.map((server) => `http://127.0.0.1:${server.address().port}`));
  } finally {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}

export function addImage(page, url, crossOrigin = null) {
  return page.evaluate(([src, mode]) => {
    const image = document.createElement('img');
    if (mode) image.crossOrigin = mode;
    image.src = src;
    image.width = 320;
    document.body.append(image);
  }, [url, crossOrigin]);
}

/** Waits until the page's image moves. The page cannot read the picture, but whoever looks at it can. */
export async function looksAlive(page) {
  const look = async () => (await page.locator('img').screenshot()).toString('base64');
  for (let i = 0; i < 3; i++) {
    const before = await look();
    await eventually('the picture moves', async () => (await look()) !== before);
  }
}

/** What a page's fetch() gives: the status and a header, or the word that it was not allowed to see them. */
function fetchIn(page, url, options) {
  return page.evaluate(async ([address, init]) => {
    try {
      const response = await fetch(address, init);
      return [response.status, response.headers.get('X-Headcam-State')];
    } catch (error) {
      return error.name;
    }
  }, [url, options]);
}

/** Of a stream that nobody watches: its agent may need long to wake up. */
const snapshotOf = (server, name) => `${server.url}snapshot/${name}?timeout=${WAIT_MS}`;

const bearer = { headers: { Authorization: `Bearer ${TOKEN}` } };

export function originTests() {
  test('an image of another origin with a token moves, whatever is allowed', async () => {
    await withOrigins(async (origin) => {
      await GuardedServer.with(['origin-a'], [], async (server) => {
        await withPage(async (page) => {
          await addImage(page, `${server.url}stream/origin-a?token=${TOKEN}`);
          await looksAlive(page);
        }, { url: origin });
      });
    });
  });

  test('a page of an allowed origin reads pictures and answers', async () => {
    await withOrigins(async (origin) => {
      await GuardedServer.with(['origin-b'], ['--allow-origin', origin], async (server) => {
        await withPage(async (page) => {
          await addImage(page, `${server.url}stream/origin-b?token=${TOKEN}`, 'anonymous');
          await moves(page.locator('img'));
          const snapshot = snapshotOf(server, 'origin-b');
          assert.deepEqual(await fetchIn(page, snapshot, bearer), [200, 'live']);
          assert.deepEqual(await fetchIn(page, `${snapshot}&token=${TOKEN}`), [200, 'live']);
          assert.deepEqual(await fetchIn(page, snapshot), [401, null]);
          assert.deepEqual(await fetchIn(page, `${snapshot}&token=wrong`), [401, null]);
        }, { url: origin, expected: /status of 401/ });
      });
    });
  });

  test('a page of an allowed origin may use the password that the browser knows, another may not', async () => {
    await withOrigins(async (origin, stranger) => {
      await GuardedServer.with(['origin-c'], ['--allow-origin', origin], async (server) => {
        const url = snapshotOf(server, 'origin-c');
        const options = { expected: /CORS policy|ERR_FAILED|status of 401/, httpCredentials: { ...USER, origin: server.url.replace(/\/$/, '') } };
        await withPage(async (page) => {
          assert.deepEqual(await fetchIn(page, url, { credentials: 'include' }), [200, 'live']);
        }, { url: origin, ...options });
        await withPage(async (page) => {
          assert.equal(await fetchIn(page, url, { credentials: 'include' }), 'TypeError');
          assert.equal(await fetchIn(page, url, bearer), 'TypeError');
          assert.equal(await fetchIn(page, `${url}&token=${TOKEN}`), 'TypeError');
        }, { url: stranger, ...options });
      });
    });
  });

  test('all origins may read with a token, none with the browser\'s password', async () => {
    await withOrigins(async (origin) => {
      await GuardedServer.with(['origin-d'], ['--allow-origin', '*'], async (server) => {
        const url = snapshotOf(server, 'origin-d');
        await withPage(async (page) => {
          assert.deepEqual(await fetchIn(page, url, bearer), [200, 'live']);
          assert.equal(await fetchIn(page, url, { credentials: 'include' }), 'TypeError');
        }, { url: origin, expected: /CORS policy|ERR_FAILED|status of 401/, httpCredentials: USER });
      });
    });
  });

  test('a page that isolates itself embeds pictures where origins are allowed', async () => {
    await withOrigins(async (origin) => {
      await GuardedServer.with(['origin-e'], ['--allow-origin', origin], async (server) => {
        await withPage(async (page) => {
          await addImage(page, `${snapshotOf(server, 'origin-e')}&token=${TOKEN}`);
          await eventually('the picture', () => page.locator('img').evaluate((image) => image.naturalWidth === 320));
        }, { url: origin });
      });
    }, { 'Cross-Origin-Embedder-Policy': 'require-corp' });
  });
}

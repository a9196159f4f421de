// SPDX-License-Identifier: MIT
//
// Connections: few, never wasted, taken up again when they break.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import {
  Agent, WAIT_MS, baseUrl, changeStatus, eventually, fingerprint, leaveQuietly, listOnly, liveCanvas, liveImage, manyAgents, moves, setVisibility,
  standsStill, stateOf, status, streamStatus, tile, withPage, withoutTimeLimits,
} from '../support.mjs';
import { GuardedServer, TOKEN } from '../guarded.mjs';
import { withProxy } from '../proxied.mjs';

const LIVE_CONNECTIONS = 4;
const SOCKET_WINDOW = 4;

/** As with a proxy that drops the upgrade. */
const withoutSockets = (page) => page.addInitScript(() => {
  window.WebSocket = class {
    constructor() { setTimeout(() => this.onclose?.(), 10); }
    close() {}
  };
});

/** From now on the page hears of these streams alone, and that they are live: none takes another's connection. */
async function listAsLive(page, names, more = {}) {
  await changeStatus(page, (answer) => ({
    ...answer,
    streams: answer.streams.filter(({ name }) => names.includes(name)).map((stream) => ({ ...stream, state: 'live', ...more })),
  }));
}

/** A promise, and what resolves it. */
function gate() {
  let open;
  const opened = new Promise((resolve) => { open = resolve; });
  return [opened, open];
}

/**
 * Lets the first WebSocket of stream `name` break, and holds the answer to the preview that the page asks for then,
 * which `answer` makes, until `release` is called. The WebSocket after it connects when that was asked for; `drawn`
 * resolves when the page has drawn a picture of it.
 */
async function holdPreview(page, name, answer) {
  const [asked, ask] = gate();
  const [released, release] = gate();
  const [drawn, draw] = gate();
  await page.route(`**/snapshot/${name}?*`, async (route) => {
    const response = await answer(route);
    ask();
    await released;
    await route.fulfill(response);
  });
  let connections = 0;
  await page.routeWebSocket((url) => url.pathname.endsWith(`/ws/${name}`), async (socket) => {
    const isFirst = connections++ === 0;
    if (!isFirst) await asked;
    const server = socket.connectToServer();
    if (isFirst) server.onMessage(() => socket.close());
    socket.onMessage((message) => {
      server.send(message);
      if (!isFirst && 'ack' in JSON.parse(message)) draw();
    });
  });
  return { drawn, release };
}

/** A snapshot as it is, however long the agent takes to wake up. */
async function patientSnapshot(route) {
  const url = new URL(route.request().url());
  url.searchParams.set('timeout', WAIT_MS);
  return { response: await route.fetch({ url: url.href, timeout: WAIT_MS }) };
}

export function connectionTests() {
  test('a hidden tab holds no connection and takes them up when it is back', async () => {
    await Promise.all([Agent.live('conn-a'), Agent.live('conn-b')]);
    await withPage(async (page) => {
      await moves(liveImage(page, 'conn-a'));
      await moves(liveImage(page, 'conn-b'));
      const image = await liveImage(page, 'conn-a').elementHandle();
      await setVisibility(page, 'hidden');
      await eventually('no viewers', async () => (await status()).viewers === 0);
      await setVisibility(page, 'visible');
      await moves(liveImage(page, 'conn-a'));
      await moves(liveImage(page, 'conn-b'));
      assert.ok(await image.evaluate((img) => img.isConnected), 'the same img element');
    });
  });

  test('leaving the page closes its connections', async () => {
    await Agent.live('conn-c');
    await withPage(async (page) => {
      await liveImage(page, 'conn-c').waitFor();
      await page.goto('about:blank');
      await eventually('no viewers', async () => (await status()).viewers === 0);
    });
  });

  test('more streams than connections: all live, by WebSocket, in the width of their tiles', async () => {
    const names = await manyAgents('conn-sockets', 12);
    await withPage(async (page) => {
      const opened = [];
      page.on('websocket', (socket) => opened.push(socket));
      await withoutTimeLimits(page);
      await listOnly(page, /^conn-sockets/);
      await page.goto(baseUrl);
      for (const name of names) await moves(liveCanvas(page, name));
      assert.equal(opened.length, names.length, 'one WebSocket each');
      await eventually('one viewer each', async () => (await status()).viewers === names.length);
      const tileWidth = await tile(page, names[0]).locator('.picture').evaluate((box) => box.clientWidth);
      const width = await liveCanvas(page, names[0]).evaluate((canvas) => canvas.width);
      assert.ok(width >= tileWidth && width < 640, `${width} pixels for a tile of ${tileWidth}, not all 640`);

      const further = async (timeout) => (await fetch('status', { cache: 'no-store', signal: AbortSignal.timeout(timeout) })).status;
      assert.equal(await page.evaluate(further, WAIT_MS), 200, 'a further request is answered');

      await page.setViewportSize({ width: 2400, height: 1500 });
      await eventually('a wider tile gets wider pictures, in flight', async () =>
        (await liveCanvas(page, names[0]).evaluate((canvas) => canvas.width)) > width);
      assert.equal(opened.length, names.length, 'on the same connection');

      await setVisibility(page, 'hidden');
      await eventually('a hidden tab holds none', async () => (await status()).viewers === 0);
      await setVisibility(page, 'visible');
      await moves(liveCanvas(page, names[11]));

      await tile(page, names[5]).click();
      await moves(page.locator('#stage .picture.live img'));
      await eventually('the tiles let go', async () => (await status()).viewers === 1);
      await leaveQuietly(page);
    }, { url: 'about:blank' });
  });

  test('an agent that is killed and started again: its picture says so and goes on, on the same WebSocket', async () => {
    const names = Array.from({ length: 5 }, (_, index) => `conn-lost-${index}`);
    // Forgotten, the stream would leave with its tile and its connection.
    await GuardedServer.with(names, ['--forget-after', '3600'], async (server) => {
      const lost = new Agent('conn-lost-agent', { at: server.endpoint });
      await withPage(async (page) => {
        const opened = [];
        page.on('websocket', (socket) => opened.push(socket));
        await withoutTimeLimits(page);
        await page.goto(`${server.url}?token=${TOKEN}`);
        const canvas = liveCanvas(page, lost.name);
        await moves(canvas);
        await lost.stop('SIGKILL');
        const lastFrame = await standsStill(canvas);
        await eventually('the tile says lost', async () => (await stateOf(page, lost.name)) === 'lost');
        await eventually('the no-signal picture', async () => (await fingerprint(canvas)) !== lastFrame);
        new Agent(lost.name, { at: server.endpoint });
        await eventually('the tile says live', async () => (await stateOf(page, lost.name)) === 'live');
        await moves(canvas);
        await moves(liveCanvas(page, names[0]), 1);
        assert.equal(opened.length, names.length + 1, 'one WebSocket each');
        assert.ok(opened.every((socket) => !socket.isClosed()));
      }, { url: 'about:blank' });
    });
  });

  test('a page that is too slow is sent fewer pictures, and shows the newest', async () => {
    const [name] = await manyAgents('conn-slow', 6);
    await withPage(async (page) => {
      let waiting = []; // updates that came since the last acknowledgement
      let mostWaiting = 0;
      let lastSequence = 0n;
      let leftOut = false;
      page.on('websocket', (socket) => {
        if (!socket.url().includes(name)) return;
        socket.on('framereceived', ({ payload }) => {
          if (typeof payload === 'string') return;
          waiting.push(payload.readBigUInt64LE(8));
          mostWaiting = Math.max(mostWaiting, waiting.length);
          const sequence = payload.readBigUInt64LE(16);
          leftOut ||= lastSequence > 0n && sequence > lastSequence + 1n;
          lastSequence = sequence;
        });
        socket.on('framesent', ({ payload }) => {
          const { ack } = JSON.parse(payload);
          if (ack !== undefined) waiting = waiting.filter((update) => update > BigInt(ack));
        });
      });
      await page.addInitScript(() => { delete window.ImageDecoder; }); // as over plain HTTP
      await page.goto(baseUrl);
      const canvas = liveCanvas(page, name);
      await moves(canvas);
      leftOut = false;
      await eventually('pictures are left out', async () => {
        await page.evaluate(() => {
          const end = performance.now() + 3000;
          while (performance.now() < end); // the page is busy with something else
        });
        await moves(canvas);
        return leftOut;
      });
      assert.ok(mostWaiting <= SOCKET_WINDOW, `${mostWaiting} pictures waited to be drawn`);
    }, { url: 'about:blank' });
  });

  test('where WebSockets do not get through: four live, the rest previewed, the page responsive', async () => {
    const names = await manyAgents('conn-many', 8);
    await withPage(async (page) => {
      await withoutSockets(page);
      await listAsLive(page, names);
      await page.goto(baseUrl);
      for (const name of names.slice(0, LIVE_CONNECTIONS)) await liveImage(page, name).waitFor();
      const previewed = names.slice(LIVE_CONNECTIONS);
      for (const name of previewed) {
        await eventually(`${name} says that it is a preview`, async () =>
          (await tile(page, name).locator('.note').textContent()).includes('preview'));
      }
      await moves(tile(page, previewed[0]).locator('canvas'));
      await eventually('four live pictures', async () => (await page.locator('#tiles .picture.live').count()) === LIVE_CONNECTIONS);
      await eventually('four viewers, and at most one preview', async () => {
        const viewers = (await status()).streams.reduce((sum, stream) => sum + stream.viewers, 0);
        return viewers >= LIVE_CONNECTIONS && viewers <= LIVE_CONNECTIONS + 1;
      });

      await tile(page, previewed[0]).click();
      await moves(page.locator('#stage .picture.live img'));
      await eventually('the tiles let go', async () => (await streamStatus(previewed[0])).viewers === 1 && (await status()).viewers === 1);
      await leaveQuietly(page);
    }, { url: 'about:blank' });
  });

  for (const [way, through] of [['', (url, work) => work(url)], [' behind a proxy', withProxy]]) {
    test(`a restart of the server${way}: all go on by WebSocket, in the width of their tiles`, async () => {
      const names = Array.from({ length: 6 }, (_, index) => `conn-restart-${index}`);
      await GuardedServer.with(names, [], (server) => through(server.url, (url) => withPage(async (page) => {
        const widths = () => Promise.all(names.map((name) => liveCanvas(page, name).evaluate((canvas) => canvas.width)));
        const failed = [];
        page.on('console', (message) => { if (/^WebSocket connection to/.test(message.text())) failed.push(message.text()); });
        for (const name of names) await moves(liveCanvas(page, name), 1);
        const before = await widths();
        assert.ok(before.every((width) => width < 1280), 'scaled');
        // The agents are back before the page is, so that it keeps its tiles.
        await page.route('**/status?*', async (route) =>
          ((await server.areLive(names).catch(() => true)) ? route.continue() : route.abort()));
        await server.away(() => eventually('each has tried in vain, twice', () => failed.length >= 2 * names.length));
        for (const name of names) await eventually(`${name} is live`, () => liveCanvas(page, name).count());
        for (const name of names) await moves(liveCanvas(page, name), 1);
        // One that failed just when the server was back is asked for unscaled, until the page hears of the restart.
        await eventually('the widths of the tiles', async () => isDeepStrictEqual(await widths(), before));
        await leaveQuietly(page);
      }, { url: `${url}?token=${TOKEN}`, expected: /WebSocket connection to|net::ERR_|status of 502/ })), { size: '1280x720' });
    });
  }

  test('a tile that is left and taken up again while the page asks why its WebSocket failed: it goes on', async () => {
    const names = await manyAgents('conn-again', 5);
    await withPage(async (page) => {
      await withoutTimeLimits(page);
      await page.addInitScript((name) => {
        const { WebSocket, fetch } = window;
        let held = null;
        window.tried = 0;
        window.fetch = async (...request) => {
          const until = held;
          held = null; // the page's other questions go on
          await until;
          return fetch(...request);
        };
        window.WebSocket = function connect(url) {
          if (!String(url).includes(name) || window.tried++) return new WebSocket(url);
          const failing = { close() {} };
          setTimeout(() => {
            held = new Promise((resolve) => { window.release = resolve; });
            failing.onclose(); // asks at once
          }, 0);
          return failing;
        };
        Object.assign(window.WebSocket, { CONNECTING: WebSocket.CONNECTING, OPEN: WebSocket.OPEN });
      }, names[0]);
      await page.reload();
      await page.waitForFunction(() => window.tried === 1 && window.release);
      await tile(page, names[1]).click();
      await page.locator('#stage .picture.live').waitFor();
      await page.keyboard.press('Escape');
      await moves(liveCanvas(page, names[0]), 1);
      await page.evaluate(() => window.release());
      await moves(liveCanvas(page, names[0]));
      assert.equal(await page.evaluate(() => window.tried), 2);
    });
  });

  for (const [prefix, since] of [['conn-late', 'is live again'], ['conn-rest', 'was live again and rests']]) {
    test(`a preview that comes when the picture ${since} is not shown`, async () => {
      const names = await manyAgents(prefix, 5);
      await withPage(async (page) => {
        await withoutTimeLimits(page);
        await page.addInitScript((name) => {
          window.widths = new Set();
          new MutationObserver((changes) => {
            for (const { target } of changes) if (target.closest(`[data-name="${name}"] .picture`)) window.widths.add(target.width);
          }).observe(document, { subtree: true, attributeFilter: ['width'] });
          const { createImageBitmap } = window;
          window.previewsDone = 0;
          window.createImageBitmap = async (source) => {
            const bitmap = await createImageBitmap(source);
            if (source instanceof Blob) bitmap.close = () => { window.previewsDone++; };
            return bitmap;
          };
        }, names[0]);
        await listAsLive(page, names);
        const preview = await holdPreview(page, names[0], patientSnapshot);
        await page.goto(baseUrl);
        await preview.drawn;
        if (prefix === 'conn-rest') {
          await tile(page, names[1]).click();
          await page.locator('#stage .picture.live').waitFor();
        }
        preview.release();
        await page.waitForFunction(() => window.previewsDone);
        assert.equal(await page.evaluate(() => window.widths.size), 1, 'the width of its tile, all the time');
        if (prefix === 'conn-late') await moves(liveCanvas(page, names[0]));
        await leaveQuietly(page);
      }, { url: 'about:blank' });
    });
  }

  test('a preview that fails when the picture is live again: nothing is said on it', async () => {
    const names = await manyAgents('conn-fails', 5);
    await withPage(async (page) => {
      await withoutTimeLimits(page);
      await page.addInitScript(() => {
        const { fetch } = window;
        window.fetch = async (...request) => {
          const response = await fetch(...request);
          const text = response.text.bind(response);
          response.text = async () => {
            const reason = await text();
            setTimeout(() => { window.refused = reason; }, 0); // after all that waits for it
            return reason;
          };
          return response;
        };
      });
      await listAsLive(page, names);
      // With each status the page looks anew at who is previewed.
      let isHeld = false;
      const [over, end] = gate();
      await page.route('**/status', async (route) => {
        if (isHeld) await over;
        await route.fallback();
      });
      const preview = await holdPreview(page, names[0], () => {
        isHeld = true;
        return { status: 503, contentType: 'text/plain', body: 'no frame came' };
      });
      await page.goto(baseUrl);
      await preview.drawn;
      preview.release();
      await page.waitForFunction(() => window.refused === 'no frame came');
      assert.equal(await tile(page, names[0]).locator('.note').textContent(), '');
      await moves(liveCanvas(page, names[0]), 1);
      end();
      await leaveQuietly(page);
    }, { url: 'about:blank', expected: /status of 503/ });
  });

  test('a preview that stops half way says that the server does not answer', async () => {
    const names = await manyAgents('conn-half', LIVE_CONNECTIONS + 1);
    await withPage(async (page) => {
      await withoutSockets(page);
      await page.addInitScript(() => {
        const { fetch } = window;
        window.fetch = (url, options) => {
          if (!url.includes('/snapshot/')) return fetch(url, options);
          // As of an answer whose picture does not come to an end.
          return Promise.resolve(new Response(new ReadableStream({
            start(body) { options.signal.addEventListener('abort', () => body.error(options.signal.reason)); },
          })));
        };
        window.said = new Set();
        new MutationObserver((changes) => {
          for (const { target } of changes) if (target.matches?.('.note.problem:not(:empty)')) window.said.add(target.textContent);
        }).observe(document, { subtree: true, childList: true, attributeFilter: ['class'] });
      });
      await listAsLive(page, names);
      await page.goto(baseUrl);
      await page.waitForFunction(() => window.said.size);
      assert.deepEqual(await page.evaluate(() => [...window.said]), ['The server does not answer']);
      await leaveQuietly(page);
    }, { url: 'about:blank' });
  });

  test('the page tells others of itself while the server does not answer', async () => {
    await withPage(async (page) => {
      await withoutTimeLimits(page);
      const [over, end] = gate();
      await page.route('**/status', async (route) => {
        await over;
        await route.continue();
      });
      await page.goto(baseUrl);
      await page.evaluate(() => {
        window.told = [];
        new BroadcastChannel('headcam-viewer').onmessage = ({ data }) => window.told.push(data.shown);
      });
      await eventually('that it is shown, again and again', async () => (await page.evaluate(() => window.told.length)) >= 3);
      await setVisibility(page, 'hidden');
      await eventually('that it is hidden', async () => (await page.evaluate(() => window.told.at(-1))) === false);
      assert.ok(await page.evaluate(() => window.told.slice(0, -1).every(Boolean)));
      end();
      await leaveQuietly(page);
    }, { url: 'about:blank' });
  });

  test('after a silence of the server only those WebSockets are opened again that were silent, too', async () => {
    const names = await manyAgents('conn-silent', 5);
    const [dead, ...others] = names;
    await withPage(async (page) => {
      await withoutTimeLimits(page);
      const opened = Object.fromEntries(names.map((name) => [name, 0]));
      let isSilent = false;
      let unanswered = 0;
      const sent = new Map(); // the first update since the last question that got no answer
      const drawn = new Set(); // who has acknowledged that
      await page.routeWebSocket((url) => url.pathname.includes('/ws/'), (socket) => {
        const name = new URL(socket.url()).pathname.split('/').pop();
        const dies = ++opened[name] === 1 && name === dead;
        const server = socket.connectToServer();
        server.onMessage((message) => {
          if (dies && isSilent) return;
          if (typeof message !== 'string' && !sent.has(name)) sent.set(name, message.readBigUInt64LE(8));
          socket.send(message);
        });
        socket.onMessage((message) => {
          if (JSON.parse(message).ack >= sent.get(name)) drawn.add(name);
          server.send(message);
        });
      });
      await listAsLive(page, names);
      await page.route('**/status', async (route) => {
        if (isSilent) {
          unanswered++;
          sent.clear();
          drawn.clear();
          return route.abort('connectionrefused');
        }
        if (unanswered) await eventually('the others go on', () => others.every((name) => drawn.has(name)));
        return route.fallback();
      });
      await page.goto(baseUrl);
      for (const name of names) await moves(liveCanvas(page, name), 1);
      isSilent = true;
      await page.locator('#banner').waitFor({ state: 'visible' });
      isSilent = false;
      await page.locator('#banner').waitFor({ state: 'hidden' });
      assert.deepEqual(opened, { ...Object.fromEntries(others.map((name) => [name, 1])), [dead]: 2 });
      await moves(liveCanvas(page, dead), 1);
      await leaveQuietly(page);
    }, { url: 'about:blank', expected: /ERR_CONNECTION_REFUSED/ });
  });

  test('an image without a viewer at the server is asked for again, if the server was asked since it is shown', async () => {
    const name = 'conn-counted';
    await Agent.live(name);
    await withPage(async (page) => {
      await withoutTimeLimits(page);
      await page.addInitScript(() => {
        const { createImageBitmap } = window;
        window.looks = 0;
        window.createImageBitmap = (source) => {
          if (source instanceof HTMLImageElement) window.looks++;
          return createImageBitmap(source);
        };
      });
      await listAsLive(page, [name], { fps: 15, viewers: 0 });
      // The first answer is from before the image, and there is no other.
      let questions = 0;
      const [over, end] = gate();
      await page.route('**/status', async (route) => {
        if (questions++) await over;
        await route.fallback();
      });
      await page.goto(baseUrl);
      const image = liveImage(page, name);
      await image.waitFor();
      const source = await image.getAttribute('src');
      await eventually('the page has looked at it, again and again', async () => (await page.evaluate(() => window.looks)) >= 4);
      assert.equal(await image.getAttribute('src'), source);
      end();
      await eventually('another connection', async () =>
        (await tile(page, name).locator('img').getAttribute('src')) !== source);
      await leaveQuietly(page);
    }, { url: 'about:blank' });
  });

  test('behind a load balancer: the status of another server opens no picture again', async () => {
    const name = 'conn-balanced';
    await Agent.live(name);
    await withPage(async (page) => {
      await withoutTimeLimits(page);
      const answered = { old: 0, young: 0 };
      await changeStatus(page, (answer) => {
        const which = answered.old > answered.young ? 'young' : 'old';
        const viewers = which === 'old' ? 1 : 0;
        const streams = answer.streams.filter((stream) => stream.name === name).map((stream) => ({ ...stream, viewers }));
        const server = { old: { instance: '0'.repeat(16), uptime_s: 1e6 }, young: { instance: 'f'.repeat(16), uptime_s: 1e4 } }[which];
        answered[which]++;
        return { ...answer, ...server, streams };
      });
      await page.goto(baseUrl);
      const image = liveImage(page, name);
      await image.waitFor();
      const source = await image.getAttribute('src');
      await eventually('answers of both, again and again', () => answered.young >= 3);
      assert.equal(await image.getAttribute('src'), source);
      await leaveQuietly(page);
    }, { url: 'about:blank' });
  });

  test('a picture that cannot be drawn is left out, and the next one shown', async () => {
    await manyAgents('conn-draw', 5);
    await withPage(async (page) => {
      const canvas = liveCanvas(page, 'conn-draw-00');
      await moves(canvas, 1);
      await canvas.evaluate((element) => {
        const context = element.getContext('2d');
        let left = 5; // one more than may be on their way unacknowledged
        context.drawImage = (...what) => {
          if (left-- > 0) throw new Error('out of memory');
          delete context.drawImage;
          context.drawImage(...what);
        };
      });
      await moves(canvas);
    }, { expected: /out of memory/ });
  });

  test('tiles out of sight hold no connection', async () => {
    const names = Array.from({ length: 5 }, (_, index) => `conn-scroll-${index}`);
    await Promise.all(names.map((name) => Agent.live(name, { size: '320x180', fps: 5 })));
    await withPage(async (page) => {
      const first = page.locator('#tiles > li').first();
      await first.locator('.picture.live').waitFor();
      const last = tile(page, names[4]);
      await last.waitFor();
      assert.equal(await last.locator('.picture.live').count(), 0);
      await last.scrollIntoViewIfNeeded();
      await last.locator('.picture.live').waitFor();
      await eventually('the first tile lets go', async () => (await first.locator('.picture.live').count()) === 0);
    }, { viewport: { width: 390, height: 500 } });
  });

  test('a refused stream says why, is previewed, and is taken up when there is room', async () => {
    await Agent.live('conn-d');
    await withPage(async (page) => {
      const refusal = 'as many viewers as --max-viewers allows';
      await liveImage(page, 'conn-d').waitFor();
      await page.route('**/stream/conn-d?**', (route) => route.fulfill({ status: 503, contentType: 'text/plain', body: refusal }));
      await setVisibility(page, 'hidden');
      await setVisibility(page, 'visible');
      const note = tile(page, 'conn-d').locator('.note');
      await eventually('the reason', async () => (await note.textContent()) === `The server answers 503: ${refusal}`);
      await moves(tile(page, 'conn-d').locator('canvas'), 1);
      await page.unroute('**/stream/conn-d?**');
      await moves(liveImage(page, 'conn-d'));
      await note.waitFor({ state: 'hidden' });
    }, { expected: /status of 503/ });
  });

  test('a connection that broke without a word is noticed', async () => {
    await Agent.live('conn-e');
    await withPage(async (page) => {
      let broken = null;
      await page.route('**/stream/conn-e?**', async (route) => {
        if (broken) return route.continue();
        // A stream that ends after one frame: Chromium shows it and fires no further event.
        const jpeg = await (await fetch(new URL(`snapshot/conn-e?timeout=${WAIT_MS}`, page.url()))).arrayBuffer();
        broken = Buffer.concat([
          Buffer.from('--frame\r\nContent-Type: image/jpeg\r\n\r\n'), Buffer.from(jpeg),
          Buffer.from('\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n'),
        ]);
        return route.fulfill({ contentType: 'multipart/x-mixed-replace; boundary=frame', body: broken });
      });
      await setVisibility(page, 'hidden');
      await setVisibility(page, 'visible');
      await eventually('a picture that stands still', async () => broken && (await liveImage(page, 'conn-e').count()));
      const still = await fingerprint(tile(page, 'conn-e').locator('img'));
      await eventually('it moves again', async () => {
        const image = liveImage(page, 'conn-e');
        return (await image.count()) && (await fingerprint(image)) !== still;
      }, 30000);
      await moves(liveImage(page, 'conn-e'));
    });
  });
}

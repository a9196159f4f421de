// SPDX-License-Identifier: MIT
//
// What the browser tests stand on: a running headcam server (HEADCAM_URL), agents started against its ingest
// endpoint (HEADCAM_ENDPOINT), a browser, and conditions to wait for.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, firefox } from 'playwright-core';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const CHROMIUM_ARGUMENTS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

export const WAIT_MS = 60000;
const STILL_MS = 600;
export const FORGET_WAIT_MS = 80000; // a stream that ended stays listed for 60 s unless the server is told otherwise

function required(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: start a headcam server and name its ${name === 'HEADCAM_URL' ? 'URL' : 'ingest endpoint'}`);
  return value;
}

export const baseUrl = required('HEADCAM_URL').replace(/\/*$/, '/');
const endpoint = required('HEADCAM_ENDPOINT');

/** Waits until `condition` gives something true and returns that; `what` says in the error what never came. */
export async function eventually(what, condition, timeout = WAIT_MS) {
  const end = Date.now() + timeout;
  let last;
  for (;;) {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${timeout} ms: ${what} (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Fails if `condition` ends to be true within the time. */
export async function hold(what, condition, time) {
  for (const end = Date.now() + time; Date.now() < end;) {
    assert.ok(await condition(), what);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What the server at `url` says; by default the one that the tests share. */
export async function status(url = baseUrl, headers = {}) {
  const response = await fetch(new URL('status', url), { headers, signal: AbortSignal.timeout(5000) });
  assert.equal(response.status, 200);
  return response.json();
}

export async function streamStatus(name, ask = status) {
  return (await ask()).streams.find((stream) => stream.name === name);
}

/** A test card agent. */
export class Agent {
  static #running = new Set();

  constructor(name, { size = '640x360', fps = 15, at = endpoint } = {}) {
    this.name = name;
    this.output = '';
    this.process = spawn('/usr/bin/python3', [
      '-m', 'headcam', 'testcard', '--name', name, '--endpoint', at, '--size', size, '--fps', String(fps),
    ], {
      env: { ...process.env, PYTHONPATH: process.env.PYTHONPATH || path.join(ROOT, 'capture_agent') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = once(this.process, 'exit');
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on('data', (data) => { this.output = (this.output + data).slice(-4000); });
    }
    Agent.#running.add(this);
  }

  /** Starts one and waits until its server, which `ask` asks, lists it as live. */
  static async live(name, { ask = status, ...options } = {}) {
    const agent = new Agent(name, options);
    await eventually(`agent ${name} is live`, async () => {
      assert.equal(agent.process.exitCode, null, `the agent exited: ${agent.output}`);
      return (await streamStatus(name, ask))?.state === 'live';
    });
    return agent;
  }

  /** SIGTERM says goodbye, SIGKILL just leaves. */
  async stop(signal = 'SIGTERM') {
    Agent.#running.delete(this);
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill(signal);
      this.process.kill('SIGCONT'); // a test that failed may have left it stopped
      await this.exited;
    }
  }

  static async stopAll() {
    await Promise.all([...Agent.#running].map((agent) => agent.stop()));
  }
}

/** Starts `count` agents, and returns the streams' names. */
export async function manyAgents(prefix, count) {
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(2, '0')}`);
  await Promise.all(names.map((name) => Agent.live(name, { fps: 5 })));
  return names;
}

const BROWSERS = {
  chromium: () => chromium.launch({
    executablePath: process.env.HEADCAM_CHROMIUM || '/usr/bin/chromium',
    args: CHROMIUM_ARGUMENTS,
  }),
  // By WebDriver BiDi, which a Firefox speaks as it is; Playwright's own protocol wants a patched one.
  firefox: () => firefox.launch({
    channel: 'moz-firefox',
    executablePath: process.env.HEADCAM_FIREFOX || '/usr/bin/firefox-esr',
  }),
};

let browser;

export async function startBrowser(kind = 'chromium') {
  browser = await BROWSERS[kind]();
}

export async function stopBrowser() {
  await browser?.close();
  browser = null;
}

/** From now on no answer is too late for a page, or those of a context; else its pictures are opened again. */
export function withoutTimeLimits(pages) {
  return pages.addInitScript(() => Object.assign(AbortController.prototype, { abort() {} }));
}

/** Nor for the pages of `context`, and their snapshots may take as long as tests wait. */
async function haveNoLimits(context) {
  await withoutTimeLimits(context);
  await context.route('**/snapshot/**', (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set('timeout', WAIT_MS);
    return route.continue({ url: url.href });
  });
}

/**
 * Opens the viewer page for one test, which fails on uncaught errors and on violations of the content security
 * policy. `expected` matches console errors that the test provokes. A `patient` page waits for every answer;
 * another opens its pictures again after some seconds without one, and gives up a snapshot.
 */
export async function withPage(test, { url = baseUrl, hash = '', expected = null, patient = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const complaints = [];
  try {
    if (patient) await haveNoLimits(context);
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      // Of a live stream it says no more than that no frame came in time.
      if (/\/snapshot\//.test(message.location().url) && /status of 503/.test(message.text())) return;
      if (!expected?.test(message.text())) complaints.push(message.text());
    });
    await page.goto(url + hash);
    await test(page);
    assert.deepEqual(complaints, [], 'the console stays clean');
  } finally {
    await context.close();
  }
}

export function tile(page, name) {
  return page.locator(`#tiles > li[data-name="${name}"]`);
}

export function liveImage(page, name) {
  return tile(page, name).locator('.picture.live img');
}

export function liveCanvas(page, name) {
  return tile(page, name).locator('.picture.live.canvas canvas');
}

export async function stateOf(page, name) {
  return tile(page, name).locator('.state').getAttribute('data-state');
}

/** The rectangles of what each selector finds first, all at one moment. */
export function rectangles(page, ...selectors) {
  return page.evaluate((all) => all.map((selector) => document.querySelector(selector).getBoundingClientRect().toJSON()), selectors);
}

/** A small number for what an <img> or a <canvas> shows now. */
export function fingerprint(image) {
  return image.evaluate(async (source) => {
    // By way of a bitmap, as Firefox draws an image of some seconds ago.
    const img = source.naturalWidth ? await createImageBitmap(source) : source;
    const canvas = document.createElement('canvas');
    canvas.width = 160;
    canvas.height = 90;
    const context = canvas.getContext('2d');
    context.drawImage(img, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return data.reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 7);
  });
}

/** Waits until an image shows something else than it shows now, `times` times. */
export async function moves(image, times = 3) {
  for (let i = 0; i < times; i++) {
    const before = await fingerprint(image);
    await eventually('the picture moves', async () => (await fingerprint(image)) !== before);
  }
}

/** Waits until an image has not changed for a moment and gives its fingerprint. */
export async function standsStill(image) {
  let last = null;
  let since = 0;
  await eventually('the picture stands still', async () => {
    const now = await fingerprint(image);
    if (now !== last) [last, since] = [now, Date.now()];
    return Date.now() - since > STILL_MS;
  });
  return last;
}

/** From now on the page hears what `change` makes of each status. */
export async function changeStatus(page, change) {
  await page.route('**/status', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: change(await response.json()) });
  });
}

/** From now on the page hears of the streams alone whose names `pattern` matches, and of `most` of them. */
export async function listOnly(page, pattern, most = Infinity) {
  await changeStatus(page, (answer) => {
    const streams = answer.streams.filter(({ name }) => pattern.test(name)).sort((a, b) => a.name.localeCompare(b.name));
    return { ...answer, streams: streams.slice(0, most) };
  });
}

/** Ends what listOnly() began, with the page. */
export async function leaveQuietly(page) {
  await setVisibility(page, 'hidden');
  await page.unrouteAll({ behavior: 'wait' });
}

/** While `work` runs, the page hears that stream `name` is live, and at each status the reason that `reason()` gives. */
export async function withReason(page, name, reason, work) {
  await changeStatus(page, (answer) => {
    for (const stream of answer.streams) {
      if (stream.name === name) Object.assign(stream, { state: 'live', fps: stream.nominal_fps, reason: reason() });
    }
    return answer;
  });
  await work();
  await leaveQuietly(page);
  await setVisibility(page, 'visible');
}

/** Tells the page that its tab is hidden or shown. */
export async function setVisibility(page, state) {
  await page.evaluate((value) => {
    Object.defineProperty(document, 'visibilityState', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
}

// SPDX-License-Identifier: MIT
//
// The page with few and many streams, on desks and phones. With HEADCAM_SCREENSHOTS, a directory, pictures of all
// of it are left there to be looked at.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { baseUrl, eventually, leaveQuietly, listOnly, manyAgents, withPage } from '../support.mjs';

const COUNTS = [1, 6, 12];
const MOST = Math.max(...COUNTS);
const VIEWPORTS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true },
};
const SCREENS = [['desktop', 'light'], ['phone', 'dark'], ['desktop', 'dark'], ['phone', 'light']];
const PREFIX = 'screen';

const directory = process.env.HEADCAM_SCREENSHOTS;

async function shoot(page, name) {
  if (directory) await page.screenshot({ path: path.join(directory, `${name}.png`) });
}

/** Each tile's place, and whether one sees it without scrolling. */
function places(page) {
  return page.evaluate(() => [...document.querySelectorAll('#tiles > li')].map((tile) => {
    const { left, right, top, bottom } = tile.getBoundingClientRect();
    const live = Boolean(tile.querySelector('.picture.live'));
    return { left, right, top, bottom, live, inView: top < innerHeight && bottom > 0, whole: bottom <= innerHeight };
  }));
}

const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;

/** One look at the page; with few streams at the large view, too. */
async function look(page, device, colorScheme, count) {
  await listOnly(page, new RegExp(`^${PREFIX}`), count);
  await page.goto(baseUrl);
  const tiles = await eventually('a live picture in each tile in view', async () => {
    const all = await places(page);
    return all.length === count && all.every(({ inView, live }) => live || !inView) && all;
  });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing beside the screen');
  for (const [index, tile] of tiles.entries()) {
    assert.ok(tiles.slice(index + 1).every((other) => apart(tile, other)), 'no tile covers another');
  }
  if (device === 'desktop') assert.ok(tiles.every(({ whole }) => whole), 'all without scrolling');
  await shoot(page, `${device}-${colorScheme}-${count}`);
  if (count === 1) {
    await page.locator('#tiles .tile').click();
    await page.locator('#stage .picture.live').waitFor();
    await shoot(page, `${device}-${colorScheme}-large`);
  }
  await leaveQuietly(page);
}

export function screenTests() {
  test(`${COUNTS.join(', ')} streams on desks and phones, by day and by night`, async () => {
    await manyAgents(PREFIX, MOST);
    for (const [device, colorScheme] of directory ? SCREENS : SCREENS.slice(0, 2)) {
      for (const count of COUNTS) {
        await withPage((page) => look(page, device, colorScheme, count), {
          url: 'about:blank', colorScheme, ...VIEWPORTS[device],
        });
      }
    }
  });
}

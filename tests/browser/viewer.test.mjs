// SPDX-License-Identifier: MIT
//
// What people see in Chromium, and the essence of it in Firefox, against a running server. One file for the runner, as
// the subjects share the server's streams and must not run side by side.

import { after, afterEach, before, describe } from 'node:test';
import { Agent, startBrowser, stopBrowser } from './support.mjs';
import { tileTests } from './viewer/tiles.mjs';
import { largeViewTests } from './viewer/large_view.mjs';
import { connectionTests } from './viewer/connections.mjs';
import { loginTests } from './viewer/logins.mjs';
import { originTests } from './viewer/origins.mjs';
import { pixelTests } from './viewer/pixels.mjs';
import { screenTests } from './viewer/screens.mjs';
import { firefoxTests } from './viewer/firefox.mjs';

before(() => startBrowser());
after(stopBrowser);
afterEach(() => Agent.stopAll());

describe('tiles', tileTests);
describe('large view', largeViewTests);
describe('connections', connectionTests);
describe('logins', loginTests);
describe('origins', originTests);
describe('pixels', pixelTests);
describe('screens', screenTests);
describe('Firefox', firefoxTests);

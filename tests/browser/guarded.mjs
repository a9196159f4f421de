// SPDX-License-Identifier: MIT
//
// A server of a test's own that asks who one is: with --auth-file.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { PROGRAM, Server } from './server.mjs';
import { eventually } from './support.mjs';

export const USER = { username: 'alice', password: 'correct horse' };
export const TOKEN = 'browser-token-0123456789';
export const LIMITED_TOKEN = 'browser-token-limited-012';

const tokenLine = (name, token, rest = '') => `token ${name} ${createHash('sha256').update(token).digest('hex')} ${rest}\n`;

/** The limited token may see the first of its streams. */
export class GuardedServer extends Server {
  headers = { Authorization: `Bearer ${TOKEN}` };

  async prepare([limit]) {
    const made = spawnSync(PROGRAM, ['passwd', 'user', USER.username], { input: USER.password, encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    this.lines = { user: made.stdout, token: tokenLine('all', TOKEN), limited: tokenLine('few', LIMITED_TOKEN, `streams=${limit}`) };
    await this.#write(Object.values(this.lines));
    return ['--auth-file', `${this.directory}/auth`];
  }

  async #write(lines) {
    await writeFile(`${this.directory}/new`, lines.join(''), { mode: 0o600 });
    await rename(`${this.directory}/new`, `${this.directory}/auth`);
  }

  /** Puts other lines in force. */
  async reload(lines) {
    const before = this.log.length;
    await this.#write(lines);
    this.process.kill('SIGHUP');
    await eventually('the file is read again', () => this.log.slice(before).includes('read again'));
  }
}

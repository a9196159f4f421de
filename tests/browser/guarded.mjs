// SPDX-License-Identifier: MIT
//
// A server of a test's own that asks who one is: HEADCAM_SERVER with --auth-file.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, eventually } from './support.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const PROGRAM = path.resolve(ROOT, process.env.HEADCAM_SERVER);

export const USER = { username: 'alice', password: 'correct horse' };
export const TOKEN = 'browser-token-0123456789';
export const LIMITED_TOKEN = 'browser-token-limited-012';

const tokenLine = (name, token, rest = '') => `token ${name} ${createHash('sha256').update(token).digest('hex')} ${rest}\n`;

export class GuardedServer {
  log = '';

  /** Runs `test` with a server and a stream for each name; the limited token may see the first. */
  static async with(names, flags, test, { size = '320x180' } = {}) {
    const server = new GuardedServer();
    try {
      await server.#prepare(names[0], flags);
      await server.#start('127.0.0.1:0');
      for (const name of names) new Agent(name, { at: server.endpoint, size, fps: 5 });
      await eventually('the streams are live', () => server.areLive(names));
      await test(server);
    } finally {
      await server.#stop();
    }
  }

  async #prepare(limit, flags) {
    this.directory = await mkdtemp('/tmp/headcam-guarded-');
    this.endpoint = `ipc://${this.directory}/ingest.sock`;
    this.flags = flags;
    const made = spawnSync(PROGRAM, ['passwd', 'user', USER.username], { input: USER.password, encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    this.lines = { user: made.stdout, token: tokenLine('all', TOKEN), limited: tokenLine('few', LIMITED_TOKEN, `streams=${limit}`) };
    await this.#write(Object.values(this.lines));
  }

  async #start(listen) {
    this.log = '';
    this.process = spawn(PROGRAM, [
      '--listen', listen, '--ingest', this.endpoint, '--auth-file', `${this.directory}/auth`, ...this.flags,
    ], { stdio: ['ignore', 'inherit', 'pipe'] });
    this.exited = once(this.process, 'exit');
    this.process.stderr.on('data', (data) => { this.log += data; });
    const [, url] = await eventually('the server is up', () => {
      assert.equal(this.process.exitCode, null, this.log);
      return / serves (http\S+) and /.exec(this.log);
    });
    this.url = url;
  }

  async #end() {
    if (this.process?.exitCode !== null) return;
    this.process.kill();
    await this.exited;
  }

  async #stop() {
    await Agent.stopAll();
    await this.#end();
    if (this.directory) await rm(this.directory, { recursive: true });
  }

  async #write(lines) {
    await writeFile(`${this.directory}/new`, lines.join(''), { mode: 0o600 });
    await rename(`${this.directory}/new`, `${this.directory}/auth`);
  }

  /** While `work` runs there is no server; then there is another one at the same address. */
  async away(work) {
    await this.#end();
    await work();
    await this.#start(new URL(this.url).host);
  }

  /** Puts other lines in force. */
  async reload(lines) {
    const before = this.log.length;
    await this.#write(lines);
    this.process.kill('SIGHUP');
    await eventually('the file is read again', () => this.log.slice(before).includes('read again'));
  }

  async areLive(names) {
    const { streams } = await (await this.fetch('status', TOKEN)).json();
    return streams.filter((stream) => stream.state === 'live').length === names.length;
  }

  fetch(where, token) {
    return fetch(new URL(where, this.url), { headers: { Authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(5000) });
  }
}

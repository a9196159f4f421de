// SPDX-License-Identifier: MIT
//
// A server of a test's own, HEADCAM_SERVER with the flags that the test wants: its streams are the test's alone.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { Agent, ROOT, eventually, status } from './support.mjs';

export const PROGRAM = path.resolve(ROOT, process.env.HEADCAM_SERVER);

export class Server {
  log = '';
  headers = {}; // of the tests' own questions

  /** Runs `test` with a server and a live stream for each name. */
  static async with(names, flags, test, { size = '320x180' } = {}) {
    const server = new this();
    try {
      server.directory = await mkdtemp('/tmp/headcam-server-');
      server.endpoint = `ipc://${server.directory}/ingest.sock`;
      server.flags = [...flags, ...await server.prepare(names)];
      await server.#start('127.0.0.1:0');
      await Promise.all(names.map((name) => server.agent(name, { size, fps: 5 })));
      await test(server);
    } finally {
      await server.#stop();
    }
  }

  /** Puts into its directory what it needs; returns the flags that say so. */
  async prepare() {
    return [];
  }

  /** Starts one of its agents and waits until it is live. */
  agent(name, options) {
    return Agent.live(name, { ...options, at: this.endpoint, ask: () => this.status() });
  }

  async #start(listen) {
    this.log = '';
    this.process = spawn(PROGRAM, ['--listen', listen, '--ingest', this.endpoint, ...this.flags], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
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

  /** While `work` runs there is no server; then there is another one at the same address. */
  async away(work) {
    await this.#end();
    await work();
    await this.#start(new URL(this.url).host);
  }

  status() {
    return status(this.url, this.headers);
  }

  async areLive(names) {
    const { streams } = await this.status();
    return streams.filter((stream) => stream.state === 'live').length === names.length;
  }
}

// SPDX-License-Identifier: MIT
//
// nginx before a server, without TLS: a browser then has HTTP/1.1, and six connections.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { eventually } from './support.mjs';

const configuration = (port, upstream) => `
daemon off;
error_log stderr crit;
pid nginx.pid;
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`).join(' ')}
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${upstream};
      proxy_http_version 1.1;
      proxy_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }
  }
}
`;

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Runs `test` with the address at which nginx serves what is at `upstream`. */
export async function withProxy(upstream, test) {
  const directory = await mkdtemp('/tmp/headcam-nginx-');
  const port = await freePort();
  await writeFile(`${directory}/nginx.conf`, configuration(port, upstream));
  const nginx = spawn('nginx', ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(nginx, 'exit');
  try {
    const url = `http://127.0.0.1:${port}/`;
    await eventually('nginx answers', async () => (await fetch(`${url}healthz`, { signal: AbortSignal.timeout(5000) })).ok);
    await test(url);
  } finally {
    nginx.kill();
    await exited;
    await rm(directory, { recursive: true });
  }
}

// Starts bin/parley over a temporary directory, on ports that are free.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const binary = new URL('../../bin/parley', import.meta.url).pathname;

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** more is further configuration, as YAML. */
export async function startServer(more = '') {
  const directory = mkdtempSync(join(tmpdir(), 'parley-web-'));
  const [web, media] = [await freePort(), await freePort()];
  const config = join(directory, 'parley.yaml');
  writeFileSync(
    config,
    `listen: "127.0.0.1:${web}"\nprivate_listen: ""\ndata: ${join(directory, 'data')}\nlog_level: warn\n` +
      `sfu:\n  udp_address: "0.0.0.0:${media}"\nsignaling:\n  empty_grace: 5s\n  reconnect_grace: 3s\n${more}`,
  );
  const url = `http://localhost:${web}`;
  let child;
  let said = '';
  let ended;
  async function start() {
    child = spawn(binary, ['serve', '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', (text) => (said += text));
    ended = new Promise((resolve) => child.on('exit', resolve));
    for (let tries = 0; ; tries++) {
      try {
        if ((await fetch(`${url}/api/v1/session`)).ok) return;
      } catch {
        if (tries > 200) throw new Error(`the server does not start: ${said}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  await start();
  return {
    url,
    hostLink: () => /host link\s+(\S+)/.exec(said)?.[1] ?? '',
    /** Ends the server without a word. */
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    /** Starts it again in the same place. */
    start,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

// Two people who reach the server by its relay only, one over UDP and one over TCP, see each other.
import { existsSync } from 'node:fs';
import { chromiumPath, openChromium } from './browsers.mjs';
import { freePort, startServer } from './server.mjs';

if (!existsSync(chromiumPath)) {
  console.log(`skipped: ${chromiumPath} is not installed`);
  process.exit(0);
}

const patience = 30_000;

async function until(what, ok) {
  const deadline = Date.now() + patience;
  while (!(await ok())) {
    if (Date.now() > deadline) throw new Error(`not within ${patience / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Leaves a page one way to the server. */
function confine(transport) {
  const Real = RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(config) {
      super({ ...config, iceTransportPolicy: 'relay' });
      window.connection = this;
    }
    setConfiguration({ iceServers, ...rest }) {
      const only = iceServers.map((s) => ({ ...s, urls: s.urls.filter((url) => url.endsWith(transport)) }));
      super.setConfiguration({ ...rest, iceServers: only });
    }
  };
}

const pictures = () => [...document.querySelectorAll('.grid video')].filter((v) => v.videoWidth > 0 && v.currentTime > 0.3).length;

/** How a page's media reaches the server. */
async function way() {
  const stats = [...(await window.connection.getStats()).values()];
  const pair = stats.find((s) => s.id === stats.find((t) => t.type === 'transport')?.selectedCandidatePairId);
  const local = stats.find((s) => s.id === pair?.localCandidateId);
  return `${local?.candidateType} over ${local?.relayProtocol}`;
}

const port = await freePort();
const server = await startServer(`turn:\n  udp_address: "127.0.0.1:${port}"\n  tcp_address: "127.0.0.1:${port}"\n  host: "127.0.0.1"\n`);
const browser = await openChromium();
try {
  const context = await browser.newContext({ permissions: ['camera', 'microphone'] });
  const pages = [];
  let link = '';
  for (const transport of ['udp', 'tcp']) {
    const page = await context.newPage();
    await page.addInitScript(confine, transport);
    if (link === '') {
      await page.goto(server.hostLink());
      await page.getByRole('button', { name: 'New meeting' }).click();
      await page.waitForURL('**/j/*');
      link = page.url();
    } else {
      await page.goto(link);
    }
    await page.locator('input[autocomplete=name]').fill(transport);
    await page.locator('input[value=declined]').check({ force: true });
    await until(`${transport} has chosen a camera`, () => page.evaluate(() => document.querySelector('.preview video')?.videoWidth > 0));
    await page.locator('button.go').click();
    await page.waitForSelector('figure.self');
    pages.push([transport, page]);
  }
  for (const [transport, page] of pages) {
    await page.bringToFront();
    await until(`who comes by relay over ${transport} sees the other`, async () => (await page.evaluate(pictures)) === 2);
    const found = await page.evaluate(way);
    if (found !== `relay over ${transport}`) throw new Error(`media goes by ${found}, not by relay over ${transport}`);
  }
  console.log('two people meet by relay, over UDP and over TCP');
} finally {
  await browser.close();
  await server.stop();
}

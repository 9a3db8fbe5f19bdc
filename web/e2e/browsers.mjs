// The two browsers, with devices that are made up: a moving picture and a beep.
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

export const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const firefoxPath = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
export const hasFirefox = () => existsSync(firefoxPath);

export function openChromium({ wav = '' } = {}) {
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--mute-audio',
      '--no-first-run',
      '--disable-background-networking',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream=fps=10', // three browsers share the cores of one machine
      '--auto-select-tab-capture-source-by-title=parley',
      // Where only the loopback interface exists there is no other candidate.
      '--allow-loopback-in-peer-connection',
      '--disable-features=WebRtcHideLocalIpsWithMdns',
      ...(wav === '' ? [] : [`--use-file-for-fake-audio-capture=${wav}`]),
    ],
  });
}

export function openFirefox() {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: firefoxPath,
    headless: true,
    env: { ...process.env, HOME: mkdtempSync(join(tmpdir(), 'parley-firefox-')) },
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.video.default_width': 320,
      'media.navigator.video.default_height': 180,
      'media.navigator.video.default_fps': 10,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      'media.gmp-manager.updateEnabled': false,
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
      'app.update.enabled': false,
      'datareporting.policy.dataSubmissionEnabled': false,
      'security.sandbox.content.level': 0, // root, in a container
    },
  });
}

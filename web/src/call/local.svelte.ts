// What this browser sends: its tracks, how loud they are, and the call that is told of changes.

import type { Call } from './call';
import { type Device, DeviceError, Meter, openDevice } from './devices';

export class Local {
  microphone = $state.raw<MediaStreamTrack | null>(null);
  camera = $state.raw<MediaStreamTrack | null>(null);
  /** The screen, window or tab that is shared, or null. */
  screen = $state.raw<MediaStreamTrack | null>(null);
  #screenAudio: MediaStreamTrack | null = null;
  /** The microphone is open, and silent by choice. */
  muted = $state(false);
  fault = $state.raw<DeviceError | null>(null);
  chosen = $state<Record<Device, string>>({ microphone: '', camera: '' });
  #meter: Meter | null = null;
  #call: Call | null = null;
  #closings = 0; // a device that opens after them is for nobody

  /** Sends to this call from now on. */
  follow(call: Call): void {
    this.#call = call;
    void call.send('microphone', this.microphone);
    void call.send('camera', this.camera);
    void call.send('screen', this.screen);
    void call.send('screen-audio', this.#screenAudio);
    if (this.microphone !== null && this.muted) call.mute('microphone', true);
  }

  /** Opens or closes a device; a failure is kept in `fault`. */
  async want(device: Device, on: boolean): Promise<void> {
    this.fault = null;
    this[device]?.stop();
    this[device] = null;
    if (device === 'microphone') this.#unmeter();
    if (on) {
      try {
        const closings = this.#closings;
        const track = await openDevice(device, this.chosen[device]);
        if (closings !== this.#closings) {
          track.stop();
          return;
        }
        track.onended = () => void this.want(device, false); // unplugged, or taken back by the browser
        this[device] = track;
        this.chosen[device] = track.getSettings().deviceId ?? this.chosen[device];
        if (device === 'microphone') {
          this.muted = false;
          this.#meter = new Meter(track);
        }
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        this.fault = error;
      }
    }
    await this.#call?.send(device, this[device]);
  }

  /** Uses another device of a kind; opens it if that kind is on. */
  async choose(device: Device, id: string): Promise<void> {
    this.chosen[device] = id;
    if (this[device] !== null) await this.want(device, true);
  }

  /** Mutes, unmutes, or opens a microphone that is not open yet. */
  async toggleMicrophone(): Promise<void> {
    if (this.microphone === null) {
      await this.want('microphone', true);
      return;
    }
    this.muted = !this.muted;
    this.microphone.enabled = !this.muted;
    this.#call?.mute('microphone', this.muted);
  }

  /** Asks what to share and shares it, with its sound where the browser has one; or stops sharing. */
  async share(on: boolean): Promise<void> {
    this.screen?.stop();
    this.#screenAudio?.stop();
    this.screen = null;
    this.#screenAudio = null;
    if (on) {
      try {
        const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: true });
        this.screen = stream.getVideoTracks()[0] ?? null;
        this.#screenAudio = stream.getAudioTracks()[0] ?? null;
      } catch {
        return; // the person thought better of it
      }
      if (this.screen !== null) {
        this.screen.contentHint = 'detail';
        this.screen.onended = () => void this.share(false); // stopped in the browser's own bar
      }
    }
    await this.#call?.send('screen', this.screen);
    await this.#call?.send('screen-audio', this.#screenAudio);
  }

  /** How loud the microphone is just now, 0 to 1. */
  level(): number {
    return this.muted ? 0 : (this.#meter?.level() ?? 0);
  }

  #unmeter(): void {
    this.#meter?.close();
    this.#meter = null;
  }

  /** Lets go of every device, so that its light goes out; they can be opened again. */
  close(): void {
    this.#call = null;
    this.#closings++;
    for (const track of [this.microphone, this.camera, this.screen, this.#screenAudio]) track?.stop();
    this.microphone = null;
    this.camera = null;
    this.screen = null;
    this.#screenAudio = null;
    this.muted = false;
    this.#unmeter();
  }
}

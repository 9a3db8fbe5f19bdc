// The microphone and camera of this browser.

export type Device = 'microphone' | 'camera';
export type Fault = 'denied' | 'missing' | 'busy' | 'insecure';

export class DeviceError extends Error {
  constructor(
    readonly device: Device,
    readonly fault: Fault,
  ) {
    super(`${device}: ${fault}`);
    this.name = 'DeviceError';
  }
}

/** What a refusal of getUserMedia means (W3C mediacapture-main §10.3.1). */
export function faultOf(error: unknown): Fault {
  const name = error instanceof DOMException || error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy';
  return 'missing';
}

/** Opens a device; the track is the caller's to stop. */
export async function openDevice(device: Device, id: string): Promise<MediaStreamTrack> {
  // Outside of secure contexts the whole interface is missing, whatever its type says.
  const media = navigator.mediaDevices as MediaDevices | undefined;
  if (media === undefined) throw new DeviceError(device, 'insecure');
  const which = id === '' ? {} : { deviceId: { exact: id } };
  const constraints: MediaStreamConstraints =
    device === 'microphone'
      ? { audio: { ...which, echoCancellation: true, noiseSuppression: true, autoGainControl: true } }
      : { video: { ...which, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } } };
  try {
    const track = (await media.getUserMedia(constraints)).getTracks()[0];
    if (track === undefined) throw new DeviceError(device, 'missing');
    return track;
  } catch (error) {
    if (error instanceof DeviceError) throw error;
    throw new DeviceError(device, faultOf(error));
  }
}

export async function listDevices(device: Device): Promise<MediaDeviceInfo[]> {
  const media = navigator.mediaDevices as MediaDevices | undefined;
  const kind = device === 'microphone' ? 'audioinput' : 'videoinput';
  const all = (await media?.enumerateDevices()) ?? [];
  return all.filter((d) => d.kind === kind && d.deviceId !== '');
}

/** Measures how loud a track is, 0 to 1; until it is closed. */
export class Meter {
  #context = new AudioContext();
  #analyser = this.#context.createAnalyser();
  #samples = new Float32Array(this.#analyser.fftSize);

  constructor(track: MediaStreamTrack) {
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#analyser);
    void this.#context.resume();
  }

  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const x of this.#samples) sum += x * x;
    return Math.sqrt(sum / this.#samples.length);
  }

  close(): void {
    void this.#context.close();
  }
}

// The ICE servers of a call, for networks that let no media pass directly. Their credentials end, and no
// connection can be begun with those of an hour ago: they are asked for again in time.

/** Credentials are good for ten minutes at least. */
export const renewMS = 4 * 60_000;
/** New ones are not waited for longer: most connections need no such server. */
const patienceMS = 2000;

export class Servers {
  list: RTCIceServer[];
  #ask: () => Promise<RTCIceServer[]>;
  #asked = performance.now();

  /** list is what is known just now; a server without any is not asked again. */
  constructor(list: RTCIceServer[], ask: () => Promise<RTCIceServer[]>) {
    this.list = list;
    this.#ask = ask;
  }

  get old(): boolean {
    return this.list.length > 0 && performance.now() - this.#asked > renewMS;
  }

  /** Takes them for old from now on, until they were asked for: another server process takes no earlier credentials. */
  expire(): void {
    this.#asked = -Infinity;
  }

  /** Asks again. Where that fails or takes long, what is known stays, and what comes late counts later. */
  async renew(): Promise<void> {
    if (this.list.length === 0) return;
    const answer = this.#ask().then(
      (list) => {
        this.list = list;
        this.#asked = performance.now();
      },
      () => undefined, // offline: joining says so
    );
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([answer, new Promise((done) => (timer = setTimeout(done, patienceMS)))]);
    clearTimeout(timer);
  }
}

// RFC 9457 problems, as the server answers them.

export const kinds = [
  'invalid',
  'unauthorized',
  'forbidden',
  'not-found',
  'conflict',
  'expired',
  'too-large',
  'too-slow',
  'unavailable',
  'full',
  'internal',
] as const;
export type Kind = (typeof kinds)[number] | 'offline';

export class Problem extends Error {
  constructor(
    readonly kind: Kind,
    readonly say: string,
  ) {
    super(say);
    this.name = 'Problem';
  }
}

/** Makes a Problem of a response that is not ok. */
export async function problemOf(response: Response): Promise<Problem> {
  let type = '';
  let detail = '';
  try {
    const body: unknown = await response.json();
    if (typeof body === 'object' && body !== null) {
      if ('type' in body) type = String(body.type);
      if ('detail' in body) detail = String(body.detail);
      else if ('title' in body) detail = String(body.title);
    }
  } catch {
    // A proxy answered, not the server.
  }
  const kind = kinds.find((k) => type.endsWith(`#${k}`) || type.endsWith(`/${k}`));
  return new Problem(kind ?? (response.status >= 500 ? 'internal' : 'invalid'), detail || response.statusText);
}

// Readers of unknown JSON: each takes a value and returns it with its type, or throws ShapeError that
// names where it does not fit. Unknown fields are refused, so that a page and a server of different
// versions notice.

export class ShapeError extends Error {
  constructor(where: string, want: string) {
    super(`${where || 'value'}: not ${want}`);
    this.name = 'ShapeError';
  }
}

export type Reader<T> = (value: unknown, where?: string) => T;
export type Shape<R> = R extends Reader<infer T> ? T : never;

export const text: Reader<string> = (v, where = '') => {
  if (typeof v !== 'string') throw new ShapeError(where, 'text');
  return v;
};

export const whole: Reader<number> = (v, where = '') => {
  if (typeof v !== 'number' || !Number.isFinite(v)) throw new ShapeError(where, 'a number');
  return v;
};

export const flag: Reader<boolean> = (v, where = '') => {
  if (typeof v !== 'boolean') throw new ShapeError(where, 'true or false');
  return v;
};

export function oneOf<const T extends string>(...allowed: T[]): Reader<T> {
  return (v, where = '') => {
    const found = allowed.find((a) => a === v);
    if (found === undefined) throw new ShapeError(where, allowed.join(' or '));
    return found;
  };
}

export function list<T>(item: Reader<T>): Reader<T[]> {
  return (v, where = '') => {
    if (!Array.isArray(v)) throw new ShapeError(where, 'a list');
    return v.map((x, i) => item(x, `${where}[${i}]`));
  };
}

/** A field that may be missing or null, and is then `otherwise`. */
export function optional<T, U>(item: Reader<T>, otherwise: U): Reader<T | U> {
  return (v, where = '') => (v === undefined || v === null ? otherwise : item(v, where));
}

type Fields = Record<string, Reader<unknown>>;

export function object<F extends Fields>(fields: F): Reader<{ [K in keyof F]: Shape<F[K]> }> {
  return (v, where = '') => {
    if (typeof v !== 'object' || v === null || Array.isArray(v)) throw new ShapeError(where, 'an object');
    const given = v as Record<string, unknown>;
    for (const key of Object.keys(given)) {
      if (!(key in fields)) throw new ShapeError(`${where}.${key}`, 'a field that is known');
    }
    const out: Record<string, unknown> = {};
    for (const [key, read] of Object.entries(fields)) out[key] = read(given[key], `${where}.${key}`);
    return out as { [K in keyof F]: Shape<F[K]> };
  };
}

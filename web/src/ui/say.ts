// Sentences for what went wrong, and names for dates, in the person's language.

import { Problem } from '../api/problem';
import type { DeviceError } from '../call/devices';
import { current, type Key, t } from '../strings';

/** The sentence for a failure. The server's own are written for people. */
export function sayOf(error: unknown): string {
  if (!(error instanceof Problem)) return t('error.internal');
  if (error.kind === 'offline') return t('error.offline');
  if (error.kind === 'expired') return t('error.expired');
  return error.say === '' ? t('error.internal') : error.say;
}

const faults: Record<DeviceError['fault'], Key> = {
  denied: 'join.devDenied',
  missing: 'join.devMissing',
  busy: 'join.devBusy',
  insecure: 'join.devInsecure',
};

export function sayDevice(error: DeviceError): string {
  return t(faults[error.fault], { device: t(error.device === 'microphone' ? 'join.mic' : 'join.camera') });
}

/** Where dates are written as here: day first, 24 hours. */
const localeOf = (): string => (current() === 'en' ? 'en-GB' : current());

/** The name of a region, as a person knows it. */
export function regionName(region: string): string {
  return region === 'local' ? t('region.local') : region;
}

/** A day and time, as 21 Nov 2026, 10:30. */
export function dateTime(iso: string): string {
  if (iso === '') return '';
  return new Intl.DateTimeFormat(localeOf(), { dateStyle: 'medium', timeStyle: 'short', hour12: false }).format(new Date(iso));
}

/** A civil date, as Fri, 29 Nov. */
export function day(date: string): string {
  return new Intl.DateTimeFormat(localeOf(), { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' }).format(
    new Date(`${date}T00:00:00Z`),
  );
}

export function names(list: readonly string[]): string {
  return new Intl.ListFormat(current(), { type: 'conjunction' }).format(list);
}

/** The colour of a person, by when they first joined; it means nothing else. */
export function colourOf(number: number): string {
  return `var(--v${((number - 1) % 8) + 1})`;
}

export function initials(name: string): string {
  const parts = name.trim().split(/\s+/);
  const first = [...(parts[0] ?? '')][0] ?? '';
  const last = parts.length > 1 ? ([...(parts[parts.length - 1] ?? '')][0] ?? '') : '';
  return (first + last).toUpperCase();
}

/** Who speaks, as far as that is known; '' for nobody known. */
export function speaker(person: { name: string; several: boolean } | undefined): string {
  if (person === undefined) return '';
  return person.several ? t('room.someone', { name: person.name }) : person.name;
}

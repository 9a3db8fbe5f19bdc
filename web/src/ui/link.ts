// Finds addresses in what people write. Only http and https become links.

export interface Part {
  text: string;
  href: string; // "" for plain text
}

export function link(text: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  for (const found of text.matchAll(/https?:\/\/[^\s<>"'，。、）」]+/g)) {
    const address = found[0].replace(/[.,;:!?)]+$/, '');
    if (found.index > at) parts.push({ text: text.slice(at, found.index), href: '' });
    parts.push({ text: address, href: address });
    at = found.index + address.length;
  }
  if (at < text.length) parts.push({ text: text.slice(at), href: '' });
  return parts;
}

// How many columns a grid of tiles has, so that the tiles are as large as can be. Pure.

/** The columns for `count` tiles of 16:10 in a box; at least one. */
export function columns(count: number, width: number, height: number, gap = 8): number {
  const ratio = 16 / 10;
  let best = 1;
  let largest = 0;
  for (let across = 1; across <= count; across++) {
    const down = Math.ceil(count / across);
    const byWidth = (width - gap * (across - 1)) / across;
    const byHeight = ((height - gap * (down - 1)) / down) * ratio;
    const tile = Math.min(byWidth, byHeight);
    if (tile > largest + 0.5) {
      largest = tile;
      best = across;
    }
  }
  return best;
}

/** The people of one page, and how many pages there are; `page` counts from 0 and is kept in range. */
export function pageOf<T>(all: readonly T[], page: number, size: number): { shown: T[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(all.length / size));
  const kept = Math.min(Math.max(0, page), pages - 1);
  return { shown: all.slice(kept * size, (kept + 1) * size), page: kept, pages };
}

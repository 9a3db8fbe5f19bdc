// From one Chinese script to the other, by OpenCC's tables. They are large, and loaded when asked for.

export type Convert = (text: string) => string;

/** Makes the conversion to a script; its tables are loaded now. */
export async function converterTo(script: 'hant' | 'hans'): Promise<Convert> {
  const { Converter } = await import('opencc-js/t2cn');
  const table = Converter({ from: 'hk', to: 'cn' });
  // The table's own 𠮶 is in few fonts; people who simplify Cantonese keep 嗰.
  const simplify: Convert = (text) => table(text).replaceAll('𠮶', '嗰');
  if (script === 'hans') return simplify;
  const { Converter: Back } = await import('opencc-js/cn2t');
  const traditional = Back({ from: 'cn', to: 'hk' });
  // Only what is simplified throughout: traditional text would be guessed at anew.
  return (text) => (simplify(text) === text ? traditional(text) : text);
}

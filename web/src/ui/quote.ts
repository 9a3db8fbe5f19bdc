// What is selected in the transcript, as words that an entry can stand on.

export interface Quoted {
  evidence: string[]; // utterances, in the order they were spoken
  quote: string;
}

/** As many utterances as an entry may cite. */
const most = 8;

const isLetter = (c: string | undefined): boolean => c !== undefined && /[\p{L}\p{N}'’-]/u.test(c) && !/[\p{Script=Han}]/u.test(c);

/** The part of a text between two places, made up to whole words; Chinese has none to cut. */
export function wholeWords(text: string, from: number, to: number): string {
  while (from > 0 && from < to && isLetter(text[from - 1]) && isLetter(text[from])) from--;
  while (to < text.length && to > from && isLetter(text[to - 1]) && isLetter(text[to])) to++;
  return text.slice(from, to).trim();
}

/**
 * The sentences a range touches, and the words of them that it holds, as they were heard: `written` has the text of an
 * utterance, which may be shown in other characters. Null where that is nothing.
 */
export function quoteOf(range: Range, sentences: Iterable<HTMLElement>, written: (id: string) => string): Quoted | null {
  const evidence: string[] = [];
  const words: string[] = [];
  for (const sentence of sentences) {
    const id = sentence.dataset['utterance'];
    if (id === undefined || !range.intersectsNode(sentence)) continue;
    const text = sentence.textContent;
    const before = document.createRange();
    before.selectNodeContents(sentence);
    const starts = range.compareBoundaryPoints(Range.START_TO_START, before) > 0;
    const ends = range.compareBoundaryPoints(Range.END_TO_END, before) < 0;
    let to = text.length;
    if (ends) {
      before.setEnd(range.endContainer, range.endOffset);
      to = before.toString().length;
    }
    let from = 0;
    if (starts) {
      before.setEnd(range.startContainer, range.startOffset);
      from = before.toString().length;
    }
    const heard = written(id);
    // Characters are converted one for one; where not, the whole sentence is quoted rather than a wrong part of it.
    const part = heard.length === text.length ? wholeWords(heard, from, to) : heard;
    if (part === '') continue;
    evidence.push(id);
    words.push(part);
  }
  return evidence.length === 0 || evidence.length > most ? null : { evidence, quote: words.join(' ') };
}

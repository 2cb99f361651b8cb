/** Characters of what is kept in all: a parsed document takes up to 70 bytes for each of its own. */
const maxCharacters = 500_000;

/** What was made of documents, by their text. The least recently used go first. */
export interface DocumentCache<Value> {
  get(text: string): Value | undefined;
  set(text: string, value: Value): void;
}

/** Bounded by length and not by number: of a thousand documents as long as they may be, none would be small. */
export function createDocumentCache<Value>(): DocumentCache<Value> {
  const values = new Map<string, Value>();
  let characters = 0;
  /** The last one asked for, which most often is the next one too. */
  let latest: string | undefined;
  const forget = (text: string) => {
    if (values.delete(text)) characters -= text.length;
  };
  const add = (text: string, value: Value) => {
    values.set(text, value);
    characters += text.length;
    latest = text;
  };
  return {
    get(text) {
      const value = values.get(text);
      if (value === undefined || text === latest) return value;
      forget(text);
      add(text, value);
      return value;
    },
    set(text, value) {
      forget(text);
      add(text, value);
      for (const oldest of values.keys()) {
        if (characters <= maxCharacters) break;
        forget(oldest);
      }
    },
  };
}

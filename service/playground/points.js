// Texts as Unicode code points, in which the server counts offsets, rather than UTF-16 units.

export const points = (text) => Array.from(text);

/** Split a text before each of the offsets. */
export function segments(text, offsets) {
  const all = points(text);
  const cuts = [...new Set([0, ...offsets, all.length])].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((start, index) => {
    const end = cuts[index + 1];
    return { text: all.slice(start, end).join(""), start, end };
  });
}

/**
 * Align tokens, in which ▁ stands for a space, with their text. Returns the text in segments, each
 * with the number of its token, or -1 for text between tokens. A token that does not occur in the
 * text (the server normalises some characters) is returned unchanged.
 */
export function placed(text, tokens) {
  const parts = [];
  let at = 0;
  tokens.forEach((raw, token) => {
    const spaced = raw.replaceAll("▁", " ");
    const bare = spaced.trim();
    if (!bare) return;
    const start = text.indexOf(bare, at);
    if (start < 0) {
      parts.push({ text: spaced, token });
      return;
    }
    if (start > at) parts.push({ text: text.slice(at, start), token: -1 });
    parts.push({ text: bare, token });
    at = start + bare.length;
  });
  if (at < text.length) parts.push({ text: text.slice(at), token: -1 });
  return parts;
}

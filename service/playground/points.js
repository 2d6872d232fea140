// Texts by Unicode code points, which is how the server counts, and not by UTF-16 units.

export const points = (text) => Array.from(text);

/** A text in pieces, cut before each of the offsets. */
export function pieces(text, offsets) {
  const all = points(text);
  const cuts = [...new Set([0, ...offsets, all.length])].sort((a, b) => a - b);
  return cuts.slice(0, -1).map((start, index) => {
    const end = cuts[index + 1];
    return { text: all.slice(start, end).join(""), start, end };
  });
}

/**
 * Where tokens, with ▁ for a space, stand in the text that they are of: pieces of it, `token` the
 * number of the token or -1 for what is between. A token that is not found there (the server reads
 * some characters as others) stands as it is.
 */
export function placed(text, tokens) {
  const found = [];
  let at = 0;
  tokens.forEach((raw, token) => {
    const spoken = raw.replaceAll("▁", " ");
    const bare = spoken.trim();
    if (!bare) return;
    const start = text.indexOf(bare, at);
    if (start < 0) {
      found.push({ text: spoken, token });
      return;
    }
    if (start > at) found.push({ text: text.slice(at, start), token: -1 });
    found.push({ text: bare, token });
    at = start + bare.length;
  });
  if (at < text.length) found.push({ text: text.slice(at), token: -1 });
  return found;
}

// An alignment of tokens as an alignment of visible words: a token that is only a space, as before
// a number, is merged with the next one.

const isSpace = (token) => !token.replaceAll("▁", "").trim();

/** The numbers of the tokens of each visible word. */
function grouped(tokens) {
  const groups = [[]];
  tokens.forEach((token, number) => {
    groups.at(-1).push(number);
    if (!isSpace(token)) groups.push([]);
  });
  return groups.filter((group) => group.length);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Weights are summed over the source tokens of a word, and averaged over its target tokens. */
export function visible({ source_tokens: source, tokens: target, alignment }) {
  const [from, to] = [grouped(source), grouped(target)];
  const joined = (tokens, groups) =>
    groups.map((group) => group.map((number) => tokens[number]).join(""));
  const weight = (rows, columns) =>
    sum(rows.map((row) => sum(columns.map((column) => alignment[row][column])))) / rows.length;
  return {
    from: joined(source, from),
    to: joined(target, to),
    weights: to.map((rows) => from.map((columns) => weight(rows, columns))),
  };
}

// An alignment of tokens as one of what is to be seen: a token that is but a space belongs to the
// one behind it, as before numbers.

const isSpace = (token) => !token.replaceAll("▁", "").trim();

/** The numbers of the tokens that are seen as one. */
function seen(tokens) {
  const groups = [[]];
  tokens.forEach((token, number) => {
    groups.at(-1).push(number);
    if (!isSpace(token)) groups.push([]);
  });
  return groups.filter((group) => group.length);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Weights of a group of tokens are added up where it is looked at, and averaged where it looks. */
export function visible({ source_tokens: source, tokens: target, alignment }) {
  const [from, to] = [seen(source), seen(target)];
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

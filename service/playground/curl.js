// A request as a curl command.

// Characters that a terminal does not show, or that change the direction of a line.
const UNSEEN =
  /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffc]/g;

/** JSON on one line, with spaces between its parts so that lines can be broken. */
export const json = (value) =>
  JSON.stringify(value, null, 1)
    .replace(/([{[])\n */g, "$1")
    .replace(/\n *([}\]])/g, "$1")
    .replace(/\n */g, " ");

/** Equivalent JSON in which invisible characters are escaped. */
export const visible = (json) =>
  json.replace(UNSEEN, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** Quote any text as one word for a shell. */
export const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function command(url, body, { streams = false, key = false } = {}) {
  return [
    `curl ${streams ? "-sN" : "-s"} ${/^[\w:/.-]+$/.test(url) ? url : quoted(url)}`,
    ...(key ? ['-H "authorization: Bearer $TEXTRNN_KEY"'] : []),
    "-H 'content-type: application/json'",
    `-d ${quoted(visible(body))}`,
  ].join(" \\\n  ");
}

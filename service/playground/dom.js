// Creating elements. Text becomes a text node, never markup.

export function make(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** A table with a heading for each column; the cells of `rows` are strings. */
export function table(caption, columns, rows) {
  const head = columns.map((column) => make("th", { scope: "col" }, column));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  return make(
    "table",
    {},
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...head)),
    make("tbody", {}, ...body),
  );
}

/** A disclosure element whose content is created when it is first opened. */
export function folded(summary, content) {
  const details = make("details", {}, make("summary", {}, summary));
  details.addEventListener("toggle", () => {
    if (details.childElementCount === 1) details.append(content());
  });
  return details;
}

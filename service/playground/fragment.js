// The state of the page in the fragment of its address, so that a link reproduces it. Browsers
// never send the fragment to a server.

const named = (form) => [...form.elements].filter((field) => field.name && !isButton(field));

const isButton = (field) => field.tagName === "BUTTON";

const isUsual = (field) => {
  if (field.type === "radio") return field.checked === field.defaultChecked;
  if (field.tagName === "SELECT") return field.selectedIndex <= 0;
  return field.value === field.defaultValue;
};

export function write(task, form) {
  const state = new URLSearchParams({ tab: task });
  for (const field of named(form)) {
    if (isUsual(field) || (field.type === "radio" && !field.checked)) continue;
    state.set(field.name, field.value);
  }
  history.replaceState(null, "", `#${state}`);
}

/** The task in the address, if any, and the values of its fields. */
export function read() {
  const values = new URLSearchParams(location.hash.slice(1));
  const task = values.get("tab");
  values.delete("tab");
  return { task, values };
}

/** Fill in a form; returns whether any field was set. */
export function fill(form, values) {
  let filled = false;
  for (const field of named(form)) {
    const value = values.get(field.name);
    if (value === null) continue;
    filled = true;
    if (field.type === "radio") field.checked = field.value === value;
    else if (field.tagName !== "SELECT" || [...field.options].some((o) => o.value === value)) {
      field.value = value;
    }
  }
  return filled;
}

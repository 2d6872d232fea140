// A text whose parts can be inspected one by one: with the pointer, by a tap, or with the arrow
// keys. The Tab key reaches the text as one stop.

/**
 * Returns a function that adds a part. `describe` maps the number of a part to its description,
 * which is shown in `readout` and is the accessible name of the part. Without a selected part
 * `readout` shows `placeholder`. `onSelect` gets the number of the selected part, or -1.
 */
export function inspectable(container, options) {
  const { label, readout, placeholder = "", describe, onSelect = () => {} } = options;
  const parts = [];
  const numbers = new Map();
  let stop = -1; // the part that the Tab key reaches
  container.setAttribute("role", "listbox");
  container.setAttribute("aria-label", label);
  container.setAttribute("aria-orientation", "horizontal");
  readout.textContent = placeholder;

  const numberOf = (target) => numbers.get(target.closest("[role=option]")) ?? -1;

  function show(number) {
    readout.textContent = number < 0 ? placeholder : describe(number);
    onSelect(number);
  }

  function stopAt(number) {
    parts[stop]?.setAttribute("tabindex", "-1");
    parts[stop]?.setAttribute("aria-selected", "false");
    stop = number;
    parts[stop].setAttribute("aria-label", describe(stop));
    parts[stop].setAttribute("aria-selected", "true");
    parts[stop].tabIndex = 0;
  }

  function moveTo(number) {
    if (!parts[number]) return;
    stopAt(number);
    parts[number].focus();
  }

  container.addEventListener("pointerover", (event) => {
    const number = numberOf(event.target);
    if (number >= 0) show(number);
  });
  container.addEventListener("pointerleave", (event) => {
    const focused = numberOf(document.activeElement);
    if (event.pointerType === "mouse") show(focused);
  });
  container.addEventListener("focusin", (event) => show(numberOf(event.target)));
  container.addEventListener("focusout", () => show(-1));
  container.addEventListener("click", (event) => moveTo(numberOf(event.target)));
  container.addEventListener("keydown", (event) => {
    const to = {
      ArrowRight: stop + 1,
      ArrowDown: stop + 1,
      ArrowLeft: stop - 1,
      ArrowUp: stop - 1,
      Home: 0,
      End: parts.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    moveTo(to);
  });

  return (part) => {
    part.setAttribute("role", "option");
    part.tabIndex = -1;
    numbers.set(part, parts.length);
    parts.push(part);
    if (stop < 0) stopAt(0);
  };
}

// A text whose parts can be looked at one by one: under the pointer, by a tap, or, as one stop of
// the Tab key, by the arrow keys.

/**
 * Gives a function that adds a part. `said` is what there is to say of a part, by its number: it is
 * shown in `readout`, which has `usual` when no part is looked at, and is the part's name for
 * assistive technology. `look` is told the number too, or -1.
 */
export function inspectable(container, { label, readout, usual = "", said, look = () => {} }) {
  const parts = [];
  const numbers = new Map();
  let stop = -1; // the one that the Tab key comes to
  container.setAttribute("role", "listbox");
  container.setAttribute("aria-label", label);
  container.setAttribute("aria-orientation", "horizontal");
  readout.textContent = usual;

  const numberOf = (target) => numbers.get(target.closest("[role=option]")) ?? -1;

  function tell(number) {
    readout.textContent = number < 0 ? usual : said(number);
    look(number);
  }

  function stopAt(number) {
    parts[stop]?.setAttribute("tabindex", "-1");
    parts[stop]?.setAttribute("aria-selected", "false");
    stop = number;
    parts[stop].setAttribute("aria-label", said(stop));
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
    if (number >= 0) tell(number);
  });
  container.addEventListener("pointerleave", (event) => {
    const focused = numberOf(document.activeElement);
    if (event.pointerType === "mouse") tell(focused);
  });
  container.addEventListener("focusin", (event) => tell(numberOf(event.target)));
  container.addEventListener("focusout", () => tell(-1));
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

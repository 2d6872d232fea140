// Tabs in the ARIA pattern: one stop of the Tab key, and arrow keys between them.

/** Returns a function that shows the tab of a task; `chosen` gets the task that a user selects. */
export function tabs(list, chosen) {
  const all = [...list.querySelectorAll("[role=tab]")];

  function show(tab) {
    for (const other of all) {
      const on = other === tab;
      other.setAttribute("aria-selected", String(on));
      other.tabIndex = on ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls")).hidden = !on;
    }
  }

  function choose(tab) {
    show(tab);
    tab.focus();
    chosen(tab.dataset.task);
  }

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const at = all.indexOf(document.activeElement);
    const to = {
      ArrowRight: (at + 1) % all.length,
      ArrowLeft: (at + all.length - 1) % all.length,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    choose(all[to]);
  });
  return (task) => show(all.find((tab) => tab.dataset.task === task) ?? all[0]);
}

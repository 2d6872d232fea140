// The page: the tabs, the models that the server has, and the key if it asks for one.

import * as api from "./api.js";
import { classify } from "./classify.js";
import * as fragment from "./fragment.js";
import { generate } from "./generate.js";
import { panel } from "./panel.js";
import { tabs } from "./tabs.js";
import { tag } from "./tag.js";
import { translate } from "./translate.js";

const TASKS = { classify, tag, translate, generate };
const panels = {};
const locked = document.getElementById("locked");
const trouble = document.getElementById("trouble");
let afterKey = start;

function askForKey(again) {
  afterKey = again;
  locked.hidden = false;
  locked.elements.key.focus();
}

locked.addEventListener("submit", (event) => {
  event.preventDefault();
  api.key.set(locked.elements.key.value.trim());
  locked.hidden = true;
  afterKey();
});

const choose = tabs(document.querySelector("[role=tablist]"), (task) =>
  fragment.write(task, panels[task].form),
);

/** Show what the address says, and answer it. */
function follow() {
  const { task, values } = fragment.read();
  const shown = panels[task] ?? panels.classify;
  if (values.size) shown.form.reset();
  const filled = fragment.fill(shown.form, values);
  shown.describe();
  const wanted = values.get("model");
  choose(shown.section.dataset.task);
  if (wanted && wanted !== shown.model()?.id) {
    say(`there is no model ${wanted} to be had here, or not yet; reload this page to look again`);
  } else if (filled && shown.models.length && shown.form.reportValidity()) {
    shown.run();
  }
}

function say(what) {
  trouble.textContent = what;
  trouble.hidden = !what;
}

/** Offer the models that are ready; others may follow. */
async function offer() {
  const { data } = await api.get("v1/models");
  data.sort((a, b) => b.default - a.default);
  for (const [name, { offer }] of Object.entries(panels)) {
    offer(data.filter((card) => card.task === name));
  }
}

async function start() {
  say("");
  try {
    await api.get("readyz", say);
    await offer();
    say("");
  } catch (failure) {
    if (!(failure instanceof api.Refusal)) throw failure;
    say(failure.message);
    if (failure.status === 401) askForKey(start);
    return;
  }
  for (const event of ["pointerover", "focusin"]) {
    document.addEventListener(event, ({ target }) => target.name === "model" && offer());
  }
  addEventListener("hashchange", follow);
  follow();
}

for (const [name, task] of Object.entries(TASKS)) {
  panels[name] = panel(task, document.getElementById(`panel-${name}`), askForKey);
}
choose(fragment.read().task ?? "classify");
start();

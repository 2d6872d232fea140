// The page: the tabs, the models of the server, and the API key if the server requires one.

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

function requestKey(again) {
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

/** Fill in the form from the fragment of the address, and send the request. */
function applyAddress() {
  const { task, values } = fragment.read();
  const shown = panels[task] ?? panels.classify;
  if (values.size) shown.form.reset();
  const filled = fragment.fill(shown.form, values);
  shown.describe();
  const requested = values.get("model");
  choose(shown.section.dataset.task);
  if (requested && requested !== shown.model()?.id) {
    showTrouble(`this server has no model ${requested} for this task`);
  } else if (filled && shown.models.length && shown.form.reportValidity()) {
    shown.run();
  }
}

function showTrouble(message) {
  trouble.textContent = message;
  trouble.hidden = !message;
}

async function offer() {
  const { data } = await api.get("v1/models");
  data.sort((a, b) => b.default - a.default);
  for (const [name, { offer }] of Object.entries(panels)) {
    offer(data.filter((card) => card.task === name));
  }
}

async function start() {
  showTrouble("");
  try {
    await api.get("readyz", showTrouble);
    await offer();
    showTrouble("");
  } catch (failure) {
    if (!(failure instanceof api.ApiError)) throw failure;
    showTrouble(failure.message);
    if (failure.status === 401) requestKey(start);
    return;
  }
  addEventListener("hashchange", applyAddress);
  applyAddress();
}

for (const [name, task] of Object.entries(TASKS)) {
  panels[name] = panel(task, document.getElementById(`panel-${name}`), requestKey);
}
choose(fragment.read().task ?? "classify");
start();

// Generate: continue a text, and shade its characters as they arrive.

import { GENERATE } from "./examples.js";
import { Script } from "./script.js";

const TOGETHER = 8; // the maximum number of cells per request

let script = null; // the text on the page
let view; // returns what the text is shaded by, according to the form
let nextSeed; // the seed of the next continuation

function begin({ form, section, model, run }) {
  const { shade: by, cell, previous, next } = form.elements;
  const continueButton = section.querySelector("[data-part=continue]");
  const count = () => model()?.cells ?? 1;
  view = () => ({ by: by.value, cell: Number(cell.value) });

  function bound() {
    cell.max = count() - 1;
    cell.value = Math.max(0, Math.min(cell.max, Math.trunc(cell.value) || 0));
  }
  function look() {
    if (!script) return;
    script.paint();
    const free = !section.classList.contains("busy");
    if (free && by.value === "cell" && !script.knows(Number(cell.value))) run(fetchCells);
  }
  function step(distance) {
    cell.value = (Number(cell.value) + distance + count()) % count();
    by.value = "cell";
    cell.dispatchEvent(new Event("change", { bubbles: true }));
  }
  previous.addEventListener("click", () => step(-1));
  next.addEventListener("click", () => step(1));
  form.addEventListener("change", (event) => {
    if (event.target === cell) by.value = "cell";
    bound();
    if (event.target === cell || event.target.name === "shade") look();
  });
  bound();
  section.querySelector("[data-part=answer]").after(continueButton);
  continueButton.addEventListener("click", () => run(continueText));
}

/** The selected cell and its neighbours, which are fetched with it. */
function cells(model) {
  const first = Math.floor(view().cell / TOGETHER) * TOGETHER;
  const numbers = Array.from({ length: TOGETHER }, (_, index) => first + index);
  return numbers.filter((number) => number < model.cells);
}

function requestBody({ fields, model }, prompt, seed) {
  const stops = fields.stop.split("\n").filter(Boolean);
  return {
    prompt,
    model: model.id,
    max_characters: Number(fields.max_characters),
    temperature: Number(fields.temperature),
    ...(fields.top_k && { top_k: Number(fields.top_k) }),
    ...(fields.top_p && { top_p: Number(fields.top_p) }),
    seed,
    ...(stops.length && { stop: stops.map((stop) => stop.replaceAll("\\n", "\n")) }),
    stream: true,
    log_probabilities: true,
    cells: cells(model),
  };
}

/** Generate a continuation of `prompt`; append it to `existing`, if given. */
async function write(call, prompt, existing = null) {
  const body = requestBody(call, prompt, nextSeed);
  nextSeed = (nextSeed + 1) % 2 ** 32; // a repeated seed may generate a loop
  let writing = existing;
  for await (const chunk of call.stream("v1/generate", existing ? body : { ...body, echo: true })) {
    if (!writing) {
      writing = new Script(call.model, view);
      writing.take(prompt, chunk.prompt, body.cells);
      writing.given();
      call.out.replaceChildren(...writing.nodes);
      script = writing;
    }
    writing.take(chunk.text, chunk, body.cells);
    if (chunk.finish_reason === "stop") call.note("The text ends before a stop string");
  }
  const { by, cell } = view();
  if (by === "cell" && !writing.knows(cell)) await fetchCells(call);
}

async function run(call) {
  const { seed, prompt } = call.fields;
  nextSeed = seed === "" ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(seed);
  await write(call, prompt);
}

/** Continue the text on the page. */
const continueText = (call) => write({ ...call, model: script.model }, script.text, script);

/** Fetch other cells of the text on the page. */
async function fetchCells(call) {
  const numbers = cells(script.model);
  const body = {
    prompt: script.text,
    model: script.model.id,
    max_characters: 1,
    temperature: 0,
    stream: true,
    echo: true,
    cells: numbers,
  };
  for await (const { prompt } of call.stream("v1/generate", body)) {
    if (prompt) script.know(numbers, prompt.activations);
  }
  script.paint();
}

export const generate = { run, begin, examples: GENERATE };

// Generate: a text is gone on with, and shaded while it is written.

import { GENERATE } from "./examples.js";
import { Script } from "./script.js";

const TOGETHER = 8; // cells that one request may ask for

let script = null; // what is on the page
let view; // what the form says it is shaded by
let luck; // the seed of the next continuation

function begin({ form, section, model, run }) {
  const { shade: by, cell, previous, next } = form.elements;
  const goOn = section.querySelector("[data-part=continue]");
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
    if (free && by.value === "cell" && !script.knows(Number(cell.value))) run(readAgain);
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
  section.querySelector("[data-part=answer]").after(goOn);
  goOn.addEventListener("click", () => run(writeOn));
}

/** The cell that is shown, and the ones beside it, which are then there at once. */
function cells(model) {
  const first = Math.floor(view().cell / TOGETHER) * TOGETHER;
  const numbers = Array.from({ length: TOGETHER }, (_, index) => first + index);
  return numbers.filter((number) => number < model.cells);
}

function asked({ fields, model }, prompt, seed) {
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

/** Write behind `prompt`, into `there` if that is what is there already. */
async function write(call, prompt, there = null) {
  const body = asked(call, prompt, luck);
  luck = (luck + 1) % 2 ** 32; // the same luck again can lead into a loop
  let writing = there;
  for await (const news of call.stream("v1/generate", there ? body : { ...body, echo: true })) {
    if (!writing) {
      writing = new Script(call.model, view);
      writing.take(prompt, news.prompt, body.cells);
      writing.given();
      call.out.replaceChildren(...writing.nodes);
      script = writing;
    }
    writing.take(news.text, news, body.cells);
    if (news.finish_reason === "stop") call.note("It ended before a stop string");
  }
  const { by, cell } = view();
  if (by === "cell" && !writing.knows(cell)) await readAgain(call);
}

async function run(call) {
  const { seed, prompt } = call.fields;
  luck = seed === "" ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(seed);
  await write(call, prompt);
}

/** Go on with what is there. */
const writeOn = (call) => write({ ...call, model: script.model }, script.text, script);

/** Ask for other cells of a text that is there already. */
async function readAgain(call) {
  const wanted = cells(script.model);
  const body = {
    prompt: script.text,
    model: script.model.id,
    max_characters: 1,
    temperature: 0,
    stream: true,
    echo: true,
    cells: wanted,
  };
  for await (const { prompt } of call.stream("v1/generate", body)) {
    if (prompt) script.know(wanted, prompt.activations);
  }
  script.paint();
}

export const generate = { run, begin, examples: GENERATE };

// Translate: selecting a word highlights the words aligned with it on the other side.

import { visible } from "./alignment.js";
import { folded, make, table } from "./dom.js";
import { TRANSLATE } from "./examples.js";
import { inspectable } from "./inspect.js";
import { percent } from "./numbers.js";
import { placed } from "./points.js";
import { plain, shade } from "./shading.js";

const LEAST = 0.05; // the minimum attention to highlight
const NAMED = 3;
let translated = ""; // the last translation, which becomes the text when the languages are swapped

function begin({ form, models }) {
  const { model, text, swap } = form.elements;
  const opposite = () => {
    const pair = models.find((card) => card.id === model.value)?.languages.toReversed().join();
    return models.find((card) => card.languages.join() === pair);
  };
  form.addEventListener("change", () => (swap.disabled = !opposite()));
  swap.addEventListener("click", () => {
    model.value = opposite().id;
    text.value = translated || text.value;
    model.dispatchEvent(new Event("change", { bubbles: true }));
    form.requestSubmit();
  });
}

function named({ id, languages }) {
  const names = new Intl.DisplayNames("en", { type: "language" });
  return `${languages.map((code) => names.of(code)).join(" → ")} · ${id}`;
}

async function run(call) {
  const { text, model } = call.fields;
  const body = { text, model, alternatives: Number(call.fields.alternatives) };
  let result;
  try {
    result = await call.post("v1/translate", { ...body, alignment: true });
  } catch (error) {
    if (error.code !== "alignment_too_long") throw error;
    result = await call.post("v1/translate", body);
    call.note(`Too long for an alignment: ${error.message}`);
  }
  translated = result.text;
  const shown = result.alignment ? aligned(text, result) : whole(text, result);
  call.out.replaceChildren(...shown, ...others(result));
}

const paragraph = (...children) => make("p", { className: "text", dir: "auto" }, ...children);
const sides = (...both) => make("div", { className: "sides" }, ...both);
const whole = (text, result) => [sides(paragraph(text), paragraph(result.text))];

function aligned(text, result) {
  const { from, to, weights } = visible(result);
  const readout = make("p", { className: "readout" });
  const back = from.map((_, column) => weights.map((row) => row[column]));
  const select = (near, far, token) => {
    near.light([], token);
    far.light(near.weights[token] ?? [], -1);
  };
  const source = side("The source", [text, from, back, to], readout, (at) =>
    select(source, target, at),
  );
  const target = side("The translation", [result.text, to, weights, from], readout, (at) =>
    select(target, source, at),
  );
  const rows = to.map((token, row) => [
    spoken(token),
    ...weights[row].map((weight) => weight.toFixed(2)),
  ]);
  const title = "Attention of each target token to the source tokens";
  const grid = () => table(title, ["", ...from.map(spoken)], rows);
  return [
    sides(source.element, target.element),
    make("div", { className: "legend" }, readout),
    folded("Alignment as a table", () => make("div", { className: "wide" }, grid())),
  ];
}

/** One side: its text as tokens, each with its attention weights over `others`. */
function side(label, [text, tokens, weights, others], readout, select) {
  const element = paragraph();
  const words = []; // the visible tokens, with their elements
  const add = inspectable(element, {
    label,
    readout,
    placeholder: "Select a word on either side.",
    describe: (number) => description(tokens, weights, others, words[number].token),
    onSelect: (number) => select(words[number]?.token ?? -1),
  });
  for (const { text: shown, token } of placed(text, tokens)) {
    const span = make("span", {}, shown);
    element.append(span);
    if (token < 0) continue;
    words.push({ token, span });
    add(span);
  }

  /** Shade by the strengths of tokens, and mark one. */
  function light(strengths, here) {
    for (const { token, span } of words) {
      if (strengths[token] >= LEAST) shade(span, strengths[token]);
      else plain(span);
      span.classList.toggle("here", token === here);
    }
  }
  return { element, weights, light };
}

function description(tokens, weights, others, token) {
  const most = weights[token]
    .map((weight, number) => [weight, spoken(others[number])])
    .filter(([weight]) => weight >= LEAST)
    .sort(([a], [b]) => b - a)
    .slice(0, NAMED)
    .map(([weight, word]) => `${word} ${percent(weight)}`);
  return `${spoken(tokens[token])}: ${most.join(" · ") || "no clear alignment"}`;
}

const spoken = (token) => token.replaceAll("▁", " ").trim();

function others({ alternatives = [] }) {
  if (!alternatives?.length) return [];
  const items = alternatives.map(({ text }) => make("li", { dir: "auto" }, text));
  return [make("h3", {}, "Alternatives"), make("ol", { className: "alternatives" }, ...items)];
}

export const translate = { run, begin, named, examples: TRANSLATE };

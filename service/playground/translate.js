// Translate: each word of either side lights up what belongs to it on the other.

import { visible } from "./alignment.js";
import { folded, make, table } from "./dom.js";
import { TRANSLATE } from "./examples.js";
import { inspectable } from "./inspect.js";
import { percent } from "./numbers.js";
import { placed } from "./points.js";
import { plain, shade } from "./shading.js";

const LEAST = 0.05; // of attention, to be lit up
const NAMED = 3;
let translated = ""; // the last answer, which goes the other way when the languages are swapped

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
  const asked = { text, model, alternatives: Number(call.fields.alternatives) };
  let result;
  try {
    result = await call.post("v1/translate", { ...asked, alignment: true });
  } catch (refusal) {
    if (refusal.code !== "alignment_too_long") throw refusal;
    result = await call.post("v1/translate", asked);
    call.note(`Too long to say which words belong together: ${refusal.message}`);
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
  const look = (near, far, token) => {
    near.light([], token);
    far.light(near.weights[token] ?? [], -1);
  };
  const source = side("The source", [text, from, back, to], readout, (at) =>
    look(source, target, at),
  );
  const target = side("The translation", [result.text, to, weights, from], readout, (at) =>
    look(target, source, at),
  );
  const rows = to.map((token, row) => [
    spoken(token),
    ...weights[row].map((weight) => weight.toFixed(2)),
  ]);
  const title = "How much each token looked at each of the source";
  const grid = () => table(title, ["", ...from.map(spoken)], rows);
  return [
    sides(source.element, target.element),
    make("div", { className: "legend" }, readout),
    folded("Alignment as a table", () => make("div", { className: "wide" }, grid())),
  ];
}

/** One side: its text in tokens, each with its weights over `others`. */
function side(label, [text, tokens, weights, others], readout, look) {
  const element = paragraph();
  const words = []; // the tokens that are to be seen, with their elements
  const add = inspectable(element, {
    label,
    readout,
    usual: "Look at a word on either side.",
    said: (number) => said(tokens[words[number].token], weights[words[number].token], others),
    look: (number) => look(words[number]?.token ?? -1),
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

function said(token, weights, others) {
  const most = weights
    .map((weight, number) => [weight, spoken(others[number])])
    .filter(([weight]) => weight >= LEAST)
    .sort(([a], [b]) => b - a)
    .slice(0, NAMED)
    .map(([weight, word]) => `${word} ${percent(weight)}`);
  return `${spoken(token)}: ${most.join(" · ") || "nothing in particular"}`;
}

const spoken = (token) => token.replaceAll("▁", " ").trim();

function others({ alternatives = [] }) {
  if (!alternatives?.length) return [];
  const items = alternatives.map(({ text }) => make("li", { dir: "auto" }, text));
  return [make("h3", {}, "Or"), make("ol", { className: "alternatives" }, ...items)];
}

export const translate = { run, begin, named, examples: TRANSLATE };

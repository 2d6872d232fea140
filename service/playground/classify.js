// Classify: scores as bars, and each word shaded by its contribution to the highest one.

import { folded, make, table } from "./dom.js";
import { CLASSIFY } from "./examples.js";
import { inspectable } from "./inspect.js";
import { percent, signed } from "./numbers.js";
import { segments } from "./points.js";
import { shade } from "./shading.js";

const BARS = 6;
const SMALLEST_SCALE = 0.02; // keeps negligible contributions pale

async function run(call) {
  const { text, model } = call.fields;
  const show = (result) =>
    call.out.replaceChildren(verdict(result), ...explained(text, result), bars(result.scores));
  try {
    show(await call.post("v1/classify", { text, model, explain: true }));
  } catch (error) {
    if (error.code !== "explanation_too_long") throw error;
    show(await call.post("v1/classify", { text, model }));
    call.note(`Too long to be explained: ${error.message}`);
  }
}

function verdict({ label, score, labels }) {
  const names = labels ?? [label];
  const shown = names.length ? names.join(", ") : `none; the most probable is ${label}`;
  const strong = make("strong", {}, shown);
  return make("p", { className: "verdict" }, strong, " ", make("span", {}, percent(score)));
}

function explained(text, { explanation }) {
  if (!explanation) return [];
  const { label, baseline, tokens } = explanation;
  const scale = Math.max(SMALLEST_SCALE, ...tokens.map((token) => Math.abs(token.share)));
  const words = make("p", { className: "text", dir: "auto" });
  const placeholder = `Baseline ${percent(baseline)} for ${label}, plus each word's contribution`;
  const readout = make("p", { className: "readout" });
  const add = inspectable(words, {
    label: `The text with each word's contribution to ${label}`,
    readout,
    placeholder,
    describe: (number) => describe(tokens[number], label),
  });
  const byStart = new Map(tokens.map((token) => [token.start, token]));
  for (const segment of segments(text, tokens.flatMap((token) => [token.start, token.end]))) {
    const token = byStart.get(segment.start);
    const span = make("span", {}, segment.text);
    if (token) {
      shade(span, token.share / scale);
      add(span);
    }
    words.append(span);
  }
  const rows = [...tokens]
    .sort((a, b) => Math.abs(b.share) - Math.abs(a.share))
    .map((token) => [token.text, signed(token.share)]);
  return [
    words,
    make("div", { className: "legend" }, readout, scaleOf(label)),
    folded("Contributions as a table", () =>
      table(`Contributions to ${label}`, ["word", "contribution"], rows)),
  ];
}

const describe = ({ text, share }, label) =>
  `${text} ${signed(share)}, ${share < 0 ? "against" : "for"} ${label}`;

function scaleOf(label) {
  const [against, for_] = [make("i", {}, "against"), make("i", {}, "for")];
  shade(against, -0.8);
  shade(for_, 0.8);
  return make("p", { className: "scale" }, against, " ", for_, ` ${label}`);
}

function bars(scores) {
  const bar = ({ label, score }) => {
    const fill = make("div", { className: "bar" });
    fill.style.setProperty("--share", score);
    const name = make("span", { className: "name" }, label);
    return make("li", {}, name, fill, make("span", { className: "number" }, percent(score)));
  };
  const list = (some) => make("ul", { className: "bars" }, ...some.map(bar));
  const first = list(scores.slice(0, BARS));
  const rest = scores.slice(BARS);
  if (!rest.length) return first;
  return make("div", {}, first, folded(`${rest.length} more`, () => list(rest)));
}

export const classify = { run, examples: CLASSIFY };

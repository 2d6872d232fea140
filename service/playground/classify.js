// Classify: scores as bars, and each word shaded by its share of the first one.

import { folded, make, table } from "./dom.js";
import { CLASSIFY } from "./examples.js";
import { inspectable } from "./inspect.js";
import { percent, signed } from "./numbers.js";
import { pieces } from "./points.js";
import { shade } from "./shading.js";

const BARS = 6;
const SMALLEST_SCALE = 0.02; // a share that changes nothing is not to look as if it did

async function run(call) {
  const { text, model } = call.fields;
  const show = (result) =>
    call.out.replaceChildren(verdict(result), ...explained(text, result), bars(result.scores));
  const plainly = () => call.post("v1/classify", { text, model });
  let done = false;
  try {
    const asked = { text, model, explain: true };
    const result = await call.post("v1/classify", asked, async () => {
      const first = await plainly().catch(() => null); // what is wrong is said by the other one
      if (first && !done) show(first);
    });
    done = true;
    show(result);
  } catch (refusal) {
    done = true;
    if (refusal.code !== "explanation_too_long") throw refusal;
    show(await plainly());
    call.note(`Too long to say which words decided: ${refusal.message}`);
  }
}

function verdict({ label, score, labels }) {
  const names = labels ?? [label];
  const shown = names.length ? names.join(", ") : `none; the likeliest is ${label}`;
  const strong = make("strong", {}, shown);
  return make("p", { className: "verdict" }, strong, " ", make("span", {}, percent(score)));
}

function explained(text, { explanation }) {
  if (!explanation) return [];
  const { label, baseline, tokens } = explanation;
  const scale = Math.max(SMALLEST_SCALE, ...tokens.map((token) => Math.abs(token.share)));
  const words = make("p", { className: "text", dir: "auto" });
  const usual = `${label}: ${percent(baseline)} of as many unknown words, and each word's share`;
  const readout = make("p", { className: "readout" });
  const add = inspectable(words, {
    label: `The text by its shares of ${label}`,
    readout,
    usual,
    said: (number) => said(tokens[number], label),
  });
  const byStart = new Map(tokens.map((token) => [token.start, token]));
  for (const piece of pieces(text, tokens.flatMap((token) => [token.start, token.end]))) {
    const token = byStart.get(piece.start);
    const span = make("span", {}, piece.text);
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
    folded("Shares as a table", () => table(`Shares of ${label}`, ["word", "share"], rows)),
  ];
}

const said = ({ text, share }, label) =>
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

// Tag: entities marked in the text, and the tag probabilities of each word.

import { folded, make, table } from "./dom.js";
import { TAG } from "./examples.js";
import { inspectable } from "./inspect.js";
import { percent } from "./numbers.js";
import { segments } from "./points.js";

const HUES = 8;
const SHOWN = 4;

async function run(call) {
  const { text, model } = call.fields;
  const result = await call.post("v1/tag", { text, model, marginals: true });
  const hue = new Map((call.model.labels ?? []).map((label, index) => [label, index % HUES]));
  call.out.replaceChildren(...marked(text, result, hue), ...listed(result.entities));
}

function marked(text, { entities, tokens }, hue) {
  const running = make("p", { className: "text entities", dir: "auto" });
  const readout = make("p", { className: "readout" });
  const around = []; // the entity of each token
  const add = inspectable(running, {
    label: "The text with its entities",
    readout,
    placeholder: entities.length ? "Select a word to see its tags." : "No entity was found.",
    describe: (number) => describe(tokens[number], around[number]),
  });
  const ends = [...tokens, ...entities].flatMap(({ start, end }) => [start, end]);
  const words = new Set(tokens.map((token) => token.start));
  const entityAt = new Map(entities.map((entity) => [entity.start, entity]));
  let [entity, mark] = [null, null];
  for (const segment of segments(text, ends)) {
    if (entityAt.has(segment.start)) {
      entity = entityAt.get(segment.start);
      mark = make("mark", { role: "presentation" });
      mark.dataset.hue = hue.get(entity.label) ?? 0;
      running.append(mark);
    }
    const span = make("span", {}, segment.text);
    if (words.has(segment.start)) {
      around.push(entity);
      add(span);
    }
    (mark ?? running).append(span);
    if (entity?.end === segment.end) {
      mark.append(make("small", {}, entity.label));
      [entity, mark] = [null, null];
    }
  }
  return [running, make("div", { className: "legend" }, readout)];
}

function describe({ text, tags }, entity) {
  const each = tags.slice(0, SHOWN).map((tag) => `${tag.label} ${percent(tag.score)}`);
  const whole = entity && `in “${entity.text}”, ${entity.label} ${percent(entity.score)}`;
  return [`${text}: ${each.join(" · ")}`, whole].filter(Boolean).join(" — ");
}

function listed(entities) {
  if (!entities.length) return [];
  const columns = ["entity", "label", "from", "to", "score"];
  const rows = entities.map(({ text, label, start, end, score }) =>
    [text, label, String(start), String(end), percent(score)]);
  const title = "Entities, with offsets in code points";
  return [folded("Entities as a table", () => table(title, columns, rows))];
}

export const tag = { run, examples: TAG };

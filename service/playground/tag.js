// Tag: entities where they stand, and for each word how likely each tag is.

import { folded, make, table } from "./dom.js";
import { TAG } from "./examples.js";
import { inspectable } from "./inspect.js";
import { percent } from "./numbers.js";
import { pieces } from "./points.js";

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
  const around = []; // of each token, its entity
  const add = inspectable(running, {
    label: "The text with its entities",
    readout,
    usual: entities.length ? "Look at a word to see its tags." : "No entity was found.",
    said: (number) => said(tokens[number], around[number]),
  });
  const ends = [...tokens, ...entities].flatMap(({ start, end }) => [start, end]);
  const words = new Set(tokens.map((token) => token.start));
  const entityAt = new Map(entities.map((entity) => [entity.start, entity]));
  let [entity, mark] = [null, null];
  for (const piece of pieces(text, ends)) {
    if (entityAt.has(piece.start)) {
      entity = entityAt.get(piece.start);
      mark = make("mark", { role: "presentation" });
      mark.dataset.hue = hue.get(entity.label) ?? 0;
      running.append(mark);
    }
    const span = make("span", {}, piece.text);
    if (words.has(piece.start)) {
      around.push(entity);
      add(span);
    }
    (mark ?? running).append(span);
    if (entity?.end === piece.end) {
      mark.append(make("small", {}, entity.label));
      [entity, mark] = [null, null];
    }
  }
  return [running, make("div", { className: "legend" }, readout)];
}

function said({ text, tags }, entity) {
  const each = tags.slice(0, SHOWN).map((tag) => `${tag.label} ${percent(tag.score)}`);
  const whole = entity && `in “${entity.text}”, ${entity.label} ${percent(entity.score)}`;
  return [`${text}: ${each.join(" · ")}`, whole].filter(Boolean).join(" — ");
}

function listed(entities) {
  if (!entities.length) return [];
  const columns = ["entity", "label", "from", "to", "score"];
  const rows = entities.map(({ text, label, start, end, score }) =>
    [text, label, String(start), String(end), percent(score)]);
  return [folded("Entities as a table", () => table("Entities, by code points", columns, rows))];
}

export const tag = { run, examples: TAG };

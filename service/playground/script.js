// A growing text, with the probability of each character and the activations of some cells.

import { make } from "./dom.js";
import { inspectable } from "./inspect.js";
import { bits, percent, signed } from "./numbers.js";
import { points } from "./points.js";
import { plain, shade } from "./shading.js";

const STRONGEST = 8; // the surprise in bits with the strongest shade
const NAMES = { "\n": "line break", " ": "space", "\t": "tab" };

export class Script {
  #spans = [];
  #characters = [];
  #logs = [];
  #cells = new Map();
  #given = 0; // number of characters of the first prompt
  #text = make("p", { className: "text script", dir: "auto" });
  #readout = make("p", { className: "readout" });
  #scale = make("p", { className: "scale" });
  #summary = make("p", { className: "summary" });
  #add = inspectable(this.#text, {
    label: "The text by characters",
    readout: this.#readout,
    describe: (number) => this.#describe(number),
  });

  /** `view` returns what to shade by: `{ by: "probability" }` or `{ by: "cell", cell: 17 }`. */
  constructor(model, view) {
    this.model = model;
    this.view = view;
  }

  get nodes() {
    const legend = make("div", { className: "legend" }, this.#readout, this.#scale);
    return [this.#text, legend, this.#summary];
  }

  get text() {
    return this.#characters.join("");
  }

  /** Append read or generated text. `cells` are the cell numbers of the rows of `activations`. */
  take(text, { log_probabilities: logs = [], activations = [] } = {}, cells = []) {
    const from = this.#characters.length;
    points(text).forEach((character, index) => {
      const span = make("span", { className: character === "\n" ? "break" : "" }, character);
      this.#spans.push(span);
      this.#characters.push(character);
      this.#logs.push(logs[index] ?? null);
      this.#add(span);
    });
    this.know(cells, activations, from);
    this.#text.append(...this.#spans.slice(from));
    this.paint(from);
  }

  /** Mark all characters so far as the prompt. */
  given() {
    this.#given = this.#characters.length;
    for (const span of this.#spans) span.classList.add("given");
    this.#sum();
  }

  know(cells, activations, from = 0) {
    cells.forEach((cell, row) => {
      const values = this.#cells.get(cell) ?? [];
      (activations[row] ?? []).forEach((value, index) => (values[from + index] = value));
      this.#cells.set(cell, values);
    });
  }

  /** Whether the activations of a cell are known for every character. */
  knows(cell) {
    const values = this.#cells.get(cell) ?? [];
    return values.length === this.#characters.length && !values.includes(undefined);
  }

  paint(from = 0) {
    const { by, cell } = this.view();
    const values = by === "cell" ? (this.#cells.get(cell) ?? []) : this.#logs;
    for (let at = from; at < this.#spans.length; at += 1) {
      const value = values[at] ?? null;
      if (value === null) plain(this.#spans[at]);
      else if (by === "cell") shade(this.#spans[at], value);
      else shade(this.#spans[at], bits(value) / STRONGEST, "surprise");
    }
    this.#explain(by, cell);
    this.#sum();
  }

  #describe(at) {
    const character = this.#characters[at];
    const { cell } = this.view();
    const [log, value] = [this.#logs[at], this.#cells.get(cell)?.[at]];
    const facts = [
      ...(log === null ? [] : [`${percent(Math.exp(log))}, ${bits(log).toFixed(2)} bits`]),
      ...(value === undefined ? [] : [`cell ${cell} ${signed(value, 2)}`]),
    ];
    return `${NAMES[character] ?? character}: ${facts.join(" · ")}`;
  }

  #explain(by, cell) {
    const step = (strength, side) => {
      const box = make("i", { ariaHidden: "true" }, " ");
      shade(box, strength, side);
      return box;
    };
    const scale =
      by === "cell"
        ? [`cell ${cell}: −1 `, ...[-1, -0.6, -0.2, 0.2, 0.6, 1].map((s) => step(s)), " +1"]
        : ["expected ", ...[0, 0.25, 0.5, 0.75, 1].map((s) => step(s, "surprise")), " surprising"];
    this.#scale.replaceChildren(...scale);
  }

  #sum() {
    const mean = (name, logs) => {
      const known = logs.filter((log) => log !== null);
      if (!known.length) return [];
      const sum = known.reduce((total, log) => total + bits(log), 0);
      return [`${name}: ${(sum / known.length).toFixed(2)} bits per character`];
    };
    this.#summary.textContent = [
      `${this.#characters.length - this.#given} characters generated`,
      ...mean("generated", this.#logs.slice(this.#given)),
      ...mean("prompt", this.#logs.slice(0, this.#given)),
    ].join(" · ");
  }
}

// What the four tabs have in common: a form, a request that can be stopped, its answer, its error,
// and the command that asks the same.

import * as api from "./api.js";
import { command, json } from "./curl.js";
import { make } from "./dom.js";
import * as fragment from "./fragment.js";

/**
 * A task has `examples` (by model, by language, and `any`), `run(call)`, which asks the server and
 * shows the answer, and perhaps `begin(panel)` and `named(model)`. A call has the `fields` of the
 * form, `post` and `stream` to ask with, `out` for the answer, and `note` to say something more.
 * `whenLocked` is told what to do again when the server asks for a key.
 */
export function panel(task, section, whenLocked) {
  const form = section.querySelector("form");
  section.append(document.getElementById("outcome").content.cloneNode(true));
  const part = (name) => section.querySelector(`[data-part=${name}]`);
  const [out, status, error, shell] = ["answer", "status", "error", "shell"].map(part);
  const select = form.elements.model;
  const models = [];
  const named = task.named ?? ((card) => card.id);
  let running = null;

  /** Offer models, some of which may be on offer already. */
  function offer(found) {
    const fresh = found.filter((card) => !models.some((known) => known.id === card.id));
    models.push(...fresh);
    select.append(...fresh.map((card) => make("option", { value: card.id }, named(card))));
    form.querySelector("fieldset").disabled = models.length === 0;
    part("missing").hidden = models.length > 0;
    if (fresh.length) form.dispatchEvent(new Event("change"));
    if (fresh.length === models.length) describe();
  }

  const model = () => models.find((card) => card.id === select.value);

  function describe() {
    const { examples } = task;
    const [card, language] = [model(), model()?.languages[0]];
    part("about").textContent = card?.description ?? "";
    const texts = examples[card?.id] ?? examples[language] ?? examples.any;
    part("examples").replaceChildren(
      ...texts.map((text) =>
        make("button", { type: "button", className: "example", value: text, title: text }, text),
      ),
    );
  }

  function show(path, body, streams) {
    const key = Boolean(api.key.get());
    part("curl").textContent = command(api.address(path), body, { streams, key });
    shell.hidden = false;
  }

  function timed(headers, name) {
    const [wait, work] = ["x-queue-time", "x-inference-time"].map((header) => headers.get(header));
    return `${name}: ${work} ms at work, ${wait} ms waiting`;
  }

  function newCall() {
    running?.abort();
    const stop = new AbortController();
    running = stop;
    const waiting = (why) => (status.textContent = why);
    const call = {
      fields: Object.fromEntries(new FormData(form)),
      model: model(),
      out,
      said: "",
      note(text) {
        call.said = text;
      },
      /** `meanwhile` is done once if the server is not ready for this. */
      async post(path, asked, meanwhile = () => {}) {
        const body = json(asked);
        show(path, body, false);
        let told = false;
        const { answer, headers } = await api.post(path, body, stop.signal, (why) => {
          waiting(why);
          if (!told) meanwhile();
          told = true;
        });
        if (told) show(path, body, false);
        call.timing = timed(headers, answer.model);
        return answer.results[0];
      },
      async *stream(path, asked) {
        const body = json(asked);
        show(path, body, true);
        for await (const { news, headers } of api.stream(path, body, stop.signal, waiting)) {
          call.timing ??= timed(headers, select.value);
          yield news;
        }
      },
    };
    return [call, stop];
  }

  /** Do one thing that asks the server, `task.run` if nothing else, and show how it went. */
  async function run(work = task.run) {
    fragment.write(section.dataset.task, form);
    const [call, stop] = newCall();
    error.hidden = true;
    status.textContent = "…";
    section.classList.add("busy");
    out.setAttribute("aria-busy", "true");
    try {
      await work(call);
      status.textContent = [call.timing, call.said].filter(Boolean).join(". ");
    } catch (failure) {
      if (running !== stop) return; // another request has taken this one's place
      status.textContent = failure.name === "AbortError" ? "stopped" : "";
      if (failure.name !== "AbortError") refuse(failure, () => run(work));
    } finally {
      if (running === stop) {
        running = null;
        section.classList.remove("busy");
        out.removeAttribute("aria-busy");
      }
    }
  }

  function refuse(failure, again) {
    if (!(failure instanceof api.Refusal)) throw failure;
    const id = failure.requestId && make("small", {}, `request ${failure.requestId}`);
    error.replaceChildren(make("span", {}, failure.message), id);
    error.hidden = false;
    if (failure.status === 401) whenLocked(again);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  form.addEventListener("change", (event) => {
    if (event.target === select) describe();
    if (event.target !== form) fragment.write(section.dataset.task, form);
  });
  part("stop").addEventListener("click", () => running?.abort());
  part("examples").addEventListener("click", (event) => {
    const example = event.target.closest(".example");
    if (!example) return;
    form.querySelector("textarea").value = example.value;
    form.requestSubmit();
  });
  part("copy").addEventListener("click", async (event) => {
    const button = event.target;
    try {
      await navigator.clipboard.writeText(part("curl").textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(part("curl")); // browsers copy for https and localhost alone
      button.textContent = "Selected";
    }
    button.addEventListener("blur", () => (button.textContent = "Copy"), { once: true });
  });

  const made = { form, section, models, model, offer, describe, run };
  task.begin?.(made);
  return made;
}

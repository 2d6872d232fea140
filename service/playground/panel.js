// The common part of the four tabs: a form, a request that can be stopped, its answer or error, and
// the equivalent curl command.

import * as api from "./api.js";
import { command, json } from "./curl.js";
import { make } from "./dom.js";
import * as fragment from "./fragment.js";

/**
 * A task has `examples` (by model, by language, and `any`), `run(call)`, which sends requests and
 * shows the answer, and optionally `begin(panel)` and `named(model)`. A call has the `fields` of a
 * form, `post` and `stream` to send requests, the element `out` for the answer, and `note` to add
 * a remark to the status. `onLocked` gets the function to repeat once the key has been entered.
 */
export function panel(task, section, onLocked) {
  const form = section.querySelector("form");
  section.append(document.getElementById("outcome").content.cloneNode(true));
  const part = (name) => section.querySelector(`[data-part=${name}]`);
  const [out, status, error, shell] = ["answer", "status", "error", "shell"].map(part);
  const select = form.elements.model;
  const models = [];
  const named = task.named ?? ((card) => card.id);
  let running = null;

  /** Offer the models of the server for this task. */
  function offer(cards) {
    models.push(...cards);
    select.append(...cards.map((card) => make("option", { value: card.id }, named(card))));
    form.querySelector("fieldset").disabled = models.length === 0;
    part("missing").hidden = models.length > 0;
    if (models.length) form.dispatchEvent(new Event("change"));
    describe();
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
    return `${name}: ${work} ms inference, ${wait} ms in the queue`;
  }

  function newCall() {
    running?.abort();
    const stop = new AbortController();
    running = stop;
    const onRetry = (why) => (status.textContent = why);
    const call = {
      fields: Object.fromEntries(new FormData(form)),
      model: model(),
      out,
      remark: "",
      note(text) {
        call.remark = text;
      },
      async post(path, fields) {
        const body = json(fields);
        show(path, body, false);
        const { answer, headers } = await api.post(path, body, stop.signal, onRetry);
        call.timing = timed(headers, answer.model);
        return answer.results[0];
      },
      async *stream(path, fields) {
        const body = json(fields);
        show(path, body, true);
        for await (const { chunk, headers } of api.stream(path, body, stop.signal, onRetry)) {
          call.timing ??= timed(headers, select.value);
          yield chunk;
        }
      },
    };
    return [call, stop];
  }

  /** Run a function that sends requests, by default `task.run`, and show its outcome. */
  async function run(work = task.run) {
    fragment.write(section.dataset.task, form);
    const [call, stop] = newCall();
    error.hidden = true;
    status.textContent = "…";
    section.classList.add("busy");
    out.setAttribute("aria-busy", "true");
    try {
      await work(call);
      status.textContent = [call.timing, call.remark].filter(Boolean).join(". ");
    } catch (failure) {
      if (running !== stop) return; // a newer request has replaced this one
      status.textContent = failure.name === "AbortError" ? "stopped" : "";
      if (failure.name !== "AbortError") showError(failure, () => run(work));
    } finally {
      if (running === stop) {
        running = null;
        section.classList.remove("busy");
        out.removeAttribute("aria-busy");
      }
    }
  }

  function showError(failure, again) {
    if (!(failure instanceof api.ApiError)) throw failure;
    const id = failure.requestId && make("small", {}, `request ${failure.requestId}`);
    error.replaceChildren(make("span", {}, failure.message), id);
    error.hidden = false;
    if (failure.status === 401) onLocked(again);
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
      // browsers allow copying only on https and localhost
      getSelection().selectAllChildren(part("curl"));
      button.textContent = "Selected";
    }
    button.addEventListener("blur", () => (button.textContent = "Copy"), { once: true });
  });

  const made = { form, section, models, model, offer, describe, run };
  task.begin?.(made);
  return made;
}

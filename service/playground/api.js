// Requests to the server that the page came from, and what it refuses.

import { events } from "./sse.js";

export const address = (path) => new URL(path, document.baseURI.split("#")[0]).href;

const KEPT = "textrnn-key";
let typed = null;

/** The key that was typed in, if any; forgotten with the tab of the browser. */
export const key = {
  get() {
    try {
      return sessionStorage.getItem(KEPT);
    } catch {
      return typed; // a browser that keeps nothing
    }
  },
  set(value) {
    typed = value;
    try {
      sessionStorage.setItem(KEPT, value);
    } catch {
      // then for this page alone
    }
  },
};

export class Refusal extends Error {
  constructor({ detail, code = "", request_id: requestId = "", errors = [] }, status = 0) {
    super(detail);
    Object.assign(this, { code, requestId, errors, status });
  }
}

async function answered(path, options, waiting = () => {}) {
  const authorization = key.get() ? { authorization: `Bearer ${key.get()}` } : {};
  const headers = { ...options.headers, ...authorization };
  for (;;) {
    const response = await fetch(address(path), { ...options, headers }).catch(unreachable);
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    const detail = problem.detail ?? `the server answered with status ${response.status}`;
    const later = Number(response.headers.get("retry-after"));
    if (response.status !== 503 || !later) {
      throw new Refusal({ ...problem, detail }, response.status);
    }
    waiting(detail); // what a server says while its models warm up
    await pause(later, options.signal);
  }
}

function unreachable(error) {
  if (error.name === "AbortError") throw error;
  throw new Refusal({ detail: "the server cannot be reached; does it still run?" });
}

const pause = (seconds, signal) =>
  new Promise((done, fail) => {
    setTimeout(done, 1000 * seconds);
    signal?.addEventListener("abort", () => fail(signal.reason), { once: true });
  });

export const get = async (path, waiting) => (await answered(path, {}, waiting)).json();

const JSON_BODY = { "content-type": "application/json" };

const posted = (path, body, signal, waiting) =>
  answered(path, { method: "POST", headers: JSON_BODY, body, signal }, waiting);

/**
 * `body` is JSON already, so that what is shown as a command is what was sent. A server that says
 * "later" is asked again then; `waiting` is told why.
 */
export async function post(path, body, signal, waiting) {
  const response = await posted(path, body, signal, waiting);
  return { answer: await response.json().catch(unreachable), headers: response.headers };
}

/** The events of a stream as they arrive. Raises Refusal, also where the stream fails midway. */
export async function* stream(path, body, signal, waiting) {
  const response = await posted(path, body, signal, waiting);
  const arriving = events(response.body);
  const next = () => arriving.next().catch(unreachable);
  for (let got = await next(); !got.done; got = await next()) {
    const news = JSON.parse(got.value.data);
    if (got.value.event === "error") throw new Refusal({ ...news, detail: news.error });
    yield { news, headers: response.headers };
  }
}

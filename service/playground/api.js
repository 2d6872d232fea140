// Requests to the server of this page, and their errors.

import { events } from "./sse.js";

export const address = (path) => new URL(path, document.baseURI.split("#")[0]).href;

const KEPT = "textrnn-key";
let typed = null;

/** The API key that was entered, if any; stored until the browser tab is closed. */
export const key = {
  get() {
    try {
      return sessionStorage.getItem(KEPT);
    } catch {
      return typed; // storage is disabled
    }
  },
  set(value) {
    typed = value;
    try {
      sessionStorage.setItem(KEPT, value);
    } catch {
      // storage is disabled: the key is kept until the page is left
    }
  },
};

export class ApiError extends Error {
  constructor({ detail, code = "", request_id: requestId = "", errors = [] }, status = 0) {
    super(detail);
    Object.assign(this, { code, requestId, errors, status });
  }
}

async function request(path, options, onRetry = () => {}) {
  const authorization = key.get() ? { authorization: `Bearer ${key.get()}` } : {};
  const headers = { ...options.headers, ...authorization };
  for (;;) {
    const response = await fetch(address(path), { ...options, headers }).catch(unreachable);
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    const detail = problem.detail ?? `the server responded with status ${response.status}`;
    const later = Number(response.headers.get("retry-after"));
    if (response.status !== 503 || !later) {
      throw new ApiError({ ...problem, detail }, response.status);
    }
    onRetry(detail); // the server is still warming up
    await pause(later, options.signal);
  }
}

function unreachable(error) {
  if (error.name === "AbortError") throw error;
  throw new ApiError({ detail: "the server cannot be reached; is it running?" });
}

const pause = (seconds, signal) =>
  new Promise((done, fail) => {
    setTimeout(done, 1000 * seconds);
    signal?.addEventListener("abort", () => fail(signal.reason), { once: true });
  });

export const get = async (path, onRetry) => (await request(path, {}, onRetry)).json();

const JSON_BODY = { "content-type": "application/json" };

const postRequest = (path, body, signal, onRetry) =>
  request(path, { method: "POST", headers: JSON_BODY, body, signal }, onRetry);

/**
 * `body` is a JSON string, so that the command shown is exactly what was sent. After a 503 with
 * Retry-After the request is repeated; `onRetry` gets the reason.
 */
export async function post(path, body, signal, onRetry) {
  const response = await postRequest(path, body, signal, onRetry);
  return { answer: await response.json().catch(unreachable), headers: response.headers };
}

/** The events of a stream as they arrive. Throws ApiError, also if the stream fails midway. */
export async function* stream(path, body, signal, onRetry) {
  const response = await postRequest(path, body, signal, onRetry);
  const incoming = events(response.body);
  const next = () => incoming.next().catch(unreachable);
  for (let got = await next(); !got.done; got = await next()) {
    const chunk = JSON.parse(got.value.data);
    if (got.value.event === "error") throw new ApiError({ ...chunk, detail: chunk.error });
    yield { chunk, headers: response.headers };
  }
}

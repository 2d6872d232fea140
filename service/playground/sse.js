// Parse server-sent events from the body of a response. (EventSource supports only GET.)

export async function* events(body) {
  let waiting = "";
  for await (const chunk of readable(body.pipeThrough(new TextDecoderStream()))) {
    const blocks = (waiting + chunk).split(/\r?\n\r?\n/);
    waiting = blocks.pop();
    for (const block of blocks) {
      const parsed = parse(block);
      if (parsed.data) yield parsed;
    }
  }
}

function parse(block) {
  const parsed = { event: "message", data: "" };
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^(\w*): ?(.*)$/s.exec(line) ?? [];
    if (name === "event") parsed.event = value;
    if (name === "data") parsed.data += value;
  }
  return parsed;
}

/** Iterate over a stream, which not all browsers support directly. */
async function* readable(stream) {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}

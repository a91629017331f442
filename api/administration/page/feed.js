// Server-sent events read by fetch: an EventSource cannot carry a token.
const FIRST_WAIT_MS = 1000;
const MOST_WAIT_MS = 30000;
// The server says something at least every 15 seconds.
const SILENCE_MS = 40000;

/** Follow the progress of read models and reactors until the function that is returned is called. */
export function follow(token, listener) {
  const stopping = new AbortController();
  keepListening(token, listener, stopping.signal);
  return () => stopping.abort();
}

async function keepListening(token, listener, stopped) {
  let wait = FIRST_WAIT_MS;
  while (!stopped.aborted) {
    listener.state("connecting");
    let lost = "the server ended it.";
    try {
      const refusal = await listen(token, stopped, listener, () => { wait = FIRST_WAIT_MS; });
      if (refusal && !refusal.again) {
        listener.state("refused", refusal.detail);
        return;
      }
      if (refusal) lost = refusal.detail;
    } catch (error) {
      lost = "no answer.";
    }
    if (stopped.aborted) return;
    // Not everybody comes back at the same moment.
    const pause = wait * (0.75 + Math.random() / 2);
    listener.state("lost", `${lost} Trying again in ${Math.ceil(pause / 1000)} s.`);
    await sleep(pause, stopped);
    wait = Math.min(2 * wait, MOST_WAIT_MS);
  }
}

/** Listen until the stream ends; return what was said instead of a stream. */
async function listen(token, stopped, listener, heard) {
  const silence = new AbortController();
  const end = () => silence.abort();
  stopped.addEventListener("abort", end);
  let timer = setTimeout(end, SILENCE_MS);
  try {
    const headers = { Authorization: `Bearer ${token}`, Accept: "text/event-stream" };
    const response = await fetch("/projections/events", { headers, signal: silence.signal });
    if (!response.ok) return await refusalOf(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let kept = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return null;
      clearTimeout(timer);
      timer = setTimeout(end, SILENCE_MS);
      const events = (kept + value).split("\n\n");
      kept = events.pop();
      for (const event of events) hear(event, listener, heard);
    }
  } finally {
    clearTimeout(timer);
    stopped.removeEventListener("abort", end);
  }
}

function hear(event, listener, heard) {
  const field = (name) => event.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  if (field("event") === "progress") {
    heard();
    listener.progress(JSON.parse(field("data")));
    listener.state("live");
  } else if (field("event") === "unavailable") {
    listener.state("lost", "the database does not answer.");
  }
}

async function refusalOf(response) {
  let detail = `HTTP ${response.status}`;
  try {
    detail = (await response.json()).detail || detail;
  } catch (error) {
    // What stands between us and the server answers in forms of its own.
  }
  return { detail, again: response.status >= 500 || response.status === 429 };
}

function sleep(milliseconds, stopped) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    stopped.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

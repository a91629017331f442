// What an administrator can order for a read model or a reactor, and the dialogs that ask why.
import { instant, plural } from "./elements.js";

const ACTS_LIST = "projection_acts";
const PARKED_AT_ONCE = 50;
const at = (id) => document.getElementById(id);

/** Whether a build goes on, or waits for its turn. */
export const inHand = (build) => !["done", "cancelled", "failed"].includes(build.state);
const building = (it) => Boolean(it.build) && inHand(it.build);

export const ORDERS = {
  rebuild: {
    label: "Rebuild",
    door: "rebuilds",
    about: "New rows are made beside those in use, proven, and take over. Queries and live updates go on.",
    applies: (it) => !building(it),
  },
  verify: {
    label: "Verify",
    door: "verifications",
    about: "New rows are made beside those in use and compared with them. Nothing is replaced.",
    applies: (it) => !building(it),
  },
  cancel: {
    label: "Cancel",
    door: "rebuild-cancellations",
    about: "What is being made is given up. The rows in use stay.",
    applies: building,
  },
  pause: {
    label: "Pause",
    door: "pauses",
    about: "The rows stay as they are, and queries go on with them, until it is resumed.",
    applies: (it) => !it.pause && it.name !== ACTS_LIST,
  },
  resume: { label: "Resume", door: "resumptions", about: "It catches up with the log.", applies: (it) => Boolean(it.pause) },
  undo: {
    label: "Undo takeover",
    door: "takeover-undos",
    about: "The rows from before the last takeover are brought up to date and come back.",
    applies: (it) => it.previousPosition !== null,
  },
  drop: {
    label: "Drop previous rows",
    door: "previous-rows-drops",
    about: "The rows from before the last takeover are dropped. It cannot be undone after that.",
    applies: (it) => it.previousPosition !== null,
  },
  parked: { label: "Parked events", applies: (it) => it.parkedEvents > 0 },
};
const PARKED = {
  address: "/projections",
  path: "parked-events",
  found: (answer) => answer.parkedEvents,
  title: "Parked events",
  about: "Their effects are not in the rows. An event without an error only follows one of its stream that has one.",
  lines: (it) => [` ${it.stream}, version ${it.streamVersion}`, it.error],
  chosen: (it) => Boolean(it.error),
  retry: {
    label: "Retry",
    door: "parked-events/retries",
    about: "Parked events are applied again, in the order of their streams.",
  },
  skip: {
    label: "Skip",
    door: "parked-events/skips",
    about: "The rows are made without this event, now and in every rebuild.",
  },
};

export const REACTOR_ORDERS = {
  pause: {
    label: "Pause",
    door: "pauses",
    about: "Nothing is reacted to until it is resumed. Then it goes on where it is now.",
    applies: (it) => !it.pause,
  },
  resume: { label: "Resume", door: "resumptions", about: "It goes on where it was paused.", applies: (it) => Boolean(it.pause) },
  waiting: { label: "Waiting events", applies: (it) => it.waitingKeys > 0 },
};
const WAITING = {
  address: "/reactors",
  path: "waiting-events",
  found: (answer) => answer.waitingEvents,
  title: "Waiting events",
  about: "The first event of each key that waits. Those that follow for the key wait behind it.",
  lines: (it) => [` key ${it.key}, ${plural(it.events, "event")}`, failureOf(it)],
  chosen: () => true,
  retry: {
    label: "Retry",
    door: "waiting-events/retries",
    about: "Waiting events are tried again at once, parked ones too, in the order of their keys.",
  },
  skip: {
    label: "Skip",
    door: "waiting-events/skips",
    about: "This event is not reacted to, and what follows for its key goes on.",
  },
};

function failureOf(waiting) {
  if (!waiting.error) return "";
  const next = waiting.parkedAt ? `parked at ${instant(waiting.parkedAt)}` : `tried again at ${instant(waiting.againAt)}`;
  return `${waiting.error} (${waiting.tries === 1 ? "1 try" : `${waiting.tries} tries`}, ${next})`;
}

/** Make the dialogs. `token` gives the token in use; `told` says what came of an order. */
export function makeDialogs(token, told) {
  const ask = askWhy(token, told);
  const list = listEvents(token, ask);
  const opener = (address, orders, lists) => (key, { name }) =>
    key in lists ? list(lists[key], name) : ask(orders[key], { address, name });
  return {
    openModel: opener("/projections", ORDERS, { parked: PARKED }),
    openReactor: opener("/reactors", REACTOR_ORDERS, { waiting: WAITING }),
  };
}

// --- Why ---------------------------------------------------------------------------------------------------------------

function askWhy(token, told) {
  let wanted = null;
  let opener = null;
  at("act-back").addEventListener("click", () => at("act").close());
  at("act").addEventListener("close", () => {
    // The order may not apply any more: the next one in the row takes the focus.
    if (opener?.hidden) opener.parentElement.querySelector("button:not([hidden])")?.focus();
  });
  at("act-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const order = wanted;
    const why = at("why").value.trim();
    if (!why) {
      at("act-wrong").textContent = "Say why.";
      at("why").focus();
      return;
    }
    at("act-do").disabled = true;
    const { said, wrong } = await send(order, why, token());
    at("act-do").disabled = false;
    if (order !== wanted) return;
    at("act-wrong").textContent = wrong;
    if (wrong) return;
    at("act").close();
    told(said);
  });
  return (order, of, eventPosition = null) => {
    opener = document.activeElement;
    const about = eventPosition ? ` the event at ${eventPosition}` : "";
    wanted = { order, of, eventPosition, sent: "", key: "" };
    at("act-title").textContent = `${order.label}${about}: ${of.name}`;
    at("act-about").textContent = order.about;
    at("act-do").textContent = order.label;
    at("act-wrong").textContent = "";
    at("why").value = "";
    at("act").showModal();
    at("why").focus();
  };
}

async function send(wanted, why, token) {
  const body = JSON.stringify(wanted.eventPosition === null ? { why } : { why, eventPosition: wanted.eventPosition });
  // The same wish sent again, because no answer came, must not be taken for a second one.
  if (wanted.sent !== body) Object.assign(wanted, { sent: body, key: newKey() });
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json", "Idempotency-Key": wanted.key };
  const name = `${wanted.order.label}: ${wanted.of.name}`;
  try {
    const response = await fetch(`${wanted.of.address}/${wanted.of.name}/${wanted.order.door}`, { method: "POST", headers, body });
    const answer = await response.json();
    if (!response.ok) return { said: "", wrong: answer.detail };
    return { said: answer.events.length ? `${name}. Ordered.` : `${name}. It was so already.`, wrong: "" };
  } catch (error) {
    return { said: "", wrong: "No answer. Send it again: it will not be done twice." };
  }
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- Events that are parked or wait --------------------------------------------------------------------------------------

function listEvents(token, ask) {
  let kind = PARKED;
  let name = "";
  let after = 0;
  const order = (what, position) => {
    at("parked").close();
    ask(what, { address: kind.address, name }, position);
  };
  async function more() {
    at("parked-wrong").textContent = "";
    try {
      const address = `${kind.address}/${name}/${kind.path}?after=${after}&limit=${PARKED_AT_ONCE}`;
      const response = await fetch(address, { headers: { Authorization: `Bearer ${token()}` } });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.detail);
      at("parked-list").append(...kind.found(answer).map((it) => item(it, kind, order)));
      after = answer.nextAfter;
      at("parked-more").hidden = after === null;
    } catch (error) {
      at("parked-wrong").textContent = `They cannot be read just now: ${error.message}`;
    }
  }
  at("parked-more").addEventListener("click", more);
  at("parked-back").addEventListener("click", () => at("parked").close());
  at("parked-retry").addEventListener("click", () => order(kind.retry, 0));
  return (listed, of) => {
    kind = listed;
    name = of;
    after = 0;
    at("parked-title").textContent = `${kind.title}: ${name}`;
    at("parked-about").textContent = kind.about;
    at("parked-list").replaceChildren();
    at("parked-more").hidden = true;
    at("parked").showModal();
    more();
  };
}

function item(event, kind, order) {
  const [where, wrong] = kind.lines(event);
  const made = document.createElement("li");
  const about = document.createElement("p");
  const code = document.createElement("code");
  code.textContent = event.name;
  about.append(`${event.position} `, code, where);
  made.append(about);
  if (wrong) {
    const error = document.createElement("p");
    error.className = "wrong";
    error.textContent = wrong;
    made.append(error);
  }
  if (kind.chosen(event)) made.append(choices(event, kind, order));
  return made;
}

function choices(event, kind, order) {
  const group = document.createElement("div");
  group.className = "buttons";
  for (const what of [kind.retry, kind.skip]) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = `${what.label} ${event.position}`;
    button.addEventListener("click", () => order(what, event.position));
    group.append(button);
  }
  return group;
}

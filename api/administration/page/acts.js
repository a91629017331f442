// What an administrator can order, and the dialogs that ask why.
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
const RETRY = {
  label: "Retry",
  door: "parked-events/retries",
  about: "Parked events are applied again, in the order of their streams.",
};
const SKIP = {
  label: "Skip",
  door: "parked-events/skips",
  about: "The rows are made without this event, now and in every rebuild.",
};

/** Make the dialogs. `token` gives the token in use; `told` says what came of an order. */
export function makeDialogs(token, told) {
  const ask = askWhy(token, told);
  const list = listParked(token, ask);
  return { open: (key, projection) => (key === "parked" ? list(projection.name) : ask(ORDERS[key], projection.name)) };
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
  return (order, projection, eventPosition = null) => {
    opener = document.activeElement;
    const about = eventPosition ? ` the event at ${eventPosition}` : "";
    wanted = { order, projection, eventPosition, sent: "", key: "" };
    at("act-title").textContent = `${order.label}${about}: ${projection}`;
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
  const name = `${wanted.order.label}: ${wanted.projection}`;
  try {
    const response = await fetch(`/projections/${wanted.projection}/${wanted.order.door}`, { method: "POST", headers, body });
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

// --- Parked events -----------------------------------------------------------------------------------------------------

function listParked(token, ask) {
  let projection = "";
  let after = 0;
  const order = (what, position) => {
    at("parked").close();
    ask(what, projection, position);
  };
  async function more() {
    at("parked-wrong").textContent = "";
    try {
      const address = `/projections/${projection}/parked-events?after=${after}&limit=${PARKED_AT_ONCE}`;
      const response = await fetch(address, { headers: { Authorization: `Bearer ${token()}` } });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.detail);
      at("parked-list").append(...answer.parkedEvents.map((it) => item(it, order)));
      after = answer.nextAfter;
      at("parked-more").hidden = after === null;
    } catch (error) {
      at("parked-wrong").textContent = `They cannot be read just now: ${error.message}`;
    }
  }
  at("parked-more").addEventListener("click", more);
  at("parked-back").addEventListener("click", () => at("parked").close());
  at("parked-retry").addEventListener("click", () => order(RETRY, 0));
  return (name) => {
    projection = name;
    after = 0;
    at("parked-title").textContent = `Parked events: ${name}`;
    at("parked-list").replaceChildren();
    at("parked-more").hidden = true;
    at("parked").showModal();
    more();
  };
}

function item(parked, order) {
  const made = document.createElement("li");
  const about = document.createElement("p");
  const code = document.createElement("code");
  code.textContent = parked.name;
  about.append(`${parked.position} `, code, ` ${parked.stream}, version ${parked.streamVersion}`);
  made.append(about);
  if (parked.error) {
    const error = document.createElement("p");
    error.className = "wrong";
    error.textContent = parked.error;
    made.append(error, choices(parked, order));
  }
  return made;
}

function choices(parked, order) {
  const group = document.createElement("div");
  group.className = "buttons";
  for (const what of [RETRY, SKIP]) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = `${what.label} ${parked.position}`;
    button.addEventListener("click", () => order(what, parked.position));
    group.append(button);
  }
  return group;
}

// The table: one row for each read model, made once and then kept, so that focus stays where it is while numbers change.
import { ORDERS, inHand } from "./acts.js";

const STATES = {
  stopped: "Stopped",
  paused: "Paused",
  building: "Being built",
  unled: "No worker",
  catching_up: "Catching up",
  live: "Live",
};
const PURPOSES = { first: "First rows", rebuild: "Rebuild", verification: "Verification", as_of: "As of a position", undo: "Undo" };
const STEPS = {
  waiting: "waiting",
  filling: "filling",
  indexing: "making indexes",
  catching_up: "catching up",
  comparing: "comparing",
  done: "done",
  cancelled: "cancelled",
  failed: "failed",
};
const COLUMNS = ["State", "In the rows", "Lag", "Speed", "Parked", "Made beside", "Order"];
const rows = new Map();
const ended = new Map();
const number = new Intl.NumberFormat("en").format;

/** Show how far the read models are. `open` opens the dialog of an order; `told` says what came to an end. */
export function show(progress, open, told) {
  document.getElementById("models").hidden = false;
  document.getElementById("summary").textContent = summary(progress);
  const body = document.getElementById("rows");
  for (const projection of progress.projections) {
    if (!rows.has(projection.name)) {
      rows.set(projection.name, makeRow(projection.name, open));
      body.append(rows.get(projection.name).row);
    }
    fill(rows.get(projection.name), projection);
    tellOfEnd(projection, told);
  }
}

function summary(progress) {
  const counts = Object.entries(STATES).map(([state, name]) => {
    const count = progress.projections.filter((it) => it.state === state).length;
    return count ? `${count} ${name.toLowerCase()}` : "";
  });
  return `The log has ${number(progress.head)} events. ${counts.filter(Boolean).join(", ")}.`;
}

function makeRow(name, open) {
  const row = element("tr", { role: "row" });
  const head = element("th", { role: "rowheader", scope: "row" });
  const title = element("p");
  title.textContent = name;
  const versions = element("p", { class: "small" });
  head.append(title, versions);
  const cells = COLUMNS.map((label) => element("td", { role: "cell", "data-label": label }));
  row.append(head, ...cells);
  const made = { row, versions, current: null };
  [made.state, made.rows, made.lag, made.speed, made.parked, made.build, made.orders] = cells;
  made.badge = element("span", { class: "state" });
  made.because = element("p", { class: "small" });
  made.state.append(inBlock(made.badge), made.because);
  made.reached = lines(made.rows);
  made.bar = progressBar(`${name}: part of the log that is in the rows`);
  made.rows.append(made.bar);
  for (const part of ["lag", "speed", "parked"]) made[`${part}Lines`] = lines(made[part]);
  made.buildBar = progressBar(`${name}: rows being made`);
  made.buildLines = lines(made.build);
  made.build.append(made.buildBar);
  made.orders.append(buttons(name, made, open));
  return made;
}

function buttons(name, made, open) {
  const group = element("div", { class: "orders", role: "group", "aria-label": `Orders for ${name}` });
  made.buttons = Object.entries(ORDERS).map(([key, order]) => {
    const button = element("button", { type: "button" });
    button.textContent = order.label;
    button.setAttribute("aria-label", `${order.label}: ${name}`);
    button.addEventListener("click", () => open(key, made.current));
    group.append(button);
    return [order, button];
  });
  return group;
}

function fill(made, projection) {
  made.current = projection;
  made.versions.textContent = [
    `version ${projection.version}`,
    ...projection.otherVersions.map((it) => `version ${it.version} at ${number(it.position)}`),
  ].join(", ");
  made.badge.dataset.state = projection.state;
  made.badge.textContent = STATES[projection.state];
  made.because.textContent = because(projection);
  say(made.reached, `${projection.percent} %`, `position ${number(projection.position)}`);
  made.bar.value = projection.percent;
  say(made.lagLines, plural(projection.lagEvents, "event"), duration(projection.lagS));
  say(made.speedLines, `${number(Math.round(projection.eventsPerS))} events/s`, left(projection.leftS));
  const streams = projection.parkedEvents ? `of ${plural(projection.parkedStreams, "stream")}` : "";
  say(made.parkedLines, number(projection.parkedEvents), streams);
  fillBuild(made, projection);
  const focused = document.activeElement;
  for (const [order, button] of made.buttons) button.hidden = !order.applies(projection);
  if (made.orders.contains(focused) && focused.hidden) firstButton(made)?.focus();
}

function because(projection) {
  if (projection.error) return projection.error;
  return projection.pause ? `${projection.pause.why} (${projection.pause.by}, ${instant(projection.pause.at)})` : "";
}

function fillBuild(made, projection) {
  const build = projection.build;
  made.buildBar.hidden = !build || !inHand(build);
  const kept = projection.previousPosition === null ? "" : `Rows of before are kept, at ${number(projection.previousPosition)}.`;
  if (!build) {
    say(made.buildLines, "", kept);
    return;
  }
  made.buildBar.value = build.percent;
  const step = inHand(build) ? `${STEPS[build.state]}, ${build.percent} %` : STEPS[build.state];
  const details = inHand(build)
    ? [build.running || build.state === "waiting" ? "" : "Interrupted: nobody is at it.", left(build.leftS)]
    : [build.outcome, build.endedAt ? instant(build.endedAt) : ""];
  say(made.buildLines, `${PURPOSES[build.purpose]}: ${step}`, [...details, kept].filter(Boolean).join(" "));
}

/** Say once that a build has come to an end, to those who do not watch the table. */
function tellOfEnd(projection, told) {
  const build = projection.build;
  if (!build) return;
  const before = ended.get(build.buildId);
  ended.set(build.buildId, !inHand(build));
  if (before === false && !inHand(build)) {
    told(`${PURPOSES[build.purpose]} of ${projection.name} ${STEPS[build.state]}. ${build.outcome}`);
  }
}

// --- Words and elements ------------------------------------------------------------------------------------------------

const plural = (count, what) => `${number(count)} ${what}${count === 1 ? "" : "s"}`;
const instant = (text) => new Date(text).toLocaleString();
const left = (seconds) => (seconds ? `${duration(seconds)} left` : "");

function duration(seconds) {
  if (seconds < 60) return `${number(Math.round(10 * seconds) / 10)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${number(Math.floor(seconds / 3600))} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function element(name, attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function inBlock(child) {
  const block = element("p");
  block.append(child);
  return block;
}

function lines(cell) {
  const both = [element("p"), element("p", { class: "small" })];
  cell.append(...both);
  return both;
}

function say([first, second], one, other) {
  if (first.textContent !== one) first.textContent = one;
  if (second.textContent !== other) second.textContent = other;
}

const progressBar = (label) => element("progress", { max: 100, "aria-label": label });
const firstButton = (made) => made.buttons.map((it) => it[1]).find((it) => !it.hidden);

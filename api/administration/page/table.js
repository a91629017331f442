// The read models: a row for each, made once and then kept, so that focus stays where it is while numbers change.
import { ORDERS, inHand } from "./acts.js";
import { cells, duration, element, instant, lines, number, orders, plural, progressBar, say, showOrders } from "./elements.js";

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
  const made = cells(name, COLUMNS);
  const [, rows, lag, speed, parked, build, ordered] = made.cells;
  made.reached = lines(rows);
  made.bar = progressBar(`${name}: part of the log that is in the rows`);
  rows.append(made.bar);
  made.lag = lines(lag);
  made.speed = lines(speed);
  made.parked = lines(parked);
  made.buildBar = progressBar(`${name}: rows being made`);
  made.buildLines = lines(build);
  build.append(made.buildBar);
  ordered.append(orders(name, made, ORDERS, open));
  return made;
}

function fill(made, projection) {
  made.current = projection;
  made.small.textContent = [
    `version ${projection.version}`,
    ...projection.otherVersions.map((it) => `version ${it.version} at ${number(it.position)}`),
  ].join(", ");
  made.badge.dataset.state = projection.state;
  made.badge.textContent = STATES[projection.state];
  made.because.textContent = because(projection);
  say(made.reached, `${projection.percent} %`, `position ${number(projection.position)}`);
  made.bar.value = projection.percent;
  say(made.lag, plural(projection.lagEvents, "event"), duration(projection.lagS));
  say(made.speed, `${number(Math.round(projection.eventsPerS))} events/s`, left(projection.leftS));
  const streams = projection.parkedEvents ? `of ${plural(projection.parkedStreams, "stream")}` : "";
  say(made.parked, number(projection.parkedEvents), streams);
  fillBuild(made, projection);
  showOrders(made);
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

const left = (seconds) => (seconds ? `${duration(seconds)} left` : "");

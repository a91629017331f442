// The reactors: a row for each, made once and then kept.
import { REACTOR_ORDERS } from "./acts.js";
import { cells, duration, instant, lines, number, orders, plural, say, showOrders } from "./elements.js";

const STATES = {
  stopped: "Stopped",
  paused: "Paused",
  unled: "No leader",
  parked: "Keys parked",
  catching_up: "Catching up",
  live: "Live",
};
const COLUMNS = ["State", "Checkpoint", "Lag", "Speed", "Waiting", "Leader", "Order"];
/** A reactor that is this many seconds behind catches up. */
const LATE_S = 5;
const rows = new Map();

/** Show how far the reactors are, and what waits. `open` opens the dialog of an order. */
export function showReactors(reactors, open) {
  document.getElementById("reactors").hidden = !reactors.length;
  document.getElementById("reactors-summary").textContent = summary(reactors);
  const body = document.getElementById("reactor-rows");
  for (const reactor of reactors) {
    if (!rows.has(reactor.name)) {
      rows.set(reactor.name, makeRow(reactor.name, open));
      body.append(rows.get(reactor.name).row);
    }
    fill(rows.get(reactor.name), reactor);
  }
  takeAway(new Set(reactors.map((it) => it.name)));
}

/** Take away the rows of followers that were removed. */
function takeAway(names) {
  for (const [name, made] of rows) {
    if (names.has(name)) continue;
    made.row.remove();
    rows.delete(name);
  }
}

function summary(reactors) {
  if (!reactors.length) return "None has run yet.";
  const counts = Object.entries(STATES).map(([state, name]) => {
    const count = reactors.filter((it) => stateOf(it) === state).length;
    return count ? `${count} ${name.toLowerCase()}` : "";
  });
  return `${counts.filter(Boolean).join(", ")}.`;
}

function stateOf(reactor) {
  if (reactor.pause) return "paused";
  if (reactor.error) return "stopped";
  if (!reactor.leader) return "unled";
  if (reactor.parkedKeys) return "parked";
  return reactor.lagS > LATE_S ? "catching_up" : "live";
}

function makeRow(name, open) {
  const made = cells(name, COLUMNS);
  const [, checkpoint, lag, speed, waiting, leader, ordered] = made.cells;
  made.checkpoint = lines(checkpoint);
  made.lag = lines(lag);
  made.speed = lines(speed);
  made.waiting = lines(waiting);
  made.leader = lines(leader);
  ordered.append(orders(name, made, REACTOR_ORDERS, open));
  return made;
}

function fill(made, reactor) {
  made.current = reactor;
  made.badge.dataset.state = stateOf(reactor);
  made.badge.textContent = STATES[stateOf(reactor)];
  made.because.textContent = because(reactor);
  say(made.checkpoint, `position ${number(reactor.position)}`, `${plural(reactor.reacted, "event")} reacted to`);
  say(made.lag, plural(reactor.lagEvents, "event"), duration(reactor.lagS));
  say(made.speed, `${number(Math.round(reactor.eventsPerS))} events/s`, "");
  const parked = reactor.parkedKeys ? `, ${number(reactor.parkedKeys)} parked` : "";
  const waiting = `${plural(reactor.waitingEvents, "event")}, the longest for ${duration(reactor.oldestS)}`;
  say(made.waiting, `${plural(reactor.waitingKeys, "key")}${parked}`, reactor.waitingKeys ? waiting : "");
  say(made.leader, reactor.leader || "None", "");
  showOrders(made);
}

function because(reactor) {
  const { pause, error, failedAt } = reactor;
  if (pause) return `${pause.why} (${pause.by}, ${instant(pause.at)})`;
  return error ? `${error} (since ${instant(failedAt)})` : "";
}

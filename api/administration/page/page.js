// The page at /administration: how far read models and reactors are, live, and orders for them. No library, nothing from
// elsewhere.
import { follow } from "./feed.js";
import { show } from "./table.js";
import { showReactors } from "./reactors.js";
import { makeDialogs } from "./acts.js";

const KEPT = "kroniek-token";
const at = (id) => document.getElementById(id);
const clock = () => new Date().toLocaleTimeString();
let newest = "";
let stop = () => {};

function connection(state, text) {
  at("connection").dataset.state = state;
  at("connection").textContent = text;
}

function told(text) {
  at("outcome").textContent = text;
}

const dialogs = makeDialogs(() => at("token").value.trim(), told);

const listener = {
  progress(progress) {
    newest = clock();
    show(progress, dialogs.openModel, told);
    showReactors(progress.reactors, dialogs.openReactor);
  },
  state(state, detail) {
    const from = newest ? ` The numbers below are those of ${newest}.` : "";
    if (state === "connecting") connection("none", `Connecting …${from}`);
    else if (state === "live") connection("live", "Live.");
    else if (state === "lost") connection("lost", `Connection lost: ${detail}${from}`);
    else connection("lost", `Not connected: ${detail}${from}`);
    if (state === "refused") at("token").focus();
  },
};

function enter(event) {
  event?.preventDefault();
  stop();
  const token = at("token").value.trim();
  if (!token) {
    connection("none", "Not connected: enter a token.");
    at("token").focus();
    return;
  }
  sessionStorage.setItem(KEPT, token);
  stop = follow(token, listener);
}

at("token").value = sessionStorage.getItem(KEPT) || "";
at("enter").addEventListener("submit", enter);
addEventListener("pagehide", () => stop());
if (at("token").value) enter();

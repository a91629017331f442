// The page that a browser finds at /graphql: an editor, an answer and the schema. No library, nothing from elsewhere.
"use strict";

const EXAMPLES = [
  ["Figures of 2021", `query Figures($period: String!) {
  figures(jurisdiction: BE, period: $period) {
    definition { id title { in(language: EN) } unit }
    value
    quality
    growth { percent factor }
    provenance { position }
  }
}`, { period: "2021" }],
  ["Organisations and what they take part in", `query Organisations($after: String) {
  organisations(first: 10, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    edges {
      node {
        name(language: EN)
        organisationType
        enrolments { role enrolledAt endedAt }
        services { name(language: EN) audience minimumLevel }
      }
    }
  }
}`, {}],
  ["Consents in force on a day in the past", `query Consents($asOf: DateTime) {
  activeConsents(jurisdiction: BE, asOf: $asOf) { asOf consents persons }
}`, { asOf: "2022-01-01T00:00:00+01:00" }],
  ["Messages by channel, and the newest with their timelines", `{
  messages(first: 5) {
    totals(by: [CHANNEL]) { channel messages }
    edges { node { sentAt status sender { name(language: NL) } timeline { happenedAt happening } } }
  }
}`, {}],
  ["Bus transactions by family and month", `query Bus($where: BusTransactionFilter) {
  busTransactions(where: $where, first: 5) {
    totalCount
    totals(by: [SERVICE_FAMILY, MONTH]) { serviceFamily month transactions }
    edges { node { acceptedAt serviceFamily status } }
  }
}`, { where: { acceptedAt: { since: "2022-01-01T00:00:00+01:00", until: "2022-07-01T00:00:00+02:00" } } }],
];

const INTROSPECTION = `query Schema {
  __schema {
    queryType { name }
    types {
      kind name description
      fields(includeDeprecated: true) {
        name description
        args { name type { ...Type } }
        type { ...Type }
      }
      inputFields { name description type { ...Type } }
      enumValues { name description }
    }
  }
}
fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`;

const at = (id) => document.getElementById(id);
const KEPT = {
  token: "kroniek-token",
  activity: "kroniek-activity",
  query: "kroniek-query",
  variables: "kroniek-variables",
};
let types = [];
let queryType = "Query";

async function ask(body) {
  const headers = { "Content-Type": "application/json", Accept: "application/graphql-response+json" };
  const token = at("token").value.trim();
  const position = at("position").value.trim();
  const activity = at("activity").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  if (position) headers["X-Position"] = position;
  if (activity) headers["Processing-Activity"] = activity;
  const response = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, answer: await response.json() };
}

function say(id, text, wrong) {
  at(id).textContent = text;
  at(id).classList.toggle("wrong", Boolean(wrong));
}

async function run(event) {
  event.preventDefault();
  const text = at("variables").value.trim();
  let variables = null;
  try {
    variables = text ? JSON.parse(text) : null;
  } catch (error) {
    say("status", `The variables are not JSON: ${error.message}`, true);
    at("variables").focus();
    return;
  }
  at("run").disabled = true;
  say("status", "Asking …");
  const started = performance.now();
  try {
    const { status, answer } = await ask({ query: at("query").value, variables });
    const errors = (answer.errors || []).length;
    const took = Math.round(performance.now() - started);
    say("status", `HTTP ${status}, ${took} ms, ${errors ? `${errors} error(s)` : "no errors"}.`, errors > 0);
    at("answer").textContent = JSON.stringify(answer, null, 2);
  } catch (error) {
    say("status", `No answer: ${error.message}`, true);
  } finally {
    at("run").disabled = false;
  }
}

const written = (type) => {
  if (type.kind === "NON_NULL") return `${written(type.ofType)}!`;
  if (type.kind === "LIST") return `[${written(type.ofType)}]`;
  return type.name;
};

function line(member) {
  const item = document.createElement("li");
  const code = document.createElement("code");
  const args = (member.args || []).map((it) => `${it.name}: ${written(it.type)}`).join(", ");
  code.textContent = member.name + (args ? `(${args})` : "") + (member.type ? `: ${written(member.type)}` : "");
  item.append(code);
  if (member.description) item.append(` ${member.description}`);
  return item;
}

function show(type, members, open) {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const title = document.createElement("h3");
  title.textContent = type.name;
  summary.append(title, ` ${type.kind.toLowerCase().replaceAll("_", " ")}`);
  details.append(summary);
  details.open = open;
  if (type.description) {
    const text = document.createElement("p");
    text.textContent = type.description;
    details.append(text);
  }
  const list = document.createElement("ul");
  list.append(...members.map(line));
  if (members.length) details.append(list);
  return details;
}

function find() {
  const wanted = at("find").value.trim().toLowerCase();
  const matches = (name) => name.toLowerCase().includes(wanted);
  const found = [];
  for (const type of types) {
    const members = type.fields || type.inputFields || type.enumValues || [];
    const kept = matches(type.name) ? members : members.filter((it) => matches(it.name));
    if (matches(type.name) || kept.length) found.push(show(type, kept, wanted !== "" || type.name === queryType));
  }
  at("types").replaceChildren(...found);
  say("found", `${found.length} of ${types.length} types.`);
}

async function load() {
  say("found", "Loading …");
  try {
    const { answer } = await ask({ query: INTROSPECTION });
    if (!answer.data) {
      say("found", answer.errors[0].message, true);
      return;
    }
    const schema = answer.data.__schema;
    queryType = schema.queryType.name;
    const first = (type) => (type.name === queryType ? "" : type.name);
    types = schema.types.filter((it) => !it.name.startsWith("__"));
    types.sort((one, other) => first(one).localeCompare(first(other)));
    at("find").disabled = false;
    find();
  } catch (error) {
    say("found", `No answer: ${error.message}`, true);
  }
}

function choose() {
  const [, query, variables] = EXAMPLES[Number(at("example").value)];
  at("query").value = query;
  at("variables").value = Object.keys(variables).length ? JSON.stringify(variables, null, 2) : "";
}

function hurry(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    at("ask").requestSubmit();
  }
}

function start() {
  EXAMPLES.forEach(([title], index) => at("example").append(new Option(title, index)));
  choose();
  for (const [id, key] of Object.entries(KEPT)) {
    const kept = sessionStorage.getItem(key);
    if (kept) at(id).value = kept;
    at(id).addEventListener("input", () => sessionStorage.setItem(key, at(id).value));
  }
  const asked = new URLSearchParams(location.search);
  for (const id of ["query", "variables"]) if (asked.has(id)) at(id).value = asked.get(id);
  at("example").addEventListener("change", choose);
  at("ask").addEventListener("submit", run);
  at("load").addEventListener("click", load);
  at("find").addEventListener("input", find);
  at("query").addEventListener("keydown", hurry);
  at("variables").addEventListener("keydown", hurry);
}

start();

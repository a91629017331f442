// The rows of both tables, and the words in them.
export const number = new Intl.NumberFormat("en").format;
export const plural = (count, what) => `${number(count)} ${what}${count === 1 ? "" : "s"}`;
export const instant = (text) => new Date(text).toLocaleString();

export function duration(seconds) {
  if (seconds < 60) return `${number(Math.round(10 * seconds) / 10)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${number(Math.floor(seconds / 3600))} h ${Math.floor((seconds % 3600) / 60)} min`;
}

export function element(name, attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** Make a row: its head, with a small line below, and a cell for each column, of which the first shows the state. */
export function cells(name, columns) {
  const row = element("tr", { role: "row" });
  const head = element("th", { role: "rowheader", scope: "row" });
  const title = element("p");
  title.textContent = name;
  const small = element("p", { class: "small" });
  head.append(title, small);
  const made = { row, small, current: null };
  made.cells = columns.map((label) => element("td", { role: "cell", "data-label": label }));
  row.append(head, ...made.cells);
  made.badge = element("span", { class: "state" });
  made.because = element("p", { class: "small" });
  const block = element("p");
  block.append(made.badge);
  made.cells[0].append(block, made.because);
  return made;
}

export function lines(cell) {
  const both = [element("p"), element("p", { class: "small" })];
  cell.append(...both);
  return both;
}

export function say([first, second], one, other) {
  if (first.textContent !== one) first.textContent = one;
  if (second.textContent !== other) second.textContent = other;
}

export const progressBar = (label) => element("progress", { max: 100, "aria-label": label });

/** Make the buttons of a row. `open` opens the dialog of an order. */
export function orders(name, made, choices, open) {
  const group = element("div", { class: "orders", role: "group", "aria-label": `Orders for ${name}` });
  made.buttons = Object.entries(choices).map(([key, order]) => {
    const button = element("button", { type: "button" });
    button.textContent = order.label;
    button.setAttribute("aria-label", `${order.label}: ${name}`);
    button.addEventListener("click", () => open(key, made.current));
    group.append(button);
    return [order, button];
  });
  return group;
}

/** Show the buttons that apply now; where the one with the focus goes, the first one of its row gets it. */
export function showOrders(made) {
  const focused = document.activeElement;
  for (const [order, button] of made.buttons) button.hidden = !order.applies(made.current);
  const first = made.buttons.map((it) => it[1]).find((it) => !it.hidden);
  if (made.row.contains(focused) && focused.hidden) first?.focus();
}

// Build elements. Texts are always set as text, never as markup.
import { S } from "./strings.js";

const SHOWN_MS = 5000;

export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  set(node, properties);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// A name with places for a line break after its slashes and underscores.
export function breakable(name) {
  return name.split(/(?<=[/_])/).flatMap((part) => [part, element("wbr")]);
}

export function set(node, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name === "class") node.className = value;
    else if (name === "dataset") Object.assign(node.dataset, value);
    else if (name === "style") Object.assign(node.style, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function button(text, onclick, properties = {}) {
  return element("button", { type: "button", onclick, ...properties }, text);
}

export function keyHint(key) {
  return element("kbd", { "aria-hidden": "true" }, key);
}

export function announce(text) {
  document.getElementById("live").textContent = text;
}

// Show a message in the corner. Errors stay until they are closed; of the others the newest is shown.
export function notify(text, { error = false } = {}) {
  const messages = document.getElementById("messages");
  const same = [...messages.children].find((each) => (error ? each.textContent.startsWith(text) : !each.classList.contains("error")));
  same?.remove();
  const close = button("×", () => message.remove(), { "aria-label": S.closeMessage });
  const message = element("div", { class: error ? "message error" : "message" }, element("p", {}, text), close);
  message.addEventListener("mousedown", (event) => event.preventDefault()); // the images keep the keyboard
  messages.append(message);
  if (!error) setTimeout(() => message.remove(), SHOWN_MS);
}

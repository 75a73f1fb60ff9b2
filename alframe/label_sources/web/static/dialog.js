// Questions in a modal window. The browser's own <dialog> keeps the focus inside and gives it back.
import { button, element } from "./dom.js";
import { letterOf } from "./keys.js";
import { S } from "./strings.js";

let opened = 0;

export function openDialog(title, content, { wide = false, onclose = () => {} } = {}) {
  const close = button("×", () => dialog.close(), { class: "close", "aria-label": S.close });
  const heading = element("h2", { id: `dialog-${++opened}` }, title);
  const dialog = element("dialog", { class: wide ? "wide" : "", "aria-labelledby": heading.id }, element("header", {}, heading, close), content);
  document.body.append(dialog);
  // Keys meant for the dialog must not reach the images behind it.
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  dialog.addEventListener("click", (event) => event.target === dialog && isOutside(dialog, event) && dialog.close());
  const closed = new Promise((resolve) => dialog.addEventListener("close", () => {
    dialog.remove();
    onclose();
    resolve(dialog.answer);
  }));
  dialog.showModal();
  if (document.activeElement === close) (content.querySelector("button, input, a") ?? content).focus();
  return { dialog, closed };
}

function isOutside(dialog, { clientX: x, clientY: y }) {
  const { left, right, top, bottom } = dialog.getBoundingClientRect();
  return x < left || x > right || y < top || y > bottom;
}

// Ask with one button per choice. Returns the chosen value, or undefined when the question is closed. A key that
// matches `keys` is an answer too.
export async function ask(question, choices, { keys = null } = {}) {
  const buttons = choices.map(({ text, value }) => button(text, () => finish(value)));
  const { dialog, closed } = openDialog(question, element("div", { class: "choices" }, buttons));
  const finish = (value) => {
    dialog.answer = value;
    dialog.close();
  };
  if (keys) dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys.test(letterOf(event))) return;
    event.preventDefault();
    finish(letterOf(event));
  });
  return closed;
}

// Ask for a line of text below some words. Returns it, or undefined when the question is closed.
export async function askText(question, { value = "", words = [], label = question, button: text = S.ok, onopen = () => {} } = {}) {
  const input = element("input", { type: "text", maxLength: 300, autocomplete: "off" });
  input.value = value;
  const form = element("form", { method: "dialog", class: "text-question" }, words.map((each) => element("p", {}, each)),
    element("label", {}, element("span", {}, label), input), element("button", { type: "submit" }, text));
  const { dialog, closed } = openDialog(question, form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.answer = input.value.trim();
    dialog.close();
  });
  input.focus();
  input.select();
  onopen(dialog);
  return closed;
}

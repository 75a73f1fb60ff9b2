// Questions in a modal window. The browser's own <dialog> keeps the focus inside and gives it back.
import { button, element } from "./dom.js";
import { S } from "./strings.js";

export function openDialog(title, content, { wide = false } = {}) {
  const close = button("×", () => dialog.close(), { class: "close", "aria-label": S.close });
  const heading = element("h2", { id: `dialog-${Date.now()}` }, title);
  const dialog = element("dialog", { class: wide ? "wide" : "", "aria-labelledby": heading.id }, element("header", {}, heading, close), content);
  document.body.append(dialog);
  // Keys meant for the dialog must not reach the images behind it.
  dialog.addEventListener("keydown", (event) => event.stopPropagation());
  const closed = new Promise((resolve) => dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(dialog.answer);
  }));
  dialog.showModal();
  return { dialog, closed };
}

// Ask with one button per choice. Returns the chosen value, or undefined when the question is closed.
export async function ask(question, choices, { anyKey = null } = {}) {
  const buttons = choices.map(({ text, value }) => button(text, () => finish(value)));
  const { dialog, closed } = openDialog(question, element("div", { class: "choices" }, buttons));
  const finish = (value) => {
    dialog.answer = value;
    dialog.close();
  };
  if (anyKey) dialog.addEventListener("keydown", (event) => {
    if (anyKey.test(event.key.toLowerCase())) finish(event.key.toLowerCase());
  });
  return closed;
}

// Ask for a line of text. Returns it, or undefined when the question is closed.
export async function askText(question, { value = "", hint = "", button: label = S.ok } = {}) {
  const input = element("input", { type: "text", maxLength: 100, autocomplete: "off", "aria-label": question });
  input.value = value;
  const form = element("form", { method: "dialog", class: "text-question" }, hint ? element("p", {}, hint) : null, input, element("button", { type: "submit" }, label));
  const { dialog, closed } = openDialog(question, form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.answer = input.value.trim();
    dialog.close();
  });
  input.focus();
  input.select();
  return closed;
}

// One place for the keyboard. Views and dialogs push a handler; the newest that takes the key ends its way.
const handlers = [];

// handler(event, name) returns true when it has used the key. `name` is like "Ctrl+z", "Shift+ArrowLeft", "f", "F".
export function pushKeys(handler) {
  handlers.push(handler);
  return () => handlers.splice(handlers.indexOf(handler), 1);
}

export function keyName(event) {
  const shift = event.shiftKey && event.key.length > 1 ? "Shift+" : "";
  const control = event.ctrlKey || event.metaKey ? (event.shiftKey && event.key.length === 1 ? "Ctrl+Shift+" : "Ctrl+") : "";
  const alt = event.altKey ? "Alt+" : "";
  const key = event.key.length === 1 && control ? event.key.toLowerCase() : event.key;
  return control + alt + shift + (key === " " ? "Space" : key);
}

// The letter or digit of a key, whatever Shift makes of it and whatever script the keyboard writes.
export function letterOf(event) {
  const typed = event.key.toLowerCase();
  const place = /^(?:Digit|Numpad)([0-9])$|^Key([A-Z])$/.exec(event.code);
  if (event.shiftKey && place?.[1]) return place[1];
  if (typed === "_") return "-";
  return /^[\x20-\x7e]$/.test(typed) || !place?.[2] ? typed : place[2].toLowerCase();
}

function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || isTyping(event.target)) return;
  const name = keyName(event);
  // Enter and Space on a focused button, link or summary do what they do everywhere.
  const target = event.target;
  if ((name === "Enter" || name === "Space") && target instanceof HTMLElement && target.closest("button, a, summary, [role=tab]")) return;
  for (const handler of [...handlers].reverse()) {
    if (handler(event, name)) {
      event.preventDefault();
      return;
    }
  }
});

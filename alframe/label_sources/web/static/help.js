// All keys at a glance, and the three sentences of a first visit.
import { openDialog } from "./dialog.js";
import { element } from "./dom.js";
import { S } from "./strings.js";

export function openHelp() {
  const sections = S.keys.map(([title, rows]) => element("section", {}, element("h3", {}, title),
    element("table", { class: "keys" }, element("tbody", {}, rows.map(([keys, meaning]) => element("tr", {},
      element("th", { scope: "row" }, keys.split(" ").map((key) => element("kbd", {}, key.replaceAll("␣", " ")))), element("td", {}, meaning)))))));
  openDialog(S.help, element("div", { class: "help" }, sections), { wide: true });
}

export async function openWelcome() {
  const start = element("button", { type: "button", autofocus: true, onclick: () => opened.dialog.close() }, S.start);
  const opened = openDialog(S.welcome, element("div", { class: "welcome" }, S.welcomeSentences.map((sentence) => element("p", {}, sentence)), start));
  await opened.closed;
}

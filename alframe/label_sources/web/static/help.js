// All keys at a glance.
import { openDialog } from "./dialog.js";
import { element } from "./dom.js";
import { S } from "./strings.js";

export function openHelp() {
  const sections = S.keys.map(([title, rows]) => element("section", {}, element("h3", {}, title),
    element("table", { class: "keys" }, element("tbody", {}, rows.map(([keys, meaning]) => element("tr", {},
      element("th", { scope: "row" }, keys.split(" ").map((key) => element("kbd", {}, key))), element("td", {}, meaning)))))));
  openDialog(S.help, element("div", { class: "help", tabindex: 0, role: "group", "aria-label": S.help }, sections), { wide: true });
}

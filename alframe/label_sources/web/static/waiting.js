// What is shown while there is nothing to label.
import { element } from "./dom.js";
import { store } from "./store.js";
import { S } from "./strings.js";

export function waitingPanel(takenByOthers = 0) {
  if (!store.connected) return panel("busy", S.noConnection, [element("p", {}, S.offline)]);
  const { phase = "starting", message = "", report = null } = store.state ?? {};
  const { batch = null, people = [] } = store.state ?? {};
  const left = batch ? Math.min(takenByOthers, batch.asked - batch.answered) : 0; // some may have been answered since
  const others = phase === "waiting" && left > 0;
  const isAlone = !people.some((person) => person.online && person.name !== store.me.name);
  const busy = !others && phase !== "done";
  return panel(busy ? "busy" : "", others ? (isAlone ? S.onOwnPage(left) : S.withOthers(left)) : S.phase[phase] ?? phase, [
    element("p", {}, message),
    phase === "done" ? element("p", {}, S.doneNext) : element("p", { class: "hint" }, S.staysOpen),
    report ? element("p", {}, element("a", { href: report, target: "_blank", rel: "noopener" }, S.report)) : null,
  ]);
}

function panel(kind, title, content) {
  return element("div", { class: `waiting ${kind}`, role: "status" }, element("h2", {}, title), content);
}

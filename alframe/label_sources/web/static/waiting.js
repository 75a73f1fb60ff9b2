// What is shown while there is nothing to label.
import { element } from "./dom.js";
import { store } from "./store.js";
import { S } from "./strings.js";

export function waitingPanel(takenByOthers = 0) {
  if (!store.connected) return panel("busy", S.noConnection, [element("p", {}, S.offline)]);
  const { phase = "starting", message = "", report = null, report_problem: problem = "" } = store.state ?? {};
  const others = phase === "waiting" && takenByOthers > 0;
  const busy = !others && phase !== "done";
  return panel(busy ? "busy" : "", others ? S.withOthers(takenByOthers) : S.phase[phase] ?? phase, [
    element("p", {}, message),
    problem ? element("p", { class: "problem" }, problem) : null,
    phase === "done" ? element("p", {}, S.doneNext) : element("p", { class: "hint" }, S.staysOpen),
    report ? element("p", {}, element("a", { href: report, target: "_blank", rel: "noopener" }, S.report)) : null,
  ]);
}

function panel(kind, title, content) {
  return element("div", { class: `waiting ${kind}`, role: "status" }, element("h2", {}, title), content);
}

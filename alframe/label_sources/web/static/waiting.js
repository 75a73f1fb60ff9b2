// What is shown while there is nothing to label.
import { element } from "./dom.js";
import { store } from "./store.js";
import { S } from "./strings.js";

export function waitingPanel(takenByOthers = 0) {
  const { phase = "starting", message = "", report = null } = store.state ?? {};
  const others = phase === "waiting" && takenByOthers > 0;
  const busy = !others && (phase === "starting" || phase === "embedding" || phase === "learning" || phase === "waiting");
  return element("div", { class: `waiting ${busy ? "busy" : ""}`, role: "status" },
    element("h2", {}, others ? S.withOthers(takenByOthers) : S.phase[phase] ?? phase),
    element("p", {}, message),
    busy ? element("p", { class: "hint" }, S.staysOpen) : null,
    phase === "done" ? element("p", {}, S.doneNext) : null,
    report ? element("p", {}, element("a", { href: report, target: "_blank", rel: "noopener" }, S.report)) : null);
}

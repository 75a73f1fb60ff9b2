// How far the campaign is, in numbers and as a curve.
import { get } from "./api.js";
import { curveChart } from "./curve.js";
import { element } from "./dom.js";
import { store } from "./store.js";
import { S } from "./strings.js";

const REFRESH_MS = 5000;

export class ProgressView {
  node = element("div", { class: "view progress-view" });
  #timer;
  #shown = "";

  async start() {
    this.#timer = setInterval(() => this.#load(), REFRESH_MS);
    await this.#load();
  }

  stop() {
    clearInterval(this.#timer);
  }

  focus() {}

  async #load() {
    let progress;
    try {
      progress = await get("/api/progress");
    } catch (error) {
      if (!this.#shown) this.node.replaceChildren(element("p", { class: "waiting" }, error.message));
      return;
    }
    const shown = JSON.stringify(progress);
    if (shown === this.#shown) return; // nothing moves under the reader
    this.#shown = shown;
    this.#draw(progress);
  }

  #draw(progress) {
    const batch = store.state?.batch;
    const facts = [
      [S.labels, number(progress.labels)],
      [S.poolImages, number(progress.pool)],
      [S.unlabelled, number(progress.unlabelled)],
      [S.openBatch, batch ? S.share(batch.answered, batch.asked) : S.none],
      [S.imagesAnHour, progress.images_per_hour === null ? S.notYet : number(progress.images_per_hour)],
      [S.timeLeft, progress.hours_left === null ? S.notYet : S.hours(progress.hours_left)],
    ];
    if (progress.labels_left !== null) facts.push([S.budgetLeft, number(progress.labels_left)]);
    if (progress.skipped) facts.push([S.skippedBefore, number(progress.skipped)]);
    this.node.replaceChildren(
      element("dl", { class: "facts-grid" }, facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)))),
      element("div", { class: "cards" },
        section(S.accuracy, this.#accuracy(progress)),
        section(S.classes, table([S.class, S.labels, S.recall, S.precision], progress.classes.map((each) => [each.name, number(each.labels), recall(each), percent(each.precision)])), [progress.classes_measured_on && S.measuredOn(progress.classes_measured_on), progress.unseen_classes].filter(Boolean).join(" ")),
        section(S.people, table([S.person, S.answeredInBatch, S.imagesAnHour, S.now], progress.people.map((each) => [each.name || S.nameless, number(each.answered), each.images_per_hour === null ? S.notYet : number(each.images_per_hour), each.online ? S.online : S.away]))),
        progress.agreement.length ? section(S.agreement, table([S.people, S.imagesOfBoth, S.sameAnswer, S.kappa], progress.agreement.map((each) => [`${each.first || S.nameless} – ${each.second || S.nameless}`, number(each.images), percent(each.agreement), each.kappa === null ? S.notMeasured : each.kappa.toFixed(2)]))) : "",
        section(S.rounds, table([S.round, S.asked, S.answeredHere, S.secondsAnImage], progress.rounds.map((each) => [each.round, number(each.asked), number(each.answered), each.seconds_per_image === null ? "–" : each.seconds_per_image.toFixed(1)])))),
      progress.report ? element("p", {}, element("a", { href: progress.report, target: "_blank", rel: "noopener" }, S.report)) : "");
  }

  // What speaks of the pool comes first, also where it was measured on few images.
  #accuracy({ estimates, curves: { audit, evaluation } }) {
    const curves = [{ kind: "audit", points: audit }, { kind: "evaluation", points: evaluation }].filter(({ points }) => points.length);
    if (!curves.length) return element("p", { class: "hint" }, S.noCurve);
    const [rows, others] = [audit.at(-1), evaluation.at(-1)].map((point, place) => (point ? measured(place ? "evaluation" : "audit", point, place ? [] : estimates) : []));
    return element("div", {}, rows, others, curveChart(curves, curves.map(({ kind, points }) => S.curveTitle(S.measured[kind](points.at(-1)), points)).join(". ")));
  }
}

// One estimate a row, the curve's own the last, then the images that all of them were measured on.
function measured(kind, point, estimates) {
  const rows = [...estimates, { ...point, kind }].map((each) => [element("dt", { class: each.kind }, S.measured[each.kind](each)), element("dd", {}, S.shareRight(each))]);
  return element("div", { class: "measured" }, element("dl", {}, rows.flat()), element("p", { class: "hint" }, S.sample(point)));
}

function section(title, content, note = null) {
  return element("section", { class: "card" }, element("h2", {}, title), content, note ? element("p", { class: "hint" }, note) : null);
}

function table(head, rows) {
  if (!rows.length) return element("p", { class: "hint" }, S.none);
  return element("div", { class: "table-room", tabindex: 0, role: "group", "aria-label": head[0] },
    element("table", {}, element("thead", {}, element("tr", {}, head.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, rows.map((row) => element("tr", {}, row.map((cell) => element("td", {}, `${cell}`)))))));
}

const number = (value) => value.toLocaleString(undefined, { maximumFractionDigits: 0 });
const recall = (each) => percent(each.recall) + (each.recall_low === null || each.recall === null ? "" : S.bounds(each.recall_low, each.recall_high));
const percent = (value) => (value === null || value === undefined ? S.notMeasured : S.percent(value));

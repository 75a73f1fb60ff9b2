// All answered images, to look at again and to correct.
import { get } from "./api.js";
import { BrowseView, choice } from "./browse.js";
import { element } from "./dom.js";
import { store } from "./store.js";
import { S } from "./strings.js";

const NAMELESS = " "; // those who gave no name; an empty value stands for everybody

export class ReviewView extends BrowseView {
  #chosen = { class: "", person: "", round: "", order: "newest", disagree: "" };

  constructor() {
    super("review");
  }

  path() {
    return "/api/review";
  }

  parameters() {
    return this.#chosen;
  }

  async prepare() {
    const { classes, people, rounds, disagree } = await get("/api/review/filters");
    const all = [S.all, ""];
    const filter = (label, name, options) => choice(label, options, this.#chosen[name], (value) => {
      this.#chosen[name] = value;
      this.reload();
    });
    this.filters.replaceChildren(
      filter(S.class, "class", [all, ...classes.map((each) => [S.withCount(each), each.name])]),
      filter(S.person, "person", [all, ...people.map((each) => [S.withCount({ ...each, name: each.name || S.nameless }), each.name || NAMELESS])]),
      filter(S.round, "round", [all, ...rounds.map((each) => [S.withCount({ ...each, name: each.round }), each.round])]),
      filter(S.order, "order", [[S.newest, "newest"], [S.byClass, "class"], [S.byDoubt, "doubt"]]),
      ...(disagree ? [filter(S.show, "disagree", [[S.all, ""], [S.onlyDisagreement(disagree), "1"]])] : []),
      element("div", { class: "actions" }, this.similarButton, this.openButton));
  }

  hasHeadings() {
    return this.#chosen.order === "class";
  }

  titleOf(image) {
    return this.#chosen.order === "class" ? (image.answers?.[0]?.classes.join(" + ") ?? S.unanswered) : S.labelled;
  }

  // What speaks against the answer: other people's, or the model's.
  noteOf({ answers = [], answer, predicted = null }) {
    const said = (one) => one.classes.join(" + ");
    if (new Set(answers.map(said)).size > 1) return answers.map((one) => S.saidBy(one.name || S.nameless, said(one))).join(" · ");
    return this.#chosen.order === "doubt" && predicted && predicted.class !== (answer && said(answer)) ? S.modelSays(predicted) : "";
  }

  // The answer shown is what people said last, whoever it was; after an undo, what the others had said.
  completed(image, reversed = false) {
    const others = (image.answers ?? []).filter((one) => !reversed || one.name !== store.me.name);
    return { ...image, answer: image.answer ?? others[0] ?? null };
  }

  summarise({ total, held_back: heldBack = 0 }) {
    if (!total && this.#chosen.order !== "doubt") return S.nothingToReview;
    return this.#chosen.order === "doubt" && heldBack ? `${S.found(total)} ${S.heldBack(heldBack)}` : `${S.found(total)} ${S.reviewSettles}`;
  }
}

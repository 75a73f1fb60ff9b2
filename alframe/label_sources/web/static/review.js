// All answered images, to look at again and to correct.
import { get } from "./api.js";
import { BrowseView, choice } from "./browse.js";
import { S } from "./strings.js";

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
      filter(S.class, "class", [all, ...classes.map((each) => [`${each.name} (${each.count})`, each.name])]),
      filter(S.person, "person", [all, ...people.map((each) => [`${each.name || S.nameless} (${each.count})`, each.name])]),
      filter(S.round, "round", [all, ...rounds.map((each) => [`${each.round} (${each.count})`, each.round])]),
      filter(S.order, "order", [[S.newest, "newest"], [S.byClass, "class"], [S.byDoubt, "doubt"]]),
      filter(S.show, "disagree", [[S.all, ""], [S.onlyDisagreement(disagree), "1"]]),
      this.openButton());
  }

  groupsOf(images) {
    const byClass = this.#chosen.order === "class";
    const groups = [];
    for (const image of images) {
      const title = byClass ? (image.answers?.[0]?.classes.join(" + ") ?? S.unanswered) : S.labelled;
      if (groups.at(-1)?.title !== title) groups.push({ title, suggested: null, images: [] });
      groups.at(-1).images.push(withStandingAnswer(image));
    }
    return groups;
  }

  summarise({ total, held_back: heldBack = 0 }) {
    return this.#chosen.order === "doubt" && heldBack ? `${S.found(total)} ${S.heldBack(heldBack)}` : S.found(total);
  }
}

// In a review the answer shown is what people said last, whoever it was.
function withStandingAnswer(image) {
  image.answer ??= image.answers?.[0] ?? null;
  return image;
}

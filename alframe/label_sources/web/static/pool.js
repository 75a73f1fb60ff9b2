// The unlabelled pool by predicted class and confidence, and images that look like a given one.
import { get } from "./api.js";
import { BrowseView, choice } from "./browse.js";
import { button, element } from "./dom.js";
import { store } from "./store.js";
import { S } from "./strings.js";

export class PoolView extends BrowseView {
  #chosen = { class: "", range: "", order: "confident" };
  #likeImage;
  #likeClass = "";
  #predicted = [];

  // likeImage: the number of the image to begin with.
  constructor(likeImage) {
    super("find");
    this.#likeImage = likeImage === undefined ? null : Number(likeImage);
  }

  get #isSimilar() {
    return this.#likeImage !== null || this.#likeClass !== "";
  }

  path() {
    return this.#isSimilar ? "/api/similar" : "/api/pool";
  }

  parameters() {
    if (this.#likeImage !== null) return { image: this.#likeImage };
    if (this.#likeClass) return { class: this.#likeClass };
    const [min, max] = this.#chosen.range.split("-");
    return { class: this.#chosen.class, order: this.#chosen.order, min, max };
  }

  async prepare() {
    try {
      this.#predicted = (await get("/api/pool/classes")).classes;
      this.#chosen.class ||= this.#predicted[0]?.name ?? "";
    } catch {
      this.#predicted = []; // no model yet: the list below says so in words
    }
    this.#drawFilters();
  }

  #drawFilters() {
    const labelled = store.classes.filter((each) => each.count > 0 && each.kind !== "unsure");
    const filter = (label, name, options) => choice(label, options, this.#chosen[name], (value) => this.#show(null, "", { [name]: value }));
    const none = this.#isSimilar ? [["–", ""]] : [];
    if (this.#isSimilar) this.#chosen.class = "";
    this.filters.replaceChildren(
      filter(S.predictedClass, "class", [...none, ...this.#predicted.map((each) => [S.withCount(each), each.name])]),
      filter(S.confidence, "range", [[S.all, ""], ["≥ 90 %", "0.9-1"], ["50–90 %", "0.5-0.9"], ["< 50 %", "0-0.5"]]),
      filter(S.order, "order", [[S.mostCertain, "confident"], [S.leastCertain, "doubtful"]]),
      choice(S.likeClass, [["–", ""], ...labelled.map((each) => [each.name, each.name])], this.#likeClass, (value) => this.#show(null, value)),
      element("div", { class: "actions" }, this.#isSimilar ? button(S.backToPool, () => this.#show(null, "")) : null, this.similarButton, this.openButton));
  }

  findSimilar(id) {
    if (id !== null) this.#show(id, "");
  }

  async #show(image, likeClass, chosen = {}) {
    this.#likeImage = image;
    this.#likeClass = likeClass;
    Object.assign(this.#chosen, chosen);
    if (!this.#isSimilar) this.#chosen.class ||= this.#predicted[0]?.name ?? "";
    const label = document.activeElement?.closest?.(".choice")?.textContent;
    await this.reload();
    this.#drawFilters();
    const again = label && [...this.filters.querySelectorAll(".choice")].find((each) => each.firstChild.textContent && label.startsWith(each.firstChild.textContent));
    again?.querySelector("select").focus();
  }

  titleOf() {
    if (this.#likeImage !== null) return S.similarToImage;
    return this.#likeClass ? S.similarToClass(this.#likeClass) : S.predictedAs(this.#chosen.class);
  }

  noteOf({ predicted = null, similarity = null }) {
    return [similarity !== null && S.similarity(similarity), predicted && S.predicted(predicted)].filter(Boolean).join(" · ");
  }

  summarise({ total }) {
    return total ? `${S.found(total)} ${S.foundAreMarked}` : S.nothingFound;
  }
}

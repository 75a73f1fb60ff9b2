// The unlabelled pool by predicted class and confidence, and images that look like a given one.
import { get } from "./api.js";
import { BrowseView, choice } from "./browse.js";
import { button } from "./dom.js";
import { store } from "./store.js";
import { S } from "./strings.js";

export class PoolView extends BrowseView {
  #chosen = { class: "", order: "confident" };
  #likeImage = null;
  #likeClass = "";
  #predicted = [];

  constructor() {
    super("find");
  }

  path() {
    return this.#likeImage !== null || this.#likeClass ? "/api/similar" : "/api/pool";
  }

  parameters() {
    if (this.#likeImage !== null) return { image: this.#likeImage };
    return this.#likeClass ? { class: this.#likeClass } : this.#chosen;
  }

  async prepare() {
    try {
      this.#predicted = (await get("/api/pool/classes")).classes;
      this.#chosen.class ||= this.#predicted[0]?.name ?? "";
    } catch {
      this.#predicted = []; // no model yet: the list below says so in words
    }
    this.drawActions();
  }

  drawActions() {
    const similar = this.#likeImage !== null || this.#likeClass !== "";
    const labelled = store.classes.filter((each) => each.count > 0 && each.kind !== "unsure");
    this.filters.replaceChildren(
      choice(S.predictedClass, this.#predicted.map((each) => [`${each.name} (${each.count})`, each.name]), this.#chosen.class, (value) => this.#choose({ class: value })),
      choice(S.order, [[S.mostCertain, "confident"], [S.leastCertain, "doubtful"]], this.#chosen.order, (value) => this.#choose({ order: value })),
      choice(S.likeClass, [[S.none, ""], ...labelled.map((each) => [each.name, each.name])], this.#likeClass, (value) => this.#like(null, value)),
      button(S.likeThis, () => this.#like(this.tiles.cursor, ""), { disabled: this.tiles.cursor === null }),
      similar ? button(S.backToPool, () => this.#like(null, "")) : "",
      this.openButton());
  }

  #choose(change) {
    Object.assign(this.#chosen, change);
    this.#like(null, "");
  }

  #like(image, className) {
    this.#likeImage = image;
    this.#likeClass = className;
    this.reload().then(() => this.drawActions());
  }

  title() {
    if (this.#likeImage !== null) return S.similarToImage;
    return this.#likeClass ? S.similarToClass(this.#likeClass) : S.predictedAs(this.#chosen.class);
  }

  summarise({ total }) {
    return S.found(total);
  }
}

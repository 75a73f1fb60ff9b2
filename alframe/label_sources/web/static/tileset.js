// Tiles in groups with a cursor and marks: what the batch grid, the review and the pool have in common.
import { button, element, keyHint } from "./dom.js";
import { enableMarking } from "./marking.js";
import { S } from "./strings.js";
import { decode, describe, tile } from "./tiles.js";

export class TileSet {
  images = new Map(); // id -> image, in the order shown
  marks = new Set();
  cursor = null; // id
  #tiles = new Map();
  #groups = []; // {title, suggested, ids, node}
  #onchange;

  // groupsOf(images) -> [{title, images, hintFor(images without an answer), heading: false for none, confirmable: each image has a suggestion, mixed: of several classes}].
  // onconfirm(group) is the button of a group;
  // noteOf(image) are a few words on its tile.
  constructor({ groupsOf, onopen, onchange = () => {}, onconfirm = null, noteOf = () => "" }) {
    this.node = element("div", { class: "tiles" });
    Object.assign(this, { groupsOf, onconfirm, noteOf });
    this.#onchange = onchange;
    enableMarking(this.node, { onmark: (ids, how) => this.mark(ids, how), onopen });
    this.node.addEventListener("focusin", (event) => {
      const focused = event.target.closest(".tile");
      if (focused) this.#setCursor(Number(focused.dataset.image));
    });
  }

  // Make the tiles of images that are shown later, decoded.
  async prepare(images) {
    const tiles = new Map(images.map((image) => [image.image, tile(image, this.noteOf(image))]));
    await decode(tiles.values());
    return tiles;
  }

  // `tiles`: those that were prepared, of any of the images.
  show(images, tiles = new Map()) {
    this.images = new Map();
    this.marks.clear();
    this.#tiles = new Map();
    this.#groups = [];
    this.node.replaceChildren();
    this.node.scrollTop = 0;
    this.cursor = null;
    this.append(images, tiles);
    this.moveTo(this.unanswered()[0]?.image ?? images[0]?.image);
  }

  // Add images behind those shown, which stay as they are.
  append(images, tiles = new Map()) {
    const added = images.filter((image) => !this.images.has(image.image));
    for (const image of added) {
      this.images.set(image.image, image);
      this.#tiles.set(image.image, tiles.get(image.image) ?? tile(image, this.noteOf(image)));
    }
    for (const group of this.groupsOf(added)) {
      const last = this.#groups.at(-1);
      const ids = group.images.map((image) => image.image);
      if (last && last.title === group.title && !group.confirmable) {
        last.ids.push(...ids);
        last.tiles.append(...ids.map((id) => this.#tiles.get(id)));
        this.#describeGroup(last);
      } else {
        this.#groups.push({ ...group, ids });
        this.node.append(this.#section(this.#groups.at(-1)));
      }
    }
    this.#onchange();
  }

  #section(group) {
    group.count = element("span", { class: "count" });
    group.confirm = group.confirmable && this.onconfirm
      ? button([group.mixed ? S.confirmEach : S.confirmClass(group.title, group.ids.length), keyHint("Enter")], () => this.onconfirm(group), { class: "confirm", tabindex: -1 }) : null;
    group.tiles = element("div", { class: "group-tiles", role: "listbox", "aria-multiselectable": "true", "aria-label": group.title }, group.ids.map((id) => this.#tiles.get(id)));
    group.hint = element("span", { class: "hint" });
    const title = group.heading === false ? null : element("header", { class: "group-title" }, element("h2", {}, group.title), group.count, group.hint, group.confirm);
    group.node = element("section", { class: group.mixed ? "group mixed" : "group" }, title, group.tiles);
    this.#describeGroup(group);
    return group.node;
  }

  #describeGroup(group) {
    const open = group.ids.map((id) => this.images.get(id)).filter((image) => image && !image.answer);
    group.count.textContent = this.onconfirm ? S.groupCount(open.length, group.ids.length) : ""; // elsewhere more may follow
    group.hint.textContent = group.hintFor?.(open) ?? "";
    group.node.classList.toggle("finished", !open.length);
    if (group.confirm) group.confirm.disabled = open.every((image) => image.rejected);
  }

  // The images that are shown and wait for an answer.
  unanswered() {
    return [...this.images.values()].filter((image) => !image.answer);
  }

  groupOf(id) {
    return this.#groups.find((group) => group.ids.includes(id)) ?? null;
  }

  // The images that an answer now speaks of: the marked ones, or the one under the cursor.
  chosen() {
    if (this.marks.size) return [...this.images.keys()].filter((id) => this.marks.has(id));
    return this.cursor === null ? [] : [this.cursor];
  }

  // All images of the cursor's group that are neither marked nor answered.
  restOfGroup(group = this.groupOf(this.cursor)) {
    return (group?.ids ?? []).filter((id) => !this.marks.has(id) && !this.images.get(id).answer);
  }

  // Take what is new about an image, if it is shown.
  update(image) {
    if (!this.images.has(image.image)) return;
    this.images.set(image.image, image);
    this.#describe(image.image);
    const group = this.groupOf(image.image);
    if (group) this.#describeGroup(group);
  }

  remove(ids) {
    const gone = new Set(ids);
    const next = this.#nextAfter(this.cursor, (id) => !gone.has(id));
    for (const id of gone) {
      this.#tiles.get(id)?.remove();
      this.#tiles.delete(id);
      this.images.delete(id);
      this.marks.delete(id);
    }
    for (const group of this.#groups) {
      group.ids = group.ids.filter((id) => !gone.has(id));
      this.#describeGroup(group);
      if (!group.ids.length) group.node.remove();
    }
    this.#groups = this.#groups.filter((group) => group.ids.length);
    if (gone.has(this.cursor)) {
      this.cursor = null;
      this.moveTo(next);
    }
    this.#onchange();
  }

  mark(ids, how) {
    if (how === "set") this.#replaceMarks(new Set());
    if (how === "range" && this.cursor !== null) ids = this.#between(this.cursor, ids[0]);
    for (const id of ids) {
      if (how === "toggle" && this.marks.has(id)) this.marks.delete(id);
      else this.marks.add(id);
      this.#describe(id);
    }
    if (how === "toggle" || how === "range") this.moveTo(ids.at(-1));
    this.#onchange();
  }

  unmarkAll() {
    this.#replaceMarks(new Set());
    this.#onchange();
  }

  #replaceMarks(marks) {
    const changed = [...this.marks, ...marks];
    this.marks = marks;
    changed.forEach((id) => this.#describe(id));
  }

  #between(from, to) {
    const ids = [...this.images.keys()];
    const [first, last] = [ids.indexOf(from), ids.indexOf(to)].sort((a, b) => a - b);
    return ids.slice(first, last + 1);
  }

  #describe(id) {
    const node = this.#tiles.get(id);
    if (node) describe(node, this.images.get(id), this.marks.has(id));
  }

  #nextAfter(id, allowed) {
    const ids = [...this.images.keys()];
    const start = ids.indexOf(id);
    return ids.slice(start + 1).find(allowed) ?? ids.find(allowed);
  }

  // Stay in the group while it has an unanswered image, then go to the next group.
  moveToNextUnanswered() {
    const open = (id) => !this.images.get(id).answer;
    const group = this.groupOf(this.cursor);
    const ids = group?.ids ?? [];
    const at = ids.indexOf(this.cursor);
    const next = ids.slice(at + 1).find(open) ?? ids.find(open) ?? this.#nextAfter(ids.at(-1), open);
    if (next === undefined) return;
    this.moveTo(next);
    const following = this.groupOf(next);
    if (following === group) return;
    const below = parseFloat(getComputedStyle(following.node).scrollMarginBottom); // shows what comes after it
    following.node.scrollIntoView({ block: following.node.offsetHeight + below < this.node.clientHeight ? "nearest" : "start" });
  }

  focus() {
    this.#tiles.get(this.cursor)?.focus({ preventScroll: true });
  }

  moveTo(id) {
    const node = this.#tiles.get(id);
    if (!node) return;
    this.#setCursor(id);
    if (!document.activeElement?.matches("input, select, textarea")) node.focus({ preventScroll: true }); // nobody is interrupted
    node.scrollIntoView({ block: "nearest" });
  }

  #setCursor(id) {
    if (id === this.cursor) return;
    const before = this.#tiles.get(this.cursor);
    if (before) before.tabIndex = -1;
    this.groupOf(this.cursor)?.node.classList.remove("current");
    this.cursor = id;
    const node = this.#tiles.get(id);
    node.tabIndex = 0;
    this.groupOf(id)?.node.classList.add("current");
    this.#onchange();
  }

  // Move by arrow key; "up" and "down" go to the nearest tile of the next row, also across groups.
  move(direction) {
    const ids = [...this.images.keys()];
    const at = ids.indexOf(this.cursor);
    if (direction === "left" || direction === "right") {
      this.moveTo(ids[at + (direction === "right" ? 1 : -1)]);
      return;
    }
    const here = this.#tiles.get(this.cursor)?.getBoundingClientRect();
    if (!here) return;
    const sign = direction === "down" ? 1 : -1;
    let best = null;
    for (const [id, node] of this.#tiles) {
      const rect = node.getBoundingClientRect();
      const rows = sign * (rect.top - here.top);
      if (rows < here.height / 2) continue;
      const distance = rows * 1000 + Math.abs(rect.left - here.left);
      if (best === null || distance < best.distance) best = { id, distance };
    }
    if (best) this.moveTo(best.id);
  }

  // Keys that every set of tiles understands. Returns true if the key was one of them.
  handleKey(name) {
    const direction = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" }[name.replace("Shift+", "")];
    if (direction) {
      if (name.startsWith("Shift+") && this.cursor !== null) this.mark([this.cursor], "add");
      this.move(direction);
      if (name.startsWith("Shift+")) this.mark([this.cursor], "add");
    } else if (name === "Space") {
      if (this.cursor !== null) this.mark([this.cursor], "toggle");
    } else if (name === "Escape" && this.marks.size) {
      this.unmarkAll();
    } else if (name === "Ctrl+a") {
      this.mark(this.groupOf(this.cursor)?.ids ?? [], "set");
    } else if (name === "Home" || name === "End") {
      this.moveTo([...this.images.keys()].at(name === "Home" ? 0 : -1));
    } else return false;
    return true;
  }
}

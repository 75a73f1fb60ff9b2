// The frames of a burst in time order: step through them or play them.
import { button, element, keyHint } from "./dom.js";
import { S } from "./strings.js";

const FRAME_MS = 350;

export class FrameStrip {
  node = element("div", { class: "strip", role: "group", "aria-label": S.frames, hidden: true });
  #frames = [];
  #at = 0;
  #timer = null;

  constructor(onframe) {
    this.onframe = onframe;
  }

  show(frames, current) {
    this.stop();
    this.#frames = frames;
    this.#at = Math.max(frames.findIndex((frame) => frame.image === current), 0);
    this.node.hidden = frames.length < 2;
    this.node.replaceChildren(button([S.play, keyHint(";")], () => this.play()), ...frames.map((frame, index) =>
      element("button", { type: "button", class: frame.image === current ? "frame own" : "frame", onclick: () => this.#go(index), "aria-label": S.frame(index + 1, frames.length, frame.image === current) },
        element("img", { src: frame.thumbnail, alt: "", loading: "lazy" }),
        frame.answer ? element("span", { class: "answer" }, frame.answer.classes.join(" + ")) : null)));
    this.#draw();
  }

  step(by) {
    if (this.#frames.length > 1) this.#go((this.#at + by + this.#frames.length) % this.#frames.length);
  }

  play() {
    if (this.#timer) return this.stop();
    if (this.#frames.length > 1) this.#timer = setInterval(() => this.step(1), FRAME_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #go(index) {
    this.#at = index;
    this.#draw();
    this.onframe(this.#frames[index]);
  }

  #draw() {
    [...this.node.querySelectorAll(".frame")].forEach((node, index) => node.setAttribute("aria-current", index === this.#at));
    const shown = this.node.querySelector("[aria-current=true]");
    if (shown) this.node.scrollLeft = shown.offsetLeft - (this.node.clientWidth - shown.offsetWidth) / 2; // the strip alone moves
  }
}

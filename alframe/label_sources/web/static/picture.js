// A large image with zoom, brightness, contrast and the detector's boxes.
import { element, notify } from "./dom.js";
import { S } from "./strings.js";

const ZOOM_LIMITS = [1, 12];
const HOLD_ZOOM = 3;

export class Picture {
  #image = element("img", { alt: "", draggable: false });
  #boxes = element("div", { class: "boxes", "aria-hidden": "true" });
  #stage = element("div", { class: "stage" }, this.#image, this.#boxes);
  #zoom = 1;
  #origin = { x: 0.5, y: 0.5 }; // what is looked at, as fractions of the frame
  #brightness = 1;
  #contrast = 1;
  #beforeHold = null;
  #resized = new ResizeObserver(() => this.#placeBoxes());

  constructor() {
    this.node = element("div", { class: "picture" }, this.#stage);
    this.node.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? 1.25 : 0.8, this.#pointOf(event));
    }, { passive: false });
    this.node.addEventListener("pointerdown", (event) => {
      if (event.button === 0) this.hold(this.#pointOf(event));
    });
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) this.node.addEventListener(name, () => this.release());
    this.node.addEventListener("pointermove", (event) => {
      if (this.#zoom > 1) this.#lookAt(this.#pointOf(event));
    });
    this.#image.addEventListener("load", () => {
      this.#image.style.opacity = 1;
      this.#stage.style.backgroundImage = "none";
      this.#placeBoxes();
    });
    this.#image.addEventListener("error", () => notify(S.cannotShow, { error: true }));
    this.#resized.observe(this.node);
  }

  stop() {
    this.#resized.disconnect();
  }

  // The thumbnail stands in until the large image is there, so that nothing of the image before is seen.
  show(image) {
    this.#image.style.opacity = 0;
    this.#stage.style.backgroundImage = image.crop ? "none" : `url("${image.thumbnail}")`;
    this.#image.src = image.large;
    this.#image.alt = image.name;
    this.#boxes.replaceChildren(...(image.boxes ?? []).map((box) => element("span", {
      class: "box", style: { left: `${box.x * 100}%`, top: `${box.y * 100}%`, width: `${box.w * 100}%`, height: `${box.h * 100}%` },
    })));
    this.#zoom = 1;
    this.#draw();
  }

  // The boxes lie over the picture itself, not over the empty room beside it.
  #placeBoxes() {
    const { naturalWidth: width, naturalHeight: height } = this.#image;
    const room = this.node.getBoundingClientRect();
    if (!width || !room.width) return;
    const scale = Math.min(room.width / width, room.height / height);
    Object.assign(this.#boxes.style, {
      width: `${width * scale}px`, height: `${height * scale}px`,
      left: `${(room.width - width * scale) / 2}px`, top: `${(room.height - height * scale) / 2}px`,
    });
  }

  toggleBoxes() {
    this.#boxes.hidden = !this.#boxes.hidden;
  }

  zoomBy(factor, point = this.#origin) {
    this.#zoom = Math.min(Math.max(this.#zoom * factor, ZOOM_LIMITS[0]), ZOOM_LIMITS[1]);
    this.#lookAt(point);
  }

  hold(point = { x: 0.5, y: 0.5 }) {
    if (this.#beforeHold !== null) return;
    this.#beforeHold = this.#zoom;
    this.#zoom = Math.max(this.#zoom, HOLD_ZOOM);
    this.#lookAt(point);
  }

  release() {
    if (this.#beforeHold === null) return;
    this.#zoom = this.#beforeHold;
    this.#beforeHold = null;
    this.#draw();
  }

  pan(x, y) {
    if (this.#zoom === 1) return false;
    const clamp = (value) => Math.min(Math.max(value, 0), 1);
    this.#lookAt({ x: clamp(this.#origin.x + x), y: clamp(this.#origin.y + y) });
    return true;
  }

  adjust({ brightness = 1, contrast = 1 }) {
    this.#brightness = Math.min(Math.max(this.#brightness * brightness, 0.25), 8);
    this.#contrast = Math.min(Math.max(this.#contrast * contrast, 0.25), 4);
    this.#draw();
  }

  reset() {
    this.#zoom = this.#brightness = this.#contrast = 1;
    this.#draw();
  }

  get settings() {
    return { zoom: this.#zoom, brightness: this.#brightness, contrast: this.#contrast };
  }

  #pointOf(event) {
    const frame = this.node.getBoundingClientRect();
    return { x: (event.clientX - frame.left) / frame.width, y: (event.clientY - frame.top) / frame.height };
  }

  #lookAt(point) {
    this.#origin = point;
    this.#draw();
  }

  #draw() {
    this.#stage.style.transformOrigin = `${this.#origin.x * 100}% ${this.#origin.y * 100}%`;
    this.#stage.style.transform = `scale(${this.#zoom})`;
    this.#image.style.filter = `brightness(${this.#brightness}) contrast(${this.#contrast})`;
    this.onchange?.();
  }
}

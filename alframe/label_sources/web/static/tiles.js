// One image of a grid.
import { element } from "./dom.js";
import { S } from "./strings.js";

export function tile(image) {
  const picture = element("img", {
    src: image.thumbnail, alt: "", draggable: false, decoding: "async",
    width: image.width, height: image.height,
  });
  const node = element("div", { class: "tile", role: "option", tabindex: -1, dataset: { image: image.image } },
    picture, element("span", { class: "tick", "aria-hidden": "true" }), element("span", { class: "answer" }),
    image.burst && image.burst.size > 1 ? element("span", { class: "burst", title: S.burst(image.burst.size) }, `${image.burst.size}`) : null);
  node.title = image.name;
  describe(node, image, false);
  return node;
}

// Show what is said about the image and whether it is marked, to the eye and to a screen reader.
export function describe(node, image, marked) {
  const given = image.answer ? image.answer.classes.join(" + ") : "";
  node.classList.toggle("answered", given !== "");
  node.classList.toggle("marked", marked);
  node.setAttribute("aria-selected", marked);
  node.querySelector(".answer").textContent = given;
  node.setAttribute("aria-label", S.tile(image.name, given, image.suggestion?.class, marked));
}

// Load and decode the thumbnails before they are shown, so that a page appears whole.
export async function decodeAhead(images) {
  await Promise.allSettled(images.map((image) => {
    const picture = new Image();
    picture.src = image.thumbnail;
    return picture.decode();
  }));
}

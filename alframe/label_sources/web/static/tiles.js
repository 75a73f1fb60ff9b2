// One image of a grid.
import { element } from "./dom.js";
import { S } from "./strings.js";

const READY_MS = 2000; // a page that is not decoded by then is shown as it is

// note: what is known of the image besides its answer, in a few words.
export function tile(image, note = "") {
  const picture = element("img", {
    src: image.thumbnail, alt: "", draggable: false, decoding: "sync",
    width: image.width, height: image.height,
  });
  const node = element("div", { class: "tile", role: "option", tabindex: -1, dataset: { image: image.image } },
    picture, element("span", { class: "visually-hidden" }), element("span", { class: "tick", "aria-hidden": "true" }),
    element("div", { class: "badges" },
      image.burst && image.burst.size > 1 ? element("span", { class: "badge" }, S.burst(image.burst.size)) : null,
      note ? element("span", { class: "badge note" }, note) : null,
      element("span", { class: "badge comment-badge", hidden: true }, S.hasComment)),
    element("span", { class: "guess", "aria-hidden": "true" }), element("span", { class: "answer" }));
  picture.addEventListener("error", () => picture.replaceWith(element("p", { class: "hint" }, S.cannotShow)));
  node.title = image.name;
  describe(node, image, false);
  return node;
}

// Show what is said about the image and whether it is marked, to the eye and to a screen reader.
export function describe(node, image, marked) {
  const given = image.answer ? image.answer.classes.join(" + ") : "";
  node.classList.toggle("answered", given !== "");
  node.classList.toggle("marked", marked);
  node.classList.toggle("rejected", Boolean(image.rejected) && given === "");
  node.setAttribute("aria-selected", marked);
  node.querySelector(".answer").textContent = given;
  node.querySelector(".guess").textContent = image.suggestion ? S.guess(image.suggestion.class) : "";
  node.querySelector(".comment-badge").hidden = !image.answer?.comment;
  node.querySelector(".visually-hidden").textContent = S.tile(image.name, given, image.suggestion?.class);
}

// Decode the thumbnails of tiles that are not shown yet, so that a page appears whole.
export async function decode(nodes) {
  const decoded = Promise.allSettled([...nodes].map((node) => node.querySelector("img")?.decode()));
  await Promise.race([decoded, new Promise((resolve) => setTimeout(resolve, READY_MS))]);
}

// Mark tiles by click, Shift-click and by dragging a rectangle; with a finger, drag sideways.
import { element } from "./dom.js";

const DRAG_FROM = 6; // pixels: less is a click with an unsteady hand
const EDGE = 40; // pixels from the edge within which dragging scrolls
const SCROLL = 24;

// `grid`: the scrolling element. `onmark(ids, how)` with how "toggle", "range" or "set"; `onopen(id)` on a double click.
export function enableMarking(grid, { onmark, onopen }) {
  let start = null;
  let rectangle = null;
  let dragged = false;

  // Shift-click marks from the cursor, so the click must not move it; buttons leave the keyboard to the images.
  grid.addEventListener("mousedown", (event) => {
    if (event.shiftKey || event.target.closest("button")) event.preventDefault();
  });
  grid.addEventListener("pointerdown", (event) => {
    dragged = false;
    if (event.button !== 0 || event.target.closest("button, input, a")) return;
    start = { ...contentPoint(grid, event), pointer: event.pointerId, adding: event.ctrlKey || event.metaKey || event.pointerType === "touch" };
  });
  grid.addEventListener("pointermove", (event) => {
    if (!start) return;
    const now = contentPoint(grid, event);
    if (!rectangle) {
      if (Math.hypot(now.x - start.x, now.y - start.y) < DRAG_FROM) return;
      rectangle = element("div", { class: "rectangle" });
      grid.append(rectangle);
      grid.setPointerCapture(start.pointer);
    }
    scrollAtEdge(grid, event);
    const box = { left: Math.min(start.x, now.x), top: Math.min(start.y, now.y), right: Math.max(start.x, now.x), bottom: Math.max(start.y, now.y) };
    Object.assign(rectangle.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.right - box.left}px`, height: `${box.bottom - box.top}px` });
    onmark(tilesWithin(grid, box), start.adding ? "add" : "set");
  });
  const end = () => {
    dragged = rectangle !== null;
    rectangle?.remove();
    rectangle = null;
    start = null;
  };
  grid.addEventListener("pointerup", end);
  grid.addEventListener("pointercancel", end);
  grid.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (!tile || dragged) return;
    onmark([Number(tile.dataset.image)], event.shiftKey ? "range" : "toggle");
  });
  grid.addEventListener("dblclick", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) onopen(Number(tile.dataset.image));
  });
}

function scrollAtEdge(grid, event) {
  const { top, bottom } = grid.getBoundingClientRect();
  if (event.clientY < top + EDGE) grid.scrollTop -= SCROLL;
  else if (event.clientY > bottom - EDGE) grid.scrollTop += SCROLL;
}

// The point in the coordinates of the content, so that scrolling while dragging keeps the rectangle in place.
function contentPoint(grid, event) {
  const frame = grid.getBoundingClientRect();
  return { x: event.clientX - frame.left + grid.scrollLeft, y: event.clientY - frame.top + grid.scrollTop };
}

function tilesWithin(grid, box) {
  const frame = grid.getBoundingClientRect();
  return [...grid.querySelectorAll(".tile")].filter((tile) => {
    const rect = tile.getBoundingClientRect();
    const left = rect.left - frame.left + grid.scrollLeft;
    const top = rect.top - frame.top + grid.scrollTop;
    return left < box.right && left + rect.width > box.left && top < box.bottom && top + rect.height > box.top;
  }).map((tile) => Number(tile.dataset.image));
}

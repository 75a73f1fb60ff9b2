// Measure the active time between two answers. A pause longer than a minute counts as one minute at most.
const LONGEST = 60;

let shownAt = performance.now();
document.addEventListener("visibilitychange", () => {
  shownAt = performance.now();
});

export class Pace {
  #since = performance.now();

  restart() {
    this.#since = performance.now();
  }

  // Seconds for each of `count` images that were just answered together.
  lap(count) {
    const seconds = Math.min((performance.now() - Math.max(this.#since, shownAt)) / 1000, LONGEST);
    this.restart();
    return Math.round((seconds / Math.max(count, 1)) * 1000) / 1000;
  }
}

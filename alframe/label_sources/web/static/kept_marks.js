// Remember which images a person has marked, and which ones as wrong, until the next round: also over a reload.
const PREFIX = "alframe-marks";

export class KeptMarks {
  marked = new Set();
  rejected = new Set(); // marked when the group was confirmed: another Enter must not confirm them
  #key;
  #round;
  #saved = "";

  constructor(project, round) {
    this.#key = `${PREFIX}:${project}`;
    this.#round = round;
    try {
      const kept = JSON.parse(localStorage.getItem(this.#key)) ?? {};
      if (kept.round !== round) return;
      this.marked = new Set(kept.marked);
      this.rejected = new Set(kept.rejected);
    } catch {
      // Not written by this page, or nothing can be stored: nothing is marked.
    }
  }

  forRound(round) {
    if (round === this.#round) return;
    this.#round = round;
    this.marked = new Set();
    this.rejected = new Set();
  }

  // An image that was marked as wrong has no suggestion any more, also when its answer was undone.
  withoutRejected(image) {
    return this.rejected.has(image.image) && image.suggestion ? { ...image, suggestion: null, rejected: true } : image;
  }

  save(marked) {
    this.marked = new Set(marked);
    const text = JSON.stringify({ round: this.#round, marked: [...this.marked], rejected: [...this.rejected] });
    if (text === this.#saved) return;
    this.#saved = text;
    try {
      localStorage.setItem(this.#key, text);
    } catch {
      // They are on the page still.
    }
  }
}

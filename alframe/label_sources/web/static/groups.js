// The groups of the batch: images with one suggested class, images of several, and images without a suggestion.
import { store } from "./store.js";
import { S } from "./strings.js";

const SMALL_GROUP = 3; // images

// One group for each run of images with the same suggestion; the server has sorted them. Small ones that follow each
// other are joined, so that no row of the screen holds a single image; then each tile shows its own suggestion.
export function groupsOfSuggestions(images) {
  const runs = [];
  for (const image of images) {
    const suggested = image.suggestion?.class ?? null;
    if (!runs.length || runs.at(-1).suggested !== suggested) runs.push({ suggested, images: [] });
    runs.at(-1).images.push(image);
  }
  const isSmall = (run) => run.suggested && run.images.length <= SMALL_GROUP;
  const groups = [];
  for (const run of runs) {
    const last = groups.at(-1);
    if (last?.joined && isSmall(run)) last.joined.push(run);
    else groups.push(isSmall(run) ? { joined: [run] } : run);
  }
  return groups.map((group) => {
    const [run, ...others] = group.joined ?? [group];
    if (others.length) return { title: S.severalClasses, confirmable: true, mixed: true, hintFor: hintForSuggested, images: group.joined.flatMap((each) => each.images) };
    if (run.suggested) return { title: run.suggested, confirmable: true, hintFor: hintForSuggested, images: run.images };
    return { title: S.noSuggestion, confirmable: false, hintFor: hintForBlind(runs.some((each) => each.suggested)), images: run.images };
  });
}

// What a person can do next with the images of a group that have no answer.
const hintForSuggested = (images) => (images.every((image) => image.rejected) ? S.nameMarked : S.markWrong);
const hintForBlind = (onPurpose) => () => {
  if (!store.classes.some((entry) => entry.kind === "class")) return S.nameFirst;
  return onPurpose ? S.blindOnPurpose : S.pressKeys;
};

// Every text of the page.
const n = (count, one, many) => `${count.toLocaleString()} ${count === 1 ? one : many}`;
const percent = (share) => `${Math.round(share * 100)} %`;

export const S = {
  title: (view, project) => `${view} · ${project} · alframe`,
  ok: "OK", close: "Close", all: "All", none: "None", notYet: "Not known yet", notMeasured: "Not measured",
  label: "Label", review: "Review", pool: "Find more", progress: "Progress", views: "Views", help: "Keys", undo: "Undo", redo: "Redo",
  theme: { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" },

  // Connection
  offline: "The server does not answer. Your answers are kept in this browser and are sent as soon as it is back.",
  badReply: "The server's reply cannot be read. Load the page again.",
  noStorage: "This browser cannot store anything. Your answers are still sent, but keep this page open until they are saved.",
  allSaved: "All saved",
  saving: (count) => `Saving ${n(count, "action", "actions")}`,
  notConnected: (count) => (count ? `No connection: ${n(count, "action is", "actions are")} kept in this browser` : "No connection to the server"),
  recovered: "Answers of an earlier visit have been sent and saved.",
  signedOut: "Your session has ended. Your answers are kept in this browser. Open the link from the terminal again to send them.",
  needLink: "This page needs a link",
  cannotStart: "The page cannot start",
  openLink: "Open the address that alframe has printed in the terminal. It works once. To get a new one, stop alframe with Ctrl+C and run the same command again.",

  // Grid
  grid: "Images to label",
  noSuggestion: "Without a suggestion",
  noSuggestionHere: "These images have no suggestion. Press the key of a class, or Shift and the key for the whole group.",
  allAre: (name) => `All are ${name}`,
  groupCount: (left, all) => (left === all ? n(all, "image", "images") : left ? `${left} of ${all} left` : "Answered"),
  tile: (name, given, suggested, marked) => [name, given ? `answered: ${given}` : suggested ? `suggestion: ${suggested}` : "no suggestion", marked ? "marked" : ""].filter(Boolean).join(", "),
  burst: (size) => `Burst of ${size} images`,
  batch: (answered, asked, round) => `Round ${round ?? "–"}: ${answered.toLocaleString()} of ${asked.toLocaleString()} answered`,
  batchProgress: "Answered images of this batch",
  marked: (count) => `${n(count, "image", "images")} marked`,
  answered: (count, classes) => (classes.length ? `${n(count, "image", "images")}: ${classes.join(" + ")}` : `Answer removed from ${n(count, "image", "images")}`),
  large: "Enlarge", skip: "Skip",
  nothingToUndo: "There is nothing to undo.", nothingToRedo: "There is nothing to redo.",

  // Waiting
  phase: { starting: "alframe is starting", embedding: "alframe reads your images", waiting: "This batch is answered", learning: "alframe learns from your answers", done: "Finished" },
  staysOpen: "Leave this page open. The next images appear here by themselves.",
  withOthers: (count) => `The last ${n(count, "image is", "images are")} with other people`,
  doneNext: "You can review your answers here, or close this page. The terminal shows what to do next.",
  report: "Open the full report",

  // Classes
  classes: "Classes", class: "Class", findClass: "Find or add a class", noClasses: "No classes yet. Type a name to add the first one.",
  addClass: (name) => `Add “${name}” as a new class`,
  didYouMean: (name) => `“${name}” looks like an existing class`,
  use: (name) => `Use “${name}”`,
  changeKey: (name, key) => `Change the key of ${name}${key ? ` (now ${key})` : ""}`,
  pressKey: (name) => `Press a letter or a digit from 1 to 9 for “${name}”`,
  noKey: "No key",

  // Single view
  previous: "Previous", next: "Next", boxes: "Boxes", brighter: "Brighter", darker: "Darker", moreContrast: "Contrast", several: "Several animals",
  severalSoFar: (classes) => (classes.length ? `Several: ${classes.join(" + ")}. Press Enter to save.` : "Press the key of each class in the image, then Enter."),
  comment: "Comment (F2)", noMore: "There are no more images in this direction.",
  frames: "Frames of the burst", play: "Play",
  frame: (index, count, own) => `Frame ${index} of ${count}${own ? " (this image)" : ""}`,
  burstAnswered: (count) => `The same answer was given to ${n(count, "other frame", "other frames")} of the burst.`,
  facts: (image, index, count) => [`${index} of ${count}`, image.camera && `Camera ${image.camera}`, image.taken && image.taken.replace("T", " "), image.answer && `Answer: ${image.answer.classes.join(" + ")}`, image.suggestion && `Suggestion: ${image.suggestion.class} (${percent(image.suggestion.confidence)})`].filter(Boolean).join(" · "),
  history: (entry) => `${new Date(entry.at).toLocaleString()}: ${entry.name || "someone"} – ${entry.classes.join(" + ") || "answer removed"}${entry.undone ? " (undone)" : ""}${entry.burst ? " (for the burst)" : ""}${entry.comment ? ` – ${entry.comment}` : ""}`,

  // Review and pool
  person: "Person", nameless: "No name", round: "Round", order: "Order", show: "Show", newest: "Newest first", byClass: "By class", byDoubt: "Most doubtful first",
  onlyDisagreement: (count) => `Only disagreements (${count})`,
  labelled: "Answered images", unanswered: "Without an answer",
  found: (count) => n(count, "image.", "images."),
  heldBack: (count) => `${n(count, "image was", "images were")} requested without a suggestion. The model does not judge ${count === 1 ? "it" : "them"} here.`,
  showMore: "Show more",
  predictedClass: "Predicted class", mostCertain: "Most certain first", leastCertain: "Least certain first",
  likeClass: "Similar to class", likeThis: "Find similar to this image", backToPool: "Back to predictions",
  predictedAs: (name) => `Predicted as ${name}`, similarToImage: "Most similar to the chosen image", similarToClass: (name) => `Most similar to ${name}`,

  // Progress
  labels: "Labels", poolImages: "Images in the pool", unlabelled: "Without a label", openBatch: "Open batch", imagesAnHour: "Images per hour", timeLeft: "Time left for this batch", budgetLeft: "Labels left in the budget",
  share: (part, all) => `${part.toLocaleString()} of ${all.toLocaleString()}`,
  hours: (hours) => (hours < 1 / 60 ? "Less than a minute" : hours < 1 ? `About ${n(Math.round(hours * 60), "minute", "minutes")}` : `About ${hours.toFixed(1)} hours`),
  agreement: (images) => `Agreement on ${n(images, "image", "images")}`,
  agreementValue: ({ agreement, kappa }) => `${percent(agreement)}${kappa === null ? "" : `, kappa ${kappa.toFixed(2)}`}`,
  curve: "Accuracy by number of labels", recall: "Recall", precision: "Precision", people: "People", rounds: "Rounds", asked: "Requested", answeredHere: "Answered", secondsAnImage: "Seconds per image", now: "Now", online: "Online", away: "Away",
  noCurve: "Nothing is measured yet. The first point appears after the first batch.",
  curvePoint: (point) => `${n(point.labels, "label", "labels")}: ${percent(point.accuracy)}${point.low === null ? "" : ` (95 % interval: ${percent(point.low)} to ${percent(point.high)})`}, measured on ${n(point.n, "image", "images")}: ${point.basis}.`,
  curveTitle: (points) => `Learning curve with ${n(points.length, "point", "points")}, from ${percent(points[0].accuracy)} to ${percent(points.at(-1).accuracy)}`,

  // People
  personButton: (name, online) => `${name || "No name"}${online > 1 ? ` (${online} online)` : ""}`,
  personLine: (person) => `${person.name || "No name"}: ${n(person.answered, "answer", "answers")}${person.online ? ", online" : ""}`,
  changeName: "Change my name", invite: "Invite another person", inviteHint: "Each link works once, in one browser.",
  yourName: "Your name", nameHint: "Your name is stored with each answer, so that others can ask you about it.",

  // First visit and keys
  welcome: "Label images, one batch at a time", start: "Start",
  welcomeSentences: [
    "You see a batch of images in groups that look like one class: mark the wrong ones (click, or arrows and Space), then press Enter to confirm the others.",
    "Press the key of a class to answer the marked images, and Shift with the key to answer the rest of a group; some images come without a suggestion on purpose.",
    "Each answer is saved at once and can be undone with Ctrl+Z; when the batch is answered, alframe learns from it and shows the next one here.",
  ],
  keys: [
    ["Groups of images", [
      ["Enter", "Give the suggested class to all images of the group that are not marked"],
      ["a–z 1–9", "Give the class to the marked images, or to the current one"],
      ["Shift+a–z", "Give the class to all images of the group that are not marked"],
      ["0 -", "Blank image, unsure"],
      ["/", "Find or add a class by its name"],
      ["← → ↑ ↓", "Move"],
      ["Space", "Mark or unmark"],
      ["Shift+←→", "Mark while moving"],
      ["Ctrl+A Esc", "Mark the whole group, unmark all"],
      ["PageDown", "Skip"],
      ["Delete", "Remove the answer"],
    ]],
    ["One image", [
      ["Ctrl+Enter Esc", "Enlarge, go back (or double-click)"],
      ["Enter", "Accept the suggestion, or save several animals"],
      ["Space", "Zoom while held; the mouse wheel and ↑ ↓ zoom too"],
      ["PageUp PageDown", "Brighter, darker (with Shift: contrast)"],
      ["Home", "Reset zoom, brightness and contrast"],
      [", . ;", "Previous frame, next frame, play the burst"],
      ["Shift+a–z", "Give the class to all frames of the burst"],
      ["+", "Name several animals, then Enter"],
      ["F2 \\", "Write a comment, show or hide the boxes"],
    ]],
    ["Everywhere", [
      ["Ctrl+Z Ctrl+Y", "Undo, redo"],
      ["Alt+Shift+1…4", "Label, review, find more, progress"],
      ["?", "These keys"],
    ]],
  ],
};

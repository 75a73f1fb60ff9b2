// Every text of the page.
const n = (count, one, many) => `${count.toLocaleString()} ${count === 1 ? one : many}`;
// Half a percent goes to the even neighbour, as in Python, so that the page and the terminal show the same number.
const whole = (share) => Math.round(share * 100) - (share * 100 % 2 === 0.5 ? 1 : 0);
const bounds = (low, high) => ` (${whole(low)}–${whole(high)} %)`;
const short = (name) => (name.length > 18 ? `${name.slice(0, 17)}…` : name); // where a number must follow it
const percent = (share) => `${whole(share)} %`;

export const S = {
  title: (view, project) => `${view} · ${project} · alframe`,
  ok: "OK", close: "Close", closeMessage: "Close this message", all: "All", none: "None", notYet: "–", notMeasured: "–",
  label: "Label", review: "Review", pool: "Find more", progress: "Progress", views: "Views", help: "Keys", undo: "Undo", redo: "Redo",
  theme: { system: "Theme: system", light: "Theme: light", dark: "Theme: dark" },

  themeSign: { system: "◐", light: "☀", dark: "☾" },

  // Connection
  offline: "The server does not answer. Your answers are kept in this browser and are sent as soon as the server is back.",
  badReply: "The server's reply cannot be read. Load the page again.",
  noStorage: "This browser cannot store anything. Your answers are still sent, but keep this page open until they are saved.",
  allSaved: "All saved",
  saving: (count) => `Saving ${n(count, "action", "actions")}`,
  notConnected: (count) => (count ? `No connection: ${n(count, "action is", "actions are")} kept in this browser` : "No connection to the server"),
  recovered: "Answers of an earlier visit have been sent and saved.",
  adopted: (count) => `The answers that this project had before are missing: its journal was removed or replaced. ${n(count, "action that this browser had kept is", "actions that this browser had kept are")} sent now. If there is a copy of to_label/web/answers.sqlite, stop alframe, put the copy back, and start alframe again.`,
  notTaken: (names, reason) => `${names.length ? `Kept answers to ${names.slice(0, 3).join(", ")}${names.length > 3 ? " and others" : ""} were` : "A kept answer was"} not accepted: ${reason}`,
  signedOut: "Your session has ended",
  signedOutHint: "Your answers are kept in this browser and are sent as soon as you have access again.",
  pasteLink: "Link or token",
  noConnection: "The server does not answer",
  tryAgain: "Try again",
  needLink: "This page needs a link",
  cannotStart: "The page cannot start",
  openLink: "Open the address that alframe has printed in the terminal. It works once. To get a new one, stop alframe with Ctrl+C and run the same command again.",

  // Grid
  noSuggestion: "No suggestion", pressKeys: "Press the key of a class. With Shift, it answers the rest of the group.",
  nameFirst: "Type what the framed image shows into “Find or add a class” (key /).", blindOnPurpose: "alframe needs your own view of these images, so it shows no suggestion. Press the key of a class.",
  markWrong: "Mark the wrong images, then press Enter.", nameMarked: "Press the key of a class for each marked image.",
  noSuggestionHere: "This group has no suggestion. Press the key of a class for one image, or Shift and the key for the whole group.",
  allMarked: "You have marked all remaining images of this group as wrong. Press the key of the class that the framed image shows.",
  severalClasses: "Several classes", confirmEach: "All as suggested", guess: (name) => `${name}?`,
  confirmClass: (name, count) => (count === 1 ? `This is ${name}` : `All are ${name}`),
  groupCount: (left, all) => (left === all ? n(all, "image", "images") : left ? `${left} of ${all} left` : "Answered"),
  tile: (name, given, suggested) => `${name}, ${given ? "answered:" : suggested ? `suggestion: ${suggested}` : "no suggestion"}`,
  burst: (size) => `${size} frames`,
  hasComment: "Comment", cannotShow: "This image cannot be shown.",
  batch: (answered, asked, round) => `Round ${round}: ${answered.toLocaleString()} of ${asked.toLocaleString()} answered`,
  pace: (hourly, others) => [hourly && `${Math.round(hourly).toLocaleString()} per hour`, ...others.slice(0, 3).map((each) => `${short(each.name || "someone")}: ${each.answered.toLocaleString()}`)].filter(Boolean).join(" · "),
  batchProgress: "Answered images of this batch",
  marked: (count) => `${n(count, "image", "images")} marked`,
  answered: (count, classes) => (classes.length ? `${n(count, "image", "images")}: ${classes.join(" + ")}` : `Answer removed from ${n(count, "image", "images")}`),
  large: "Enlarge", skip: "Skip", skipped: (count) => `${n(count, "image", "images")} put at the end of the queue`,
  undone: (count) => `Undone for ${n(count, "image", "images")}.`, redone: (count) => `Redone for ${n(count, "image", "images")}.`,
  nothingToUndo: "There is nothing to undo.", nothingToRedo: "There is nothing to redo.",

  // Waiting
  phase: { starting: "alframe is starting", embedding: "alframe is reading your images", waiting: "This batch is answered", learning: "alframe is learning from your answers", done: "Finished" },
  staysOpen: "Leave this page open. The next images appear here by themselves.",
  onOwnPage: (count) => `The last ${n(count, "image is", "images are")} on another page of yours. If it is closed, they come back here in a minute at most`,
  withOthers: (count) => `The last ${n(count, "image is", "images are")} with other people`,
  doneNext: "You can review your answers here, or close this page. The terminal shows what to do next.",
  report: "Open the full report",

  // Classes
  classes: "Classes", class: "Class", findClass: "Find or add a class", noClasses: "There are no classes yet. Type what the framed image shows, for example fox, into the field above (key /), then press Enter.", noClassesYet: "There are no classes yet. You name them when the first images appear.",
  meaning: { blank: "An image that shows nothing you have a class for", unsure: "You cannot tell what the image shows" },
  keyBefore: (key, name) => `The key ${key} has given ${name} to the image before. If you wanted to type a name, press Ctrl+Z to undo this, and / to begin a name.`,
  addClass: (name) => `Add “${name}” as a new class`,
  classWaits: (name) => `The server does not answer. “${name}” is added as soon as the server is back. Keep this page open until then.`,
  didYouMean: (name) => `“${name}” looks like an existing class`,
  use: (name) => `Use “${name}”`,
  removeClass: (name) => `Remove the class ${name}, which no image has`,
  changeKey: (name, key) => `${key || "+"}: change the key of ${name}`, fixedKey: (name, key) => `${key}: the key of ${name}`,
  pressKey: (name) => `Press a letter or a digit from 1 to 9 for “${name}”`,
  noKey: "No key",

  // Single view
  previous: "Previous image", next: "Next image", back: "Back", boxes: "Boxes", brighter: "Brighter", darker: "Darker", moreContrast: "Contrast", several: "Several",
  severalSoFar: (classes) => (classes.length ? `Several: ${classes.join(" + ")}. Press Enter to save.` : "Press the key of each class in the image, then Enter."),
  severalCount: (rule, classes) => ({
    ask: "The model learns only from images of one class. It does not learn from an image with several classes.",
    latest: classes.length > 1 ? `All classes are kept. The model learns the last class, ${classes.at(-1)}.` : "All classes are kept. The model learns the last class.",
    majority: "The model learns from an image with several classes only if most people give it the same class.",
  })[rule] ?? "",
  comment: "Comment (F2)", commentSaved: "Comment saved", commentKept: "The comment is saved with the answer.", noMore: "There are no more images in this direction.",
  frames: "Frames of the burst", play: "Play",
  frame: (index, count, own) => `Frame ${index} of ${count}${own ? " (this image)" : ""}`,
  burstAnswered: (count) => `The same answer was given to ${n(count, "other frame", "other frames")} of the burst.`,
  similarity: (value) => value.toFixed(2), predicted: (guess) => `${guess.class} ${percent(guess.confidence)}`,
  modelSays: (guess) => `model: ${guess.class} ${percent(guess.confidence)}`, saidBy: (name, said) => `${name}: ${said}`,
  place: (index, count) => `${index} of ${count}`, acceptSuggestion: (guess) => `${guess.class} ${percent(guess.confidence)}`,
  facts: (image) => [image.name.includes("/") && `Folder ${image.name.slice(0, image.name.lastIndexOf("/"))}`, image.camera && `Camera ${image.camera}`, image.taken && image.taken.replace("T", " "), image.answer && `Answer: ${image.answer.classes.join(" + ")}`].filter(Boolean),
  history: (entry) => `${new Date(entry.at).toLocaleString()}: ${entry.name || "someone"} – ${entry.classes.join(" + ") || "answer removed"}${entry.undone ? " (undone)" : ""}${entry.burst ? " (for the burst)" : ""}${entry.comment ? ` – ${entry.comment}` : ""}`,

  // Review and pool
  person: "Person", nameless: "No name", round: "Round", order: "Order", show: "Show", newest: "Newest first", byClass: "By class", byDoubt: "Model disagrees",
  onlyDisagreement: (count) => `Only disagreements (${count})`,
  labelled: "Answered images", unanswered: "Without an answer",
  withCount: ({ name, count }) => `${name} (${count.toLocaleString()})`,
  found: (count) => n(count, "image.", "images."),
  reviewSettles: "An answer here replaces the answers of all people to the image.",
  nothingToReview: "No answered image matches these filters.",
  foundAreMarked: "Answers here are outside the batch. alframe records that you found these images.",
  nothingFound: "No image without a label matches these filters.",
  confidence: "Confidence",
  heldBack: (count) => `${n(count, "image was", "images were")} requested without a suggestion. The model does not judge ${count === 1 ? "it" : "them"} here.`,
  showMore: "Show more",
  predictedClass: "Predicted class", mostCertain: "Most certain", leastCertain: "Least certain",
  likeClass: "Similar to class", likeThis: "Find similar", backToPool: "Back to predictions",
  predictedAs: (name) => `Predicted as ${name}`, similarToImage: "Most similar to the chosen image (similarity, prediction)", similarToClass: (name) => `Most similar to ${name} (similarity, prediction)`,

  // Progress
  labels: "Labels", poolImages: "Images in the pool", unlabelled: "Without a label", openBatch: "Open batch", imagesAnHour: "Images per hour", timeLeft: "Left for this batch", budgetLeft: "Left in the budget",
  share: (part, all) => `${part.toLocaleString()} of ${all.toLocaleString()}`,
  hours: (hours) => (hours < 1 / 60 ? "< 1 minute" : hours < 1 ? `${n(Math.round(hours * 60), "minute", "minutes")}` : `${hours.toFixed(1)} hours`),
  agreement: "Agreement of two people", imagesOfBoth: "Images of both", sameAnswer: "Same answer", kappa: "Cohen’s kappa",
  skippedBefore: "Unanswered, earlier batches",
  accuracy: "Accuracy", 
  measured: {
    unlabelled: ({ images }) => `${n(images, "image", "images")} without a label`,
    whole_pool: ({ images }) => `Whole pool (${images.toLocaleString()}), with the answers of people`,
    audit: () => "New images like those in the pool",
    evaluation: ({ basis }) => `Other ${basis.startsWith("labelled") ? "labelled images" : "images"}`,
  },
  shareRight: (point) => (point.few_images ? `${percent(point.low)} to ${percent(point.high)}` : `${percent(point.accuracy)}${bounds(point.low, point.high)}`),
  sample: (point) => `After ${n(point.labels, "label", "labels")}, measured on ${point.n.toLocaleString()} ${point.basis}. ${point.few_images ? "95 % intervals: these are too few images for one number." : "The brackets contain the 95 % interval."}`,
  bounds, percent, measuredOn: ({ n: count, basis }) => `Measured on ${count.toLocaleString()} ${basis}. The brackets contain the 95 % interval.`,
  recall: "Recall", precision: "Precision", people: "People", rounds: "Rounds", asked: "Requested", answeredHere: "Answered", answeredInBatch: "Answered in this batch", secondsAnImage: "Seconds per image", now: "Now", online: "Online", away: "Away",
  noCurve: "Nothing is measured yet. The first point appears after the first batch.",
  curvePoint: (point) => `${n(point.labels, "label", "labels")}: ${percent(point.accuracy)}${bounds(point.low, point.high)}, measured on ${point.n.toLocaleString()} ${point.basis}.`,
  curveTitle: (name, points) => `${name}: learning curve with ${n(points.length, "point", "points")}, from ${percent(points[0].accuracy)} to ${percent(points.at(-1).accuracy)}`,

  // People
  personButton: (name, online) => `${short(name || "No name")}${online > 1 ? ` (${online} online)` : ""}`,
  personLine: (person) => `${person.name || "No name"}: ${n(person.answered, "answer", "answers")} in this batch${person.online ? ", online" : ""}`,
  leave: "Sign out of this browser", copy: "Copy",
  changeName: "Change my name", invite: "Invite another person", inviteHint: "Each link works once, in one browser.", inviteHere: "For another browser on this computer:", inviteElsewhere: "For another computer or phone in this network:",
  yourName: "Your name", nameHint: "It is stored with each answer.", yourNameWithHint: "Your name, which is stored with each answer",

  // First visit and keys
  welcome: "Label images, one batch at a time", start: "Start",
  welcomeSentences: [
    "To name the framed image, type a class into “Find or add a class” (key /). This class then has a key for the next images.",
    "From the second batch on, the page groups images that look like one class. Mark the wrong images with a click or Space, then press Enter to confirm the others.",
    "Every answer is saved at once, and Ctrl+Z undoes it. After each batch, alframe learns and shows the next batch.",
  ],
  keys: [
    ["Groups of images", [
      ["Enter", "Give the suggested class to all images of the group that are not marked"],
      ["a–z 1–9", "Give the class to the marked images, or to the current one"],
      ["Shift+a–z", "Give the class to all images of the group that are not marked"],
      ["0 -", "Blank image, unsure"],
      ["/", "Find or add a class by its name; ↑ ↓ choose among those found"],
      ["← → ↑ ↓", "Move"],
      ["Space", "Mark or unmark"],
      ["Shift+←→", "Mark while moving (or drag, or Shift and a click)"],
      ["Ctrl+A Esc", "Mark the whole group, unmark all"],
      ["PgDn", "Skip: the image comes again at the end"],
      ["Delete", "Remove the answer"],
    ]],
    ["One image", [
      ["Ctrl+Enter Esc", "Enlarge, go back (or double-click)"],
      ["Enter", "Accept the suggestion, or save several animals"],
      ["Space", "Zoom while held; the mouse wheel and ↑ ↓ zoom too"],
      ["PgUp PgDn", "Brighter, darker (with Shift: contrast)"],
      ["Home", "Reset zoom, brightness and contrast"],
      [", . ;", "Previous frame, next frame, play the burst"],
      ["Shift+a–z", "Give the class to all frames of the burst"],
      ["+", "Name several animals, then Enter"],
      ["F2 \\", "Write a comment, show or hide the boxes"],
    ]],
    ["Everywhere", [
      ["Ctrl+Z Ctrl+Y", "Undo, redo"],
      ["Alt+Shift+1…4", "Label, review, find more, progress"],
      ["=", "In review and find more: find images similar to this one"],
      ["?", "These keys"],
    ]],
  ],
};

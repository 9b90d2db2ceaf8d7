// The keyboard: one table from which keys are obeyed and the list behind `?` is written.

export const ANNOTATING = [
  ["undo", "Undo", "u", "Mod+z"],
  ["redo", "Redo", "Shift+U", "Mod+Shift+Z", "Mod+y"],
  ["reset", "Remove all clicks of this object", "r"],
  ["delete", "Delete the selected click, or the last", "Delete", "Backspace"],
  ["unselect", "Select no click", "Escape"],
  ["switchSign", "Switch what a plain click means", "b"],
  ["add", "New object", "n"],
  ["previousObject", "Previous object", "["],
  ["nextObject", "Next object", "]"],
  ["previousImage", "Previous image", "PageUp", ","],
  ["nextImage", "Next image", "PageDown", "."],
  ["save", "Write the masks now", "s", "Mod+s"],
];
export const STUDYING = [
  ["begin", "Begin with the next object", "n", "Space"],
  ["switchSign", "Switch what a plain click means", "b"],
];
export const POINTING = [
  ["left", "Move the cross", "ArrowLeft"],
  ["right", "", "ArrowRight"],
  ["up", "", "ArrowUp"],
  ["down", "", "ArrowDown"],
  ["fineLeft", "Move it by one pixel", "Shift+ArrowLeft"],
  ["fineRight", "", "Shift+ArrowRight"],
  ["fineUp", "", "Shift+ArrowUp"],
  ["fineDown", "", "Shift+ArrowDown"],
  ["clickHere", "Click at the cross", "Enter"],
  ["clickBackground", "Click at the cross as background", "Shift+Enter"],
];
export const VIEWING = [
  ["zoomIn", "Zoom in", "+", "="],
  ["zoomOut", "Zoom out", "-"],
  ["fit", "Fit to the window", "0"],
  ["nextLook", "Fill, outline, probability, photograph", "m"],
  ["moreOpacity", "More opacity", "o"],
  ["lessOpacity", "Less opacity", "Shift+O"],
  ["hide", "Hide the masks while held", "h"],
  ["help", "This list", "?"],
];
const GESTURES = [
  ["Click, tap", "Object"],
  ["Right click, long press, Shift click", "Background"],
  ["Drag a mark", "Move that click; a click on it selects it"],
  ["Drag, or two fingers", "Move the photograph"],
  ["Wheel, or pinch", "Zoom"],
];

const SHOWN = { ArrowLeft: "← → ↑ ↓", "Shift+ArrowLeft": "Shift ← → ↑ ↓", "Shift+U": "Shift U", "Shift+O": "Shift O" };

function nameKey(event) {
  const mod = event.ctrlKey || event.metaKey ? "Mod+" : "";
  const key = event.key === " " ? "Space" : event.key;
  const isLetter = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
  const shift = event.shiftKey && (isLetter || key.length > 1) ? "Shift+" : "";
  return mod + shift + (mod && !shift ? key.toLowerCase() : key);
}

const PRESSING = new Set(["Enter", "Shift+Enter", "Space"]);
const SLIDING = new Set([...POINTING.flatMap(([, , ...keys]) => keys), "PageUp", "PageDown"]);

// Calls `actions[name]()` for a key of the table; text fields keep all keys, buttons those that press, sliders those that
// move.
export function obeyKeys(table, actions) {
  const known = new Map(table.flatMap(([action, , ...keys]) => keys.map((key) => [key, action])));
  window.addEventListener("keydown", (event) => {
    const key = nameKey(event);
    const action = actions[known.get(key)];
    const isText = event.target.matches?.("input:not([type=range])");
    if (!action || isText || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches?.("button") && PRESSING.has(key)) return;
    if (event.target.matches?.("input") && SLIDING.has(key)) return;
    event.preventDefault();
    action(event);
  });
  window.addEventListener("keyup", (event) => event.key === "h" && actions.unhide?.());
}

function makeRow(names, what) {
  const row = document.createElement("tr");
  const [head, cell] = [document.createElement("th"), document.createElement("td")];
  head.scope = "row";
  names.forEach((name, at) => {
    const shown = document.createElement("kbd");
    shown.textContent = SHOWN[name] ?? showKey(name);
    head.append(at ? " " : "", shown);
  });
  cell.textContent = what;
  row.append(head, cell);
  return row;
}

const showKey = (name) => name.replace("Mod+", "Ctrl ").replace("Shift+", "Shift ").replace(/\b[a-z]$/, (key) => key.toUpperCase());

// Write the list: gestures with the keys in their place, and all other keys.
export function listKeys(table, gestures, keys) {
  const listed = (some) => some.filter(([, what]) => what).map(([, what, ...names]) => makeRow(names, what));
  gestures.replaceChildren(...GESTURES.map(([gesture, what]) => makeRow([gesture], what)), ...listed(POINTING), ...listed(VIEWING));
  keys.replaceChildren(...listed(table));
}

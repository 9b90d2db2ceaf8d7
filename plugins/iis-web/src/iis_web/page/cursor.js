// The cross that the arrow keys move, for clicking without a pointer.

const STEP = 14;

const STEPS = { left: [0, -1], right: [0, 1], up: [-1, 0], down: [1, 0] };

// Actions for the keys of POINTING; `click(pixel, isBackground)` is called for a click at the cross.
export function cursorActions(stage, click) {
  const clamp = (value, size) => Math.min(Math.max(value, 0), size - 1);
  const move = ([down, right], pixels) => {
    if (!stage.image) return;
    const { height, width } = stage.image;
    const from = stage.cursor ?? { row: Math.floor(height / 2), col: Math.floor(width / 2) };
    stage.cursor = { row: clamp(from.row + down * pixels, height), col: clamp(from.col + right * pixels, width) };
    stage.view.reveal(stage.cursor, stage.panes[0].size);
    stage.draw();
  };
  const steps = Object.entries(STEPS).flatMap(([name, step]) => [
    [name, () => move(step, Math.max(1, Math.round(STEP / stage.view.scale)))],
    [`fine${name[0].toUpperCase()}${name.slice(1)}`, () => move(step, 1)],
  ]);
  const clickHere = (isBackground) => () => (stage.cursor ? click(stage.cursor, isBackground) : move([0, 0], 0));
  return { ...Object.fromEntries(steps), clickHere: clickHere(false), clickBackground: clickHere(true) };
}

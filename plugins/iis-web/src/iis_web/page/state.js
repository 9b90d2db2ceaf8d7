// What a person did, as a value: every action makes a new state, so that undo is going back to an old one.

export const COLOURS = ["#56b4e9", "#e69f00", "#cc79a7", "#f0e442", "#009e73", "#0072b2", "#d55e00", "#bbbbbb"];
export const MOST_OBJECTS = 255;

export const colourOf = (number) => COLOURS[(number - 1) % COLOURS.length];

const newObject = (number) => ({ number, name: "", clicks: [], started: false });

export function start(objects = []) {
  const own = objects.length ? objects : [newObject(1)];
  return { objects: own, current: own[own.length - 1].number, selected: null, past: [], future: [] };
}

export const currentObject = (state) => state.objects.find((each) => each.number === state.current);

// Take over what another tab made; the history of this one ends here.
export function adopt(state, objects) {
  const next = start(objects);
  return next.objects.some((each) => each.number === state.current) ? { ...next, current: state.current } : next;
}

function commit(state, objects, changes = {}) {
  const past = [...state.past, { objects: state.objects, current: state.current }].slice(-500);
  return { ...state, selected: null, ...changes, objects, past, future: [] };
}

const change = (state, number, part) =>
  state.objects.map((each) => (each.number === number ? { ...each, ...part(each) } : each));

const changeClicks = (state, make, selected = null) =>
  commit(state, change(state, state.current, (each) => ({ clicks: make(each.clicks) })), { selected });

const samePixel = (a, b) => a.row === b.row && a.col === b.col;

const actions = {
  click: (state, { click }) =>
    currentObject(state).clicks.some((made) => samePixel(made, click))
      ? state
      : changeClicks(state, (clicks) => [...clicks, click]),
  move: (state, { index, row, col }) =>
    currentObject(state).clicks.some((made) => samePixel(made, { row, col }))
      ? state
      : changeClicks(state, (clicks) => clicks.map((made, at) => (at === index ? { ...made, row, col } : made)), index),
  delete: (state, { index }) => changeClicks(state, (clicks) => clicks.filter((_, at) => at !== index)),
  reset: (state) => (currentObject(state).clicks.length ? changeClicks(state, () => []) : state),
  add: (state) => {
    const empty = state.objects.find((each) => !each.clicks.length && !each.started && !each.name);
    const number = 1 + Math.max(0, ...state.objects.map((each) => each.number));
    if (empty) return { ...state, current: empty.number, selected: null };
    return number > MOST_OBJECTS ? state : commit(state, [...state.objects, newObject(number)], { current: number });
  },
  remove: (state, { number }) => {
    const left = state.objects.filter((each) => each.number !== number);
    const objects = left.length ? left : [newObject(1)];
    const isThere = objects.some((each) => each.number === state.current);
    return commit(state, objects, { current: isThere ? state.current : objects[objects.length - 1].number });
  },
  rename: (state, { number, name }) => commit(state, change(state, number, () => ({ name }))),
  choose: (state, { number }) => ({ ...state, current: number, selected: null }),
  chooseNext: (state, { by }) => {
    const at = state.objects.findIndex((each) => each.number === state.current);
    const next = (at + by + state.objects.length) % state.objects.length;
    return { ...state, current: state.objects[next].number, selected: null };
  },
  select: (state, { index }) => ({ ...state, selected: index }),
  undo: (state) => {
    const clicks = currentObject(state).clicks;
    // After a reload there is no history, but the last click can still be taken back.
    if (!state.past.length) return clicks.length ? forgetLast(state) : state;
    return travel(state, "past", "future");
  },
  redo: (state) => (state.future.length ? travel(state, "future", "past") : state),
};

function forgetLast(state) {
  const next = changeClicks(state, (clicks) => clicks.slice(0, -1));
  return { ...next, past: [], future: [...state.future, { objects: state.objects, current: state.current }] };
}

function travel(state, from, to) {
  const known = state[from][state[from].length - 1];
  const left = [...state[to], { objects: state.objects, current: state.current }];
  return { ...state, ...known, selected: null, [from]: state[from].slice(0, -1), [to]: left };
}

export const reduce = (state, action) => actions[action.type](state, action);

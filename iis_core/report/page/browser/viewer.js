const find = (name) => document.getElementById(`viewer${name}`);
const count = (made) => `${made} ${made === 1 ? "click" : "clicks"}`;

/** Let objects be looked at, one at a time, click by click; returns what opens one. */
function makeViewer(objects, order) {
  const viewer = find("");
  const slider = find("-clicks");
  let shown = 0;

  const list = () => Object.entries(objects[shown].runs);
  const last = () => Math.max(...list().map(([, run]) => run.ious.length - 1));
  const layers = () => new Set([...viewer.querySelectorAll("[data-layer]:checked")].map((box) => box.dataset.layer));

  function update() {
    const made = Number(slider.value);
    find("-count").textContent = `${made} of ${last()}`;
    const captions = list().map(([name, run]) => describeRun(name, run, made));
    slider.setAttribute("aria-valuetext", captions.join("; "));
    find("-stages").replaceChildren(
      ...list().map(([, run], place) => drawRun(objects[shown], run, made, captions[place], layers())),
    );
    const rows = writeIous(list(), last(), made);
    find("-ious").replaceChildren(...rows);
    rows[0].querySelector(".now").scrollIntoView({ block: "nearest", inline: "center" });
  }

  function open(place) {
    const object = objects[place];
    shown = place;
    find("-name").textContent = object.id;
    slider.max = last();
    slider.value = last();
    find("-note").textContent = !object.picture ? "No picture of this object is in the page." : describePart(object.picture);
    for (const button of viewer.querySelectorAll("[data-step]")) {
      button.disabled = order[order.indexOf(place) + Number(button.dataset.step)] === undefined;
    }
    update();
    if (!viewer.open) viewer.showModal();
  }

  viewer.addEventListener("input", update);
  viewer.addEventListener("click", ({ target }) => {
    if (target.dataset.step) open(order[order.indexOf(shown) + Number(target.dataset.step)]);
    if ("close" in target.dataset || target === viewer) viewer.close();
  });
  viewer.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    slider.value = Number(slider.value) + step;
    update();
  });
  return open;
}

function describePart(picture) {
  return picture.is_part ? "Enlarged from a part of the image." : "";
}

/** Describe a run after some clicks; one with fewer clicks stays at its last. */
function describeRun(name, run, wanted) {
  const made = Math.min(wanted, run.ious.length - 1);
  const ended = made < wanted ? ", its last" : "";
  return `${name}: IoU ${run.ious[made].toFixed(3)} after ${count(made)}${ended}`;
}

/** Draw what a run made of an object after some clicks. */
function drawRun(object, run, wanted, text, layers) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = text;
  if (run.differs_at != null) {
    caption.textContent += `. The masks are not those of the run: the replay differs from ${count(run.differs_at)} on.`;
  }
  if (run.masks) {
    const stage = drawStage(object.picture, run, Math.min(wanted, run.ious.length - 1), layers);
    stage.setAttribute("aria-label", `${object.id}. ${text}`);
    figure.append(stage);
  }
  figure.append(caption);
  return figure;
}

/** Write the IoUs of all runs as the rows of a table. */
function writeIous(runs, last, made) {
  const head = writeRow("clicks", [...Array(last + 1).keys()].map(String), made);
  return [head, ...runs.map(([name, run]) => writeRow(name, run.ious.map((iou) => iou.toFixed(3)), made))];
}

function writeRow(name, values, made) {
  const row = document.createElement("tr");
  const header = document.createElement("th");
  header.scope = "row";
  header.textContent = name;
  row.append(header);
  values.forEach((value, place) => {
    const cell = row.insertCell();
    cell.textContent = value;
    cell.className = place === made ? "number now" : "number";
  });
  return row;
}

const SVG = "http://www.w3.org/2000/svg";

/** Make an element of an image; text in it stays text. */
function make(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

/** Draw the photograph with the layers that are wanted, after some clicks of a run. */
function drawStage(picture, run, made, layers) {
  const { width, height } = picture;
  const stage = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  stage.append(make("image", { href: picture.photograph, width, height }));
  if (layers.has("mask")) stage.append(make("image", { href: run.masks[made], width, height, opacity: 0.6 }));
  if (layers.has("target")) {
    stage.append(drawOutline(picture.target, "#ffffff"));
    stage.append(drawOutline(picture.ignored, "#b0b0b0"));
  }
  if (layers.has("clicks")) {
    const unit = Math.max(width, height) / 480;
    run.clicks.slice(0, made).forEach((click, place) => stage.append(drawClick(click, place + 1, unit)));
  }
  return stage;
}

function drawOutline(d, colour) {
  const both = make("g", { fill: "none", "stroke-linejoin": "round" });
  for (const [stroke, wide] of [["#000000", 3], [colour, 1.5]]) {
    both.append(make("path", { d, stroke, "stroke-width": wide, "vector-effect": "non-scaling-stroke" }));
  }
  return both;
}

/** Draw a click: a green disk on the object, a vermillion square on the background, and its number. */
function drawClick({ x, y, positive }, number, unit) {
  const radius = 6 * unit;
  const outline = { stroke: "#ffffff", "stroke-width": 1.5 * unit };
  const mark = positive
    ? make("circle", { cx: x, cy: y, r: radius, fill: "#009E73", ...outline })
    : make("rect", { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius, fill: "#D55E00", ...outline });
  const size = 13 * unit;
  const text = { x: x + 1.4 * radius, y: y - 0.6 * radius, "font-size": size, "font-weight": 700, fill: "#ffffff" };
  const halo = { stroke: "#000000", "stroke-width": 3 * unit, "paint-order": "stroke" };
  const both = make("g", {});
  both.append(mark, make("text", { ...text, ...halo }, String(number)));
  return both;
}

// Predictions as canvases: the PNG's levels are probabilities, and exactly those from 128 on are the object.

const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

// The colour of probability 0.
export const NOWHERE = `rgb(${VIRIDIS[0]})`;

function viridis(level) {
  const place = (level / 255) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(place), VIRIDIS.length - 2);
  return VIRIDIS[low].map((value, channel) => value + (place - low) * (VIRIDIS[low + 1][channel] - value));
}

const parse = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

// Two tables of 256 colours, each a 32-bit pixel as canvases store it.
function makeTable(paint) {
  const bytes = new Uint8ClampedArray(1024);
  for (let level = 0; level < 256; level++) bytes.set(paint(level), 4 * level);
  return new Uint32Array(bytes.buffer);
}

const PROBABILITY = makeTable((level) => [...viridis(level), 255]);
const tables = new Map();

function tableOf(colour) {
  if (!tables.has(colour)) {
    const own = parse(colour);
    tables.set(colour, makeTable((level) => (level >= 128 ? [...own, 255] : [0, 0, 0, 0])));
  }
  return tables.get(colour);
}

function paint(levels, width, height, table) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  const painted = new Uint32Array(pixels.data.buffer);
  for (let at = 0; at < painted.length; at++) painted[at] = table[levels[at]];
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export class Mask {
  constructor(levels, box, colour) {
    this.levels = levels;
    this.box = box;
    this.fill = paint(levels, box.width, box.height, tableOf(colour));
    this.pixels = 0;
    for (let at = 0; at < levels.length; at++) this.pixels += levels[at] >> 7;
  }

  get probability() {
    this.painted ??= paint(this.levels, this.box.width, this.box.height, PROBABILITY);
    return this.painted;
  }

  has(row, col) {
    const { top, left, height, width } = this.box;
    const inside = row >= top && row < top + height && col >= left && col < left + width;
    return inside && this.levels[(row - top) * width + (col - left)] >= 128;
  }
}

export async function decodeMask(blob, box, colour) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const context = new OffscreenCanvas(box.width, box.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const pixels = new Uint32Array(context.getImageData(0, 0, box.width, box.height).data.buffer);
  const levels = new Uint8Array(pixels.length);
  for (let at = 0; at < levels.length; at++) levels[at] = pixels[at] & 255;
  return new Mask(levels, box, colour);
}

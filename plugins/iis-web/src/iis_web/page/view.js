// Where the photograph lies on the screen: a scale and the screen position of its left upper corner.

const LARGEST_SCALE = 64;

export class View {
  constructor() {
    this.scale = 1;
    this.left = 0;
    this.top = 0;
    this.isFitted = true;
  }

  fit(image, pane) {
    const margin = 12;
    const room = [Math.max(pane.width - 2 * margin, 1) / image.width, Math.max(pane.height - 2 * margin, 1) / image.height];
    this.fitted = Math.min(...room, 8);
    this.scale = this.fitted;
    this.left = (pane.width - image.width * this.scale) / 2;
    this.top = (pane.height - image.height * this.scale) / 2;
    this.isFitted = true;
  }

  zoom(factor, x, y) {
    const scale = Math.min(Math.max(this.scale * factor, Math.min(this.fitted, 1) / 2), LARGEST_SCALE);
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.isFitted = false;
  }

  pan(right, down) {
    this.left += right;
    this.top += down;
    this.isFitted = false;
  }

  // The pixel under a place on the screen, which may lie outside of the photograph.
  toPixel(x, y) {
    return { row: Math.floor((y - this.top) / this.scale), col: Math.floor((x - this.left) / this.scale) };
  }

  // The middle of a pixel on the screen.
  toScreen({ row, col }) {
    return { x: this.left + (col + 0.5) * this.scale, y: this.top + (row + 0.5) * this.scale };
  }

  // Keep a pixel in sight.
  reveal(pixel, pane) {
    const { x, y } = this.toScreen(pixel);
    const by = (at, size) => (at < 24 ? 24 - at : at > size - 24 ? size - 24 - at : 0);
    const [right, down] = [by(x, pane.width), by(y, pane.height)];
    if (right || down) this.pan(right, down);
  }
}

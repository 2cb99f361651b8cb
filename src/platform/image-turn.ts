import type { Size, SquareCrop } from './image-geometry.ts';

/** RGBA, 8 bits a channel, frames one below the other. */
export interface RgbaFrames extends Size {
  data: Buffer;
  /** Height of one frame. */
  pageHeight: number;
}

/** Are width and height of the upright picture those of the stored one the other way round? EXIF 2.32, table 6. */
export const swapsSides = (orientation: number): boolean => orientation >= 5;

/** Stored columns run from right to left. */
const isFromRight = (orientation: number) => [2, 3, 7, 8].includes(orientation);
/** Stored rows run from bottom to top. */
const isFromBottom = (orientation: number) => [3, 4, 6, 7].includes(orientation);

/** Where the square of the upright picture is in the picture as it is stored. */
export function toStoredCrop(crop: SquareCrop, upright: Size, orientation: number): SquareCrop {
  const { size } = crop;
  const swaps = swapsSides(orientation);
  const [width, height] = swaps ? [upright.height, upright.width] : [upright.width, upright.height];
  const [left, top] = swaps ? [crop.top, crop.left] : [crop.left, crop.top];
  return {
    left: isFromRight(orientation) ? width - left - size : left,
    top: isFromBottom(orientation) ? height - top - size : top,
    size,
  };
}

/** The frames upright. libvips can turn no animation, and holds a whole picture in memory before it turns a part of it. */
export function turn({ data, width, pageHeight, height }: RgbaFrames, orientation: number): RgbaFrames {
  const columns = isFromRight(orientation) ? { start: width - 1, step: -1 } : { start: 0, step: 1 };
  const rows = isFromBottom(orientation)
    ? { start: (pageHeight - 1) * width, step: -width }
    : { start: 0, step: width };
  const swaps = swapsSides(orientation);
  const [stepX, stepY] = swaps ? [rows.step, columns.step] : [columns.step, rows.step];
  const upright = swaps ? { width: pageHeight, pageHeight: width } : { width, pageHeight };
  const stored = new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
  const turned = new Uint32Array(stored.length);
  let to = 0;
  for (let frame = 0; frame < stored.length; frame += width * pageHeight) {
    for (let y = 0; y < upright.pageHeight; y++) {
      let from = frame + columns.start + rows.start + y * stepY;
      for (let x = 0; x < upright.width; x++, from += stepX) turned[to++] = stored[from] ?? 0;
    }
  }
  return { data: Buffer.from(turned.buffer), ...upright, height: (height / pageHeight) * upright.pageHeight };
}

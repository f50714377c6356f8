// How the second picture is laid upon the first: by three points that are set, or by points that match.
// Places are in fractions of a picture's width and height; a way is a homography from second to first.

const START = [[0.25, 0.25], [0.75, 0.25], [0.5, 0.75]];
export const startPoints = () => [0, 1].map(() => START.map((place) => [...place]));

/** The three points of each picture as the address has them: in percent, the first picture's first. */
export function readPoints(text) {
  const numbers = text.split(",").map((number) => Number(number) / 100);
  if (numbers.length !== 12 || !numbers.every(Number.isFinite)) return null;
  const pairs = Array.from({ length: 6 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
  return [pairs.slice(0, 3), pairs.slice(3)];
}

export const writePoints = (points) => points.flat(2).map((share) => String(Math.round(share * 10000) / 100)).join(",");

const times = (a, b) => a.map((row) => b[0].map((_, j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)));

function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (Math.abs(det) < 1e-6) return null;
  return [[e * i - f * h, c * h - b * i, b * f - c * e], [f * g - d * i, a * i - c * g, c * d - a * f], [d * h - e * g, b * g - a * h, a * e - b * d]]
    .map((row) => row.map((value) => value / det));
}

/** The affine way that brings three points of the second upon those of the first; null on a line. */
export function wayOf([first, second]) {
  const columns = (points) => [points.map(([x]) => x), points.map(([, y]) => y), [1, 1, 1]];
  const back = inverse(columns(second));
  return back && inverse(columns(first)) ? times(columns(first), back) : null;
}

/** The style that lays the second picture, `w` by `h` pixels, where `way` leads on the first. */
export function transformOf(way, [w, h], { left, top, width, height }) {
  const onto = [[width, 0, left], [0, height, top], [0, 0, 1]];
  const [[a, b, c], [d, e, f], [g, i, k]] = times(times(onto, way), [[1 / w, 0, 0], [0, 1 / h, 0], [0, 0, 1]]);
  return `matrix3d(${[a, d, 0, g, b, e, 0, i, 0, 0, 1, 0, c, f, 0, k].map((value) => value.toFixed(9)).join(", ")})`;
}

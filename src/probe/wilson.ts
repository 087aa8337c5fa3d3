/** The Wilson score interval: how far a rate that was seen in few attempts can be from the true one. */

/** The two-sided 95 % quantile of the normal distribution. */
const Z = 1.959963984540054;

/** The 95 % interval of `failures` out of `n`; everything is possible where nothing was seen. Wilson 1927, without correction. */
export function wilson(failures: number, n: number): [number, number] {
  if (n === 0) return [0, 1];
  const rate = failures / n;
  const spread = Z * Math.sqrt((rate * (1 - rate)) / n + (Z * Z) / (4 * n * n));
  const centre = rate + (Z * Z) / (2 * n);
  const scale = 1 + (Z * Z) / n;
  return [Math.max(0, (centre - spread) / scale), Math.min(1, (centre + spread) / scale)];
}

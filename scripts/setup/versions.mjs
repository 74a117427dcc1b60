/** Returns less than, equal to or more than 0 as version a is older than, equal to or newer than b; a suffix doesn't count. */
export function compareVersions(a, b) {
  const numbers = (version) => (/\d+(\.\d+)*/.exec(version)?.[0] ?? "0").split(".").map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

// The difference of two texts, line by line.

/** Lines as `{ sign, line }` with sign " ", "-" or "+"; of what stays, only some around a change. */
export function difference(before, after, around = 3) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const middle = common(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const same = (line) => ({ sign: " ", line });
  const all = [...a.slice(0, start).map(same), ...middle, ...a.slice(a.length - end).map(same)];
  if (!middle.length) return [];
  const near = new Set();
  all.forEach((one, i) => {
    if (one.sign === " ") return;
    for (let n = i - around; n <= i + around; n++) near.add(n);
  });
  return all.filter((_, i) => near.has(i));
}

/** Longest common subsequence of the part that differs; a long one is taken as wholly new. */
function common(a, b) {
  const gone = a.map((line) => ({ sign: "-", line }));
  const come = b.map((line) => ({ sign: "+", line }));
  if (a.length * b.length > 1_000_000) return [...gone, ...come];
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i][j] = a[i] === b[j] ? lengths[i + 1][j + 1] + 1
        : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) found.push({ sign: " ", line: a[i++] }), j++;
    else if (lengths[i + 1][j] >= lengths[i][j + 1]) found.push(gone[i++]);
    else found.push(come[j++]);
  }
  return [...found, ...gone.slice(i), ...come.slice(j)];
}

// A plain terminal's screen: lines of text with a cursor, and as much of the control sequences as
// shells without curses use.

const MOST = 2000;

/** Lines of text that a terminal has written. */
export class Screen {
  lines = [""];
  row = 0;
  column = 0;
  #rest = "";

  /** Takes what a process writes. */
  write(text) {
    const all = this.#rest + text;
    this.#rest = "";
    for (let i = 0; i < all.length; i++) {
      const c = all[i];
      if (c !== "\x1b") {
        this.#put(c);
        continue;
      }
      const sequence = /^\x1b(?:\[([0-9;?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[^[\]])/.exec(all.slice(i, i + 256));
      if (!sequence) {
        // Not complete yet; one that never ends is dropped.
        if (all.length - i < 256) this.#rest = all.slice(i);
        return;
      }
      if (sequence[2]) this.#control(sequence[2], sequence[1]);
      i += sequence[0].length - 1;
    }
  }

  #put(c) {
    if (c === "\n") this.#down();
    else if (c === "\r") this.column = 0;
    else if (c === "\b") this.column = Math.max(0, this.column - 1);
    else if (c === "\t") this.#write(" ".repeat(8 - (this.column % 8)));
    else if (c >= " ") this.#write(c);
  }

  #write(text) {
    const line = this.lines[this.row].padEnd(this.column);
    this.lines[this.row] = line.slice(0, this.column) + text + line.slice(this.column + text.length);
    this.column += text.length;
  }

  #down() {
    this.row++;
    if (this.row === this.lines.length) this.lines.push("");
    if (this.lines.length > MOST) {
      this.lines.shift();
      this.row--;
    }
  }

  #control(letter, text) {
    const count = Math.min(parseInt(text, 10) || 1, MOST);
    const line = this.lines[this.row];
    if (letter === "K") this.lines[this.row] = text === "2" ? "" : line.slice(0, this.column);
    else if (letter === "J" && (text === "2" || text === "3")) [this.lines, this.row, this.column] = [[""], 0, 0];
    else if (letter === "J") this.lines.splice(this.row + 1), (this.lines[this.row] = line.slice(0, this.column));
    else if (letter === "C") this.column += count;
    else if (letter === "D") this.column = Math.max(0, this.column - count);
    else if (letter === "G") this.column = count - 1;
    else if (letter === "P") this.lines[this.row] = line.slice(0, this.column) + line.slice(this.column + count);
  }

  /** The text before, at and behind the cursor. */
  parts() {
    const before = this.lines.slice(0, this.row).map((l) => `${l}\n`).join("");
    const line = this.lines[this.row].padEnd(this.column);
    const after = this.lines.slice(this.row + 1).map((l) => `\n${l}`).join("");
    return [before + line.slice(0, this.column), line[this.column] ?? " ", line.slice(this.column + 1) + after];
  }
}

const KEYS = { Enter: "\r", Backspace: "\x7f", Tab: "\t", Escape: "\x1b", ArrowUp: "\x1b[A",
  ArrowDown: "\x1b[B", ArrowRight: "\x1b[C", ArrowLeft: "\x1b[D", Home: "\x1b[H", End: "\x1b[F",
  Delete: "\x1b[3~" };

/** What a key sends; empty for none. Shift and Tab leave the terminal, as everywhere. */
export function keyBytes(event) {
  if (event.metaKey || event.isComposing) return "";
  if (event.key === "Tab" && event.shiftKey) return "";
  if (event.ctrlKey && !event.altKey) {
    const code = event.key.toUpperCase().charCodeAt(0);
    // Copying what is selected stays the browser's.
    if (event.shiftKey || event.key.length !== 1 || code < 64 || code > 95) return "";
    return String.fromCharCode(code - 64);
  }
  return KEYS[event.key] ?? (event.key.length === 1 ? event.key : "");
}

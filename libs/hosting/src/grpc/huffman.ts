/**
 * Bits of each byte's code in HPACK's Huffman code, and of the end-of-string at last: RFC 7541, appendix B. The code is canonical: codes of one
 * length follow one another in the order of the bytes, so that the lengths say everything.
 */
// prettier-ignore
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];
const END_OF_STRING = 256;

/** A node's two children, one after the other; a leaf is -2 - byte, what no code leads to -1. */
const children = new Int32Array(1_024).fill(-1);
const nodes = grow();

/** After four bits: the next node << 10, whether a byte came out << 8, and the byte; -1 where no code goes on so. */
const steps: Int32Array = buildSteps();

/** Whether a string may end at a node: after a whole code, or within at most 7 ones more. */
const mayEnd = new Uint8Array(nodes);
for (let node = 0, ones = 0; ones < 8; ones++) {
  mayEnd[node] = 1;
  node = children[node * 2 + 1] as number;
}

/** @returns how many nodes there are */
function grow(): number {
  let size = 1;
  let code = 0;
  let bits = 0;
  const order = LENGTHS.map((length, symbol) => ({ length, symbol }));
  order.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  for (const { length, symbol } of order) {
    code <<= length - bits;
    bits = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const slot = node * 2 + ((code >>> bit) & 1);
      if (children[slot] === -1) children[slot] = size++;
      node = children[slot] as number;
    }
    children[node * 2 + (code & 1)] = -2 - symbol;
    code += 1;
  }
  return size;
}

function buildSteps(): Int32Array {
  const all = new Int32Array(nodes * 16);
  for (let from = 0; from < nodes; from++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = from;
      let out = 0;
      for (let bit = 3; bit >= 0 && node >= 0; bit--) {
        const next = children[node * 2 + ((nibble >>> bit) & 1)] as number;
        if (next >= 0) node = next;
        else if (next === -2 - END_OF_STRING) node = -1;
        else {
          out = 256 | (-2 - next);
          node = 0;
        }
      }
      all[from * 16 + nibble] = node < 0 ? -1 : (node << 10) | out;
    }
  }
  return all;
}

const decoded = Buffer.allocUnsafeSlow(65_536);

/** @returns the text, a character a byte; null where the bytes are no such code, or hold more than 64 KiB */
export function huffmanDecoded(bytes: Buffer, from: number, to: number): string | null {
  let node = 0;
  let length = 0;
  // No code is shorter than five bits.
  if ((to - from) * 8 > decoded.length * 5) return null;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    let step = steps[node * 16 + (byte >>> 4)] as number;
    if (step < 0) return null;
    if ((step & 256) !== 0) decoded[length++] = step & 255;
    step = steps[(step >>> 10) * 16 + (byte & 15)] as number;
    if (step < 0) return null;
    if ((step & 256) !== 0) decoded[length++] = step & 255;
    node = step >>> 10;
  }
  return mayEnd[node] === 1 ? decoded.toString('latin1', 0, length) : null;
}

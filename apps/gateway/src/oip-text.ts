import { GyreError } from '@gyre/contracts';

/**
 * An element of a BYTES tensor. It is UTF-8, or it would come out of the model as something else than what went in.
 * @throws GyreError FEATURES_MISMATCHED
 */
export function decodedText(bytes: Buffer, from: number, to: number, input: string, element: number): string {
  const text = bytes.toString('utf8', from, to);
  if (text.includes('\ufffd') && !Buffer.from(text).equals(bytes.subarray(from, to))) throw noText(input, element);
  return wholeText(text, input, element);
}

/**
 * An element of a BYTES tensor that came as text.
 * @throws GyreError FEATURES_MISMATCHED where it could not reach the model whole
 */
export function wholeText(text: string, input: string, element: number): string {
  // onnxruntime's binding takes C strings, which end there.
  if (text.includes('\0')) {
    throw new GyreError(
      'FEATURES_MISMATCHED',
      `input "${input}" holds the character NUL in element ${element}, where a model would take the text to end; expected text without it`,
    );
  }
  // Half a character of UTF-16, as JSON can write it.
  if (!text.isWellFormed()) throw noText(input, element);
  return text;
}

function noText(input: string, element: number): GyreError {
  return new GyreError(
    'FEATURES_MISMATCHED',
    `input "${input}" holds in element ${element} what is no UTF-8; expected text`,
  );
}

/** The last fragment of a text message, which is also its first. */
const wholeText = 0x81;
/** Where a length stands that has more than seven bits: in the next two bytes, or in the next eight. */
const inTwoBytes = 126;
const inEightBytes = 127;

/** A text as the bytes of its UTF-8, one a character: what is sent often is encoded once. */
export const toBytes = (text: string): string => Buffer.from(text).toString('latin1');

/** A message of text as one frame (RFC 6455, 5.2), without the mask that only clients use. Bytes in and out, one a character. */
export function toTextFrame(bytes: string): string {
  const { length } = bytes;
  if (length < inTwoBytes) return String.fromCharCode(wholeText, length) + bytes;
  if (length < 2 ** 16) return String.fromCharCode(wholeText, inTwoBytes, length >> 8, length & 0xff) + bytes;
  const head = Buffer.of(wholeText, inEightBytes, 0, 0, 0, 0, 0, 0, 0, 0);
  head.writeBigUInt64BE(BigInt(length), 2);
  return head.toString('latin1') + bytes;
}

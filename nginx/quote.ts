/**
 * Returns a text as one parameter of an nginx directive.
 *
 * @throws Error for a text that nginx can't take literally: a `$`, which nginx has no escape for, or a control character.
 */
export function quoted(text: string): string {
  if (/[$\x00-\x1f\x7f]/.test(text)) throw new Error(`nginx can't take this text literally: ${JSON.stringify(text)}`);
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

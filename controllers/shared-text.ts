/** Texts that thousands of objects repeat, such as node names and reasons, kept once: each copy would cost more than what it says. */

const texts = new Map<string, string>()
/** Beyond this there is nothing to gain: the texts are not the same ones after all. */
const most = 20_000

export function sharedText(text: string): string {
  const known = texts.get(text)
  if (known !== undefined) return known
  if (texts.size >= most) texts.clear()
  texts.set(text, text)
  return text
}

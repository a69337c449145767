/**
 * The page's program: hexadecimal text to messages as trees, with the octets of each field beside it. Bundled with bgp-ts into `decoder.js`.
 * All that comes from the text goes into the page as text, never as markup.
 */

import { type AnnotateContext, annotate, type Field, type FileFault, families, HexText, hex } from 'bgp-ts'

function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`no ${id} in the page`)
  return found
}

const input = element('input', HTMLTextAreaElement)
const output = element('output', HTMLElement)
const octetsView = element('octets', HTMLElement)
const status = element('status', HTMLElement)
const twoOctets = element('two-octets', HTMLInputElement)
const paths = element('paths', HTMLInputElement)

/** More than the longest message, of which there may be several; a page with more fields is slow, and nobody reads it. */
const longest = 64 * 1024

const context = (): AnnotateContext => ({
  fourOctetAsn: !twoOctets.checked,
  addPath: paths.checked ? families : [],
})

function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
  text = '',
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  made.className = className
  made.textContent = text
  return made
}

/** A field as a line; one that has fields in it opens and closes. */
function show(field: Field): HTMLElement {
  const line = [make('span', 'name', field.name)]
  if (field.value) line.push(make('span', 'value', shortened(field.value)))
  if (field.wrong !== undefined) line.push(make('strong', 'wrong', field.wrong))
  line.push(make('span', 'place', place(field)))
  if (field.fields.length === 0) return marked(make('div', 'field'), field, line)
  const tree = make('details', 'group')
  tree.open = true
  tree.append(marked(make('summary', 'field'), field, line), ...field.fields.map(show))
  return tree
}

function place({ at, end }: Field): string {
  return end - at <= 1 ? `octet ${at}` : `octets ${at} to ${end - 1}`
}

const shortened = (text: string) => (text.length > 400 ? `${text.slice(0, 400)}…` : text)

/** The octets that are shown as marked. */
let marks: Element[] = []

/** Pointing at a line shows its octets; so does reaching it with the keyboard. */
function marked(line: HTMLElement, { at, end }: Field, parts: readonly HTMLElement[]): HTMLElement {
  line.append(...parts)
  line.tabIndex = 0
  const mark = () => {
    for (const octet of marks) octet.classList.remove('marked')
    marks = Array.from({ length: end - at }, (_, index) => octetsView.children[at + index]!)
    for (const octet of marks) octet.classList.add('marked')
    const first = marks[0]
    if (first) octetsView.scrollTop = Math.max(0, (first as HTMLElement).offsetTop - octetsView.offsetTop - 40)
  }
  line.addEventListener('mouseenter', mark)
  line.addEventListener('focus', mark)
  return line
}

interface Verdict {
  readonly text: string
  readonly isWrong: boolean
}

function complaint({ offset, text }: FileFault): string {
  const before = input.value.slice(0, offset).split('\n')
  const character = input.value[offset]
  const what = character === undefined ? text : `"${character}" is no hexadecimal digit`
  return `Line ${before.length}, column ${before.at(-1)!.length + 1}: ${what}.`
}

const wrongIn = ({ wrong, fields }: Field): number =>
  fields.reduce((sum, one) => sum + wrongIn(one), wrong === undefined ? 0 : 1)

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`

function decode(): void {
  output.replaceChildren()
  octetsView.replaceChildren()
  marks = []
  const { text, isWrong } = showOctets()
  status.textContent = text
  status.className = isWrong ? 'wrong' : ''
}

function showOctets(): Verdict {
  const given = input.value
  const text = new HexText()
  // A character that is not of ASCII is one wrong octet, so that places stay those of the text.
  const octets = text.take(Uint8Array.from({ length: given.length }, (_, at) => Math.min(given.charCodeAt(at), 0xff)))
  text.end()
  if (text.wrong) return { text: complaint(text.wrong), isWrong: true }
  if (octets.length === 0) return { text: 'Paste the octets of BGP messages as hexadecimal digits.', isWrong: false }
  if (octets.length > longest) {
    return { text: `${octets.length} octets are more than the ${longest} that this page shows.`, isWrong: true }
  }
  const messages = annotate(octets, context())
  output.append(...messages.map(show))
  octetsView.append(...Array.from(octets, (octet) => make('span', '', hex(Uint8Array.of(octet)))))
  const wrong = messages.reduce((sum, one) => sum + wrongIn(one), 0)
  const found = `${counted(octets.length, 'octet')}, ${counted(messages.length, 'message')}`
  return { text: `${found}, ${wrong === 0 ? 'nothing' : counted(wrong, 'thing')} wrong.`, isWrong: wrong > 0 }
}

input.addEventListener('input', decode)
twoOctets.addEventListener('change', decode)
paths.addEventListener('change', decode)
for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-octets]')) {
  button.addEventListener('click', () => {
    input.value = button.dataset['octets'] ?? ''
    decode()
  })
}

/** A link may bring its octets behind the #, which no server is sent. */
function fromLink(): void {
  if (location.hash.length <= 1) return
  input.value = location.hash.slice(1)
  decode()
}
window.addEventListener('hashchange', fromLink)

decode()
fromLink()

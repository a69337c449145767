/** YAML or JSON text as a value, and the way back from a path in it to a line. JSON is read by the platform: files of routes are large. */

import { isNode, LineCounter, parseDocument } from 'yaml'
import { ConfigError } from './flag.ts'

export interface ConfigDocument {
  readonly name: string
  readonly value: unknown
  /** `file:line:column path` of a place in the document. */
  place(path: readonly PropertyKey[]): string
}

export function readDocument(name: string, text: string): ConfigDocument {
  return /^\s*\{/.test(text) ? readJson(name, text) : readYaml(name, text)
}

function readJson(name: string, text: string): ConfigDocument {
  try {
    return { name, value: JSON.parse(text) as unknown, place: (path) => joined(name, path) }
  } catch (error) {
    throw new ConfigError(
      name,
      text.slice(0, 40),
      `is no valid JSON: ${error instanceof Error ? error.message : error}`,
    )
  }
}

function readYaml(name: string, text: string): ConfigDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [wrong] = document.errors
  if (wrong) {
    const { line, col } = lines.linePos(wrong.pos[0])
    throw new ConfigError(
      `${name}:${line}:${col}`,
      text.split('\n')[line - 1]?.trim(),
      `is no valid YAML: ${wrong.message}`,
    )
  }
  const place = (path: readonly PropertyKey[]) => {
    for (let depth = path.length; depth > 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true)
      if (!isNode(node) || !node.range) continue
      const { line, col } = lines.linePos(node.range[0])
      return joined(`${name}:${line}:${col}`, path)
    }
    return joined(name, path)
  }
  return { name, value: document.toJS() as unknown, place }
}

function joined(name: string, path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  return text === '' ? name : `${name} ${text.replace(/^\./, '')}`
}

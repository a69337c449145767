/** `tandem completion SHELL`: a script that completes commands, their flags and the words that flags choose from; made from the definition itself. */

import type { Command, Option } from 'commander'
import { ConfigError } from '../config/flag.ts'

export const shells = ['bash', 'zsh', 'fish'] as const

export function completion(program: Command, shell: string): string {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    about: command.description(),
    options: command.options.filter(({ hidden }) => !hidden),
  }))
  switch (shell) {
    case 'bash':
      return bash(commands)
    case 'zsh':
      return zsh(commands)
    case 'fish':
      return fish(commands)
    default:
      throw new ConfigError('SHELL', shell, `is not one of ${shells.join(', ')}`)
  }
}

interface Described {
  readonly name: string
  readonly about: string
  readonly options: readonly Option[]
}

const namesOf = ({ long, short }: Option) => [long, short].filter((name) => name !== undefined && name !== null)
/** What the value of a flag is chosen from; empty where it is not. */
function choicesOf({ argChoices, flags }: Option): readonly string[] {
  if (argChoices) return argChoices
  const [, words = ''] = /[<[]([^>\]]*\|[^>\]]*)[>\]]/.exec(flags) ?? []
  return words === '' ? [] : words.split('|')
}
const takesFile = ({ flags }: Option) => /<(?:FILE|DIR|PATH)>/.test(flags)

function bash(commands: readonly Described[]): string {
  const choices = commands.flatMap(({ name, options }) =>
    options.flatMap((option) => {
      const words = choicesOf(option)
      const patterns = namesOf(option).map((flag) => `"${name} ${flag}"`)
      if (words.length > 0) return [`    ${patterns.join(' | ')}) words="${words.join(' ')}" ;;`]
      return takesFile(option) ? [`    ${patterns.join(' | ')}) COMPREPLY=($(compgen -f -- "$now")); return ;;`] : []
    }),
  )
  const flags = commands.map(({ name, options }) => `      ${name}) words="${options.flatMap(namesOf).join(' ')}" ;;`)
  return `# bash completion of tandem: source <(tandem completion bash)
_tandem() {
  local now=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')}" -- "$now"))
    return
  fi
  case "$command $before" in
${choices.join('\n')}
  esac
  if [ -z "$words" ]; then
    case "$command" in
${flags.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$now"))
}
complete -o default -F _tandem tandem
`
}

/** In single quotes, with what zsh gives a meaning to in descriptions taken out. */
const plain = (text: string) => text.replace(/['[\]:`"\\$]/g, '')

function zsh(commands: readonly Described[]): string {
  const flags = commands.map(({ name, options }) => {
    const lines = options.flatMap((option) => {
      const words = choicesOf(option)
      const action = words.length > 0 ? `:value:(${words.join(' ')})` : takesFile(option) ? ':file:_files' : ''
      return namesOf(option).map((flag) => `        '${flag}[${plain(option.description)}]${action}'`)
    })
    return `    ${name})\n      _arguments \\\n${[...lines, "        '*::word:_files'"].join(' \\\n')} ;;`
  })
  const names = commands.map(({ name, about }) => `    '${name}:${plain(about)}'`)
  return `#compdef tandem
# zsh completion of tandem: tandem completion zsh > "\${fpath[1]}/_tandem"
_tandem() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${flags.join('\n')}
  esac
}
compdef _tandem tandem
`
}

function fish(commands: readonly Described[]): string {
  const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`
  const lines = commands.flatMap(({ name, about, options }) => [
    `complete -c tandem -n __fish_use_subcommand -f -a ${name} -d ${quoted(about)}`,
    ...options.map((option) => {
      const words = choicesOf(option)
      const { long, short, description } = option
      const parts = [
        `complete -c tandem -n '__fish_seen_subcommand_from ${name}'`,
        ...(long ? [`-l ${long.slice(2)}`] : []),
        ...(short ? [`-s ${short.slice(1)}`] : []),
        ...(words.length > 0 ? [`-x -a ${quoted(words.join(' '))}`] : takesFile(option) ? ['-r -F'] : []),
        `-d ${quoted(description)}`,
      ]
      return parts.join(' ')
    }),
  ])
  return `# fish completion of tandem: tandem completion fish > ~/.config/fish/completions/tandem.fish\n${lines.join('\n')}\n`
}

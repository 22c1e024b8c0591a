/**
 * `npm run reference`: writes the second half of docs/cli.md, one section for each command, from what the commands say of
 * themselves in oclif.manifest.json. The first half, down to the marker, is written by hand and stays. A test holds the page to this.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface Flag {
  name: string
  char?: string
  description?: string
  helpGroup?: string
  helpValue?: string
  options?: string[]
  default?: unknown
  env?: string
  multiple?: boolean
  type: 'boolean' | 'option'
}

interface Command {
  id: string
  summary: string
  description: string
  aliases: string[]
  examples: { description: string; command: string }[]
  args: Record<string, { name: string; description?: string; required?: boolean; multiple?: boolean }>
  flags: Record<string, Flag>
  strict: boolean
}

const marker = '<!-- From here on: npm run reference -->\n'
const columns = 120
const page = new URL('../docs/cli.md', import.meta.url)
const manifest = new URL('../oclif.manifest.json', import.meta.url)

/** The page with its second half as it should be. */
export function withReference(text: string): string {
  const at = text.indexOf(marker)
  if (at < 0) throw new Error(`docs/cli.md has lost its line ${marker}`)
  const commands: Command[] = Object.values(JSON.parse(readFileSync(manifest, 'utf8')).commands)
  return `${text.slice(0, at)}${marker}\n${[...commands.map(section), globalSection(commands[0]!)].join('\n')}`
}

function section(command: Command): string {
  const name = command.id.replaceAll(':', ' ')
  const own = Object.values(command.flags).filter(flag => flag.helpGroup !== 'GLOBAL')
  const paragraphs = [
    `## ${name}`,
    wrapped(command.summary),
    `\`${['loglady', name, ...Object.values(command.args).map(argument), '[FLAGS]'].join(' ')}\``,
    ...command.description.split(/\n\n+/).map(text => wrapped(inMarkdown(text))),
    ...(command.aliases.length === 0
      ? []
      : [`Also: ${command.aliases.map(alias => `\`loglady ${alias}\``).join(', ')}.`]),
    'Examples:',
    command.examples.map(example => item(`${inMarkdown(example.description)}: \`${example.command}\``)).join('\n'),
    'Arguments and flags:',
    Object.values(command.args)
      .map(arg => item(`\`${arg.name.toUpperCase()}\`: ${inMarkdown(arg.description ?? '')}`))
      .concat(own.map(flag => item(describeFlag(flag))))
      .join('\n'),
  ]
  return `${paragraphs.filter(text => text !== '').join('\n\n')}\n`
}

function globalSection({ flags }: Command): string {
  const shared = Object.values(flags).filter(flag => flag.helpGroup === 'GLOBAL')
  return `## Flags of every command\n\n${shared.map(flag => item(describeFlag(flag))).join('\n')}\n`
}

function argument({ name, required, multiple }: Command['args'][string]): string {
  const shown = `${name.toUpperCase()}${multiple ? '…' : ''}`
  return required ? shown : `[${shown}]`
}

function describeFlag(flag: Flag): string {
  const value = flag.type === 'boolean' ? '' : ` ${flag.helpValue ?? flag.options?.join('|') ?? 'VALUE'}`
  const spellings = [...(flag.char === undefined ? [] : [`\`-${flag.char}\``]), `\`--${flag.name}${value}\``]
  const defaults = [
    ...(flag.default === undefined || flag.type === 'boolean' ? [] : [`default \`${flag.default}\``]),
    ...(flag.env === undefined ? [] : [`else \`$${flag.env}\``]),
  ]
  const choices =
    flag.helpValue !== undefined && flag.options !== undefined ? `; one of ${flag.options.join(', ')}` : ''
  const note =
    defaults.length === 0
      ? ''
      : ` (${defaults
          .reverse()
          .join(', ')
          .replace(/^else /, '')})`
  return `${spellings.join(', ')}: ${inMarkdown(flag.description ?? '')}${choices}${note}`
}

/** Help texts are plain: what Markdown would take for its own is escaped, outside of `code`. */
function inMarkdown(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(/[\\<>*_[\]]/g, '\\$&')))
    .join('')
}

function item(text: string): string {
  return wrapped(`- ${text}`, '  ')
}

/** Broken at spaces, never within `code`. */
function wrapped(text: string, indentation = ''): string {
  const words = text.match(/(?:`[^`]*`|[^\s`])+/g) ?? []
  const lines: string[] = []
  let line = ''
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = `${indentation}${word}`
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(page, withReference(readFileSync(page, 'utf8')))

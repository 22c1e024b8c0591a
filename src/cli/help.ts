import type { Command } from '@oclif/core/command'
import type { Config } from '@oclif/core/config'
import { CommandHelp, Help } from '@oclif/core/help'
import type { HelpOptions } from '@oclif/core/interfaces'
import { type ColourWhen, isColourWanted } from './colour.ts'

/** `--help` of a command: examples first, as that is what most people came for; flags in the order in which they matter. */
class LogladyCommandHelp extends CommandHelp {
  protected override sections(): ReturnType<CommandHelp['sections']> {
    const order = ['EXAMPLES', 'USAGE', 'DESCRIPTION', 'ARGUMENTS', 'FLAGS']
    const rank = (header: string): number => (order.includes(header) ? order.indexOf(header) : order.length)
    return super.sections().sort((a, b) => rank(a.header) - rank(b.header))
  }

  // Oclif trims a whole list, and with it the indentation of a first flag that has no short form.
  override renderList(...[rows, options]: Parameters<CommandHelp['renderList']>): string {
    const indentation = /^ */.exec(rows[0]?.[0] ?? '')?.[0] ?? ''
    return indentation + super.renderList(rows, options)
  }

  // Oclif wants every example to begin with the program's name; ours begin with `cat` or `printf` as often.
  protected override examples(examples: Command.Example[] | string | undefined): string | undefined {
    if (examples === undefined || examples.length === 0) return undefined
    const list = typeof examples === 'string' ? [examples] : examples
    return list.map(example => this.#example(example)).join('\n')
  }

  #example(example: Command.Example): string {
    const [description, ...commands] =
      typeof example === 'string' ? example.split('\n') : [example.description, ...example.command.split('\n')]
    return [`# ${description}`, ...commands.map(line => `$ ${line}`)].join('\n')
  }

  protected override usage(): string {
    return `loglady ${this.command.id} ${usageOf(this.command)}`.trimEnd()
  }
}

function usageOf(command: Command.Loadable | Command.Cached | Command.Class): string {
  const args = Object.values(command.args ?? {}).map(arg => {
    const name = `${arg.name.toUpperCase()}${arg.multiple ? '…' : ''}`
    return arg.required ? name : `[${name}]`
  })
  return [...args, '[FLAGS]'].join(' ')
}

export default class LogladyHelp extends Help {
  protected override CommandHelpClass = LogladyCommandHelp

  constructor(config: Config, options: Partial<HelpOptions> = {}) {
    super(config as never, { flagSortOrder: 'none', maxWidth: helpWidth(), stripAnsi: isPlain(), ...options })
  }

  override async showCommandHelp(command: Command.Loadable): Promise<void> {
    const children = this.sortedCommands.filter(other => other.id.startsWith(`${command.id}:`))
    this.log(this.formatCommand(command))
    if (children.length > 0) this.log(`\n${this.formatCommands(children)}`)
  }

  // `loglady` alone and `loglady --help`.
  protected override async showRootHelp(): Promise<void> {
    const commands = this.sortedCommands.filter(command => !command.id.includes(':'))
    this.log(rootHead)
    this.log(this.formatCommands(commands))
    this.log(rootTail)
  }
}

const rootHead = `loglady: Kafka's commit log as a Unix tool

  $ cat events.ndjson | loglady append events
  $ loglady read events -o -10
  $ loglady tail -f events
`

const rootTail = `
  loglady COMMAND --help   examples and flags of a command
  -d DIR or $LOGLADY_DIR   the data directory (default ./loglady-data)`

/** As wide as the terminal, within what is readable; 100 columns when written to a file or a pager. */
function helpWidth(): number {
  return Math.max(60, Math.min(process.stdout.columns ?? 100, 120))
}

function isPlain(): boolean {
  const words = process.argv.join(' ')
  const when = /--color[ =](always|never)\b/.exec(words)?.[1] as ColourWhen | undefined
  return !isColourWanted(when ?? 'auto', process.stdout)
}

import type { FlagInput } from '@oclif/core/interfaces'
import { InvalidArgumentError } from '../log/index.ts'

/**
 * Oclif takes a value that looks like one of the command's own flags for a missing value: `--grep=-v`, `-K=`, `-o -0` and
 * `-k-x` all fail or lose bytes, though getopt knows exactly what is meant. So each value that its place already makes a
 * value gets a NUL in front, which no argument can contain, before oclif parses; `withMarksRemoved` takes it off again.
 */
const valueMark = '\0'

type Flag = FlagInput[string]

/** argv with its values marked. Throws for a value given to a flag that takes none (`--follow=yes`). */
export function markValues(argv: readonly string[], flags: FlagInput, negative: ReadonlySet<string>): string[] {
  const byName = flagsByName(flags)
  const marked: string[] = []
  for (let at = 0; at < argv.length; at++) {
    const token = argv[at]!
    if (token === '--') return [...marked, ...argv.slice(at)]
    const split = token.startsWith('--') ? splitLong(token, byName) : splitShort(token, byName)
    marked.push(...split.tokens)
    const next = argv[at + 1]
    if (split.awaiting === undefined || next === undefined) continue
    const isNegativeNumber = negative.has(split.awaiting) && /^-\d/.test(next)
    marked.push(isNegativeNumber ? valueMark + next : next)
    at += 1
  }
  return marked
}

interface Split {
  tokens: string[]
  /** The name of the option whose value is the next argument. */
  awaiting?: string
}

function splitLong(token: string, byName: Map<string, [string, Flag]>): Split {
  const equals = token.indexOf('=')
  const spelled = equals < 0 ? token : token.slice(0, equals)
  const [name, flag] = byName.get(spelled) ?? []
  if (flag === undefined || name === undefined) return { tokens: [token] }
  if (flag.type === 'boolean') {
    if (equals >= 0) throw new InvalidArgumentError(`${spelled} takes no value`)
    return { tokens: [token] }
  }
  if (equals < 0) return { tokens: [token], awaiting: name }
  return { tokens: [spelled, valueMark + token.slice(equals + 1)] }
}

// A cluster: switches, and perhaps at its end one option with or without its value, as in `-qK:`.
function splitShort(token: string, byName: Map<string, [string, Flag]>): Split {
  if (!token.startsWith('-')) return { tokens: [token] }
  for (let at = 1; at < token.length; at++) {
    const [name, flag] = byName.get(`-${token[at]}`) ?? []
    if (flag === undefined || name === undefined) return { tokens: [token] }
    if (flag.type === 'boolean') continue
    const switches = at === 1 ? [] : [token.slice(0, at)]
    const option = `-${token[at]}`
    const value = token.slice(at + 1)
    if (value === '') return { tokens: [...switches, option], awaiting: name }
    // `-d=x` means x, as oclif has it, but the `=` of `-K=` can only be the delimiter itself.
    const stripped = value.startsWith('=') && value.length > 1 ? value.slice(1) : value
    return { tokens: [...switches, option, valueMark + stripped] }
  }
  return { tokens: [token] }
}

function flagsByName(flags: FlagInput): Map<string, [string, Flag]> {
  const byName = new Map<string, [string, Flag]>()
  for (const [name, flag] of Object.entries(flags)) {
    const spellings = [name, ...(flag.aliases ?? [])].map(spelling => `--${spelling}`)
    for (const char of [flag.char, ...(flag.charAliases ?? [])]) if (char !== undefined) spellings.push(`-${char}`)
    if (flag.type === 'boolean' && flag.allowNo) spellings.push(`--no-${name}`)
    for (const spelling of spellings) byName.set(spelling, [name, flag])
  }
  return byName
}

/** The same flags, whose parsers see the values without the mark. */
export function withMarksRemoved<F extends FlagInput>(flags: F): F {
  const entries = Object.entries(flags).map(([name, flag]) => {
    if (flag.type === 'boolean') return [name, flag]
    const { options, parse } = flag
    const unmarked: typeof parse = (text, context, settings) => {
      const value = text.startsWith(valueMark) ? text.slice(1) : text
      checkOption(value, options)
      return parse(value, context, settings)
    }
    // Oclif would hold the marked value against `options`.
    return [name, { ...flag, options: undefined, parse: unmarked }]
  })
  return Object.fromEntries(entries) as F
}

function checkOption(value: string, options: readonly string[] | undefined): void {
  if (options === undefined || options.includes(value)) return
  throw new InvalidArgumentError(`"${value}" is none of ${options.join(', ')}`)
}

/** Whether errors shall be JSON, known before (and although) parsing fails: `-J` or `--json`, also within a cluster. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  const before = end < 0 ? argv : argv.slice(0, end)
  return before.some(
    token => token === '--json' || /^-[a-zA-Z0-9]*J$/.test(token) || /^-[qv]*J[a-zA-Z0-9]*$/.test(token),
  )
}

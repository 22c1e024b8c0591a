import * as Flags from '@oclif/core/flags'
import { InvalidArgumentError } from '../log/index.ts'
import { argumentBytes, unescapeToBytes } from './escapes.ts'
import { type OffsetRange, offsetHelp, parseOffsetRange } from './offset-grammar.ts'
import { parseDuration, parseSize } from './sizes.ts'
import { parseTime, timeHelp } from './time-grammar.ts'

/**
 * One definition for each flag that more than one command has, and one type for each kind of value. A command adds what is
 * its own with these types. `multiple` always comes with `multipleNonGreedy`, else the flag swallows the positionals.
 */

/** Oclif's types know letters only, its parser any character. */
export function shortDigit(digit: string): 'a' {
  return digit as 'a'
}

/** Flags whose value may be `-5` or `-1h`, and also `-0`, which is a flag of its own. */
export const flagsWithNegativeValues: ReadonlySet<string> = new Set(['offset', 'since', 'until', 'time', 'timestamp'])

export const sizeFlag = Flags.custom<number>({ helpValue: 'SIZE', parse: async text => parseSize(text) })

export const durationFlag = Flags.custom<number>({ helpValue: 'DURATION', parse: async text => parseDuration(text) })

/** Milliseconds; see `timeHelp`. */
export const timeFlag = Flags.custom<number>({ helpValue: 'TIME', parse: async text => parseTime(text) })

/** The same as a record's timestamp: Kafka knows none before 1970. */
export const timestampFlag = Flags.custom<number>({
  helpValue: 'TIME',
  parse: async text => {
    const timestamp = parseTime(text)
    if (timestamp < 0) throw new InvalidArgumentError(`"${text}" is before 1970, which no timestamp of a record can be`)
    return timestamp
  },
})

export const offsetRangeFlag = Flags.custom<OffsetRange>({
  helpValue: 'OFFSET',
  parse: async text => parseOffsetRange(text),
})

/** A whole number, `min` (default 0) to `max`. */
export const numberFlag = Flags.custom<number, { min?: number; max?: number }>({
  helpValue: 'N',
  parse: async (text, _context, { min = 0, max = Number.MAX_SAFE_INTEGER }) => parseWholeNumber(text, min, max),
})

/** `0,2`: partition numbers, sorted, each once. */
export const partitionsFlag = Flags.custom<number[]>({
  char: 'p',
  helpValue: 'N[,N…]',
  description: 'only these partitions',
  parse: async text => parsePartitions(text),
})

/** At least one byte, with the escapes of `unescapeToBytes`. */
export const delimiterFlag = Flags.custom<Buffer>({
  helpValue: 'STR',
  parse: async text => {
    const delimiter = unescapeToBytes(text)
    if (delimiter.length === 0) {
      throw new InvalidArgumentError('a delimiter has at least one byte', {
        hint: '--framing whole takes or gives bytes without any',
      })
    }
    return delimiter
  },
})

/** The bytes of the argument as they stand, without escapes. */
export const bytesFlag = Flags.custom<Buffer>({ parse: async text => argumentBytes(text) })

/** `name=value`, divided at the first `=`. */
export interface Pair {
  readonly name: string
  readonly value: string
}

/** Repeatable; gives all pairs in the order in which they were written. */
export const pairsFlag = Flags.custom<Pair>({
  helpValue: 'k=v',
  multiple: true,
  multipleNonGreedy: true,
  parse: async text => parsePair(text),
})

/** Thrown by -V behind a command; the base command answers it. */
export class VersionRequest extends Error {}

/** The flags that every command has; `LogladyCommand.baseFlags`. */
export const commonFlags = {
  dir: Flags.string({
    char: 'd',
    helpValue: 'DIR',
    helpGroup: 'GLOBAL',
    env: 'LOGLADY_DIR',
    default: './loglady-data',
    description: 'the data directory',
  }),
  quiet: Flags.boolean({ char: 'q', helpGroup: 'GLOBAL', description: 'no notes and no progress on stderr' }),
  verbose: Flags.boolean({ char: 'v', helpGroup: 'GLOBAL', description: 'say more on stderr' }),
  color: Flags.option({ options: ['auto', 'always', 'never'] as const })({
    helpGroup: 'GLOBAL',
    helpValue: 'WHEN',
    default: 'auto',
    description: 'colour: auto (a terminal without $NO_COLOR), always, never',
  }),
  debug: Flags.boolean({ helpGroup: 'GLOBAL', description: 'print the stack of an error' }),
  // Answered before any command is loaded; it stands here for the help and for "did you mean".
  help: Flags.boolean({ char: 'h', helpGroup: 'GLOBAL', description: 'print this help' }),
  version: Flags.boolean({
    char: 'V',
    helpGroup: 'GLOBAL',
    description: 'print the version',
    // Thrown here, before the parser misses a required argument.
    parse: async () => {
      throw new VersionRequest()
    },
  }),
}

/** For commands that print data: one JSON object a line; errors and notes become JSON lines on stderr. */
export const jsonFlag = Flags.boolean({ char: 'J', description: 'one JSON object a line' })

export const offsetFlag = offsetRangeFlag({ char: 'o', description: offsetHelp })

export const sinceFlag = timeFlag({ char: 'S', description: `only records with a timestamp from TIME on. ${timeHelp}` })

export const untilFlag = timeFlag({ char: 'U', description: 'only records with a timestamp before TIME' })

export const countFlag = numberFlag({ char: 'c', min: 0, description: 'end after N records' })

export const nulFlag = Flags.boolean({ char: shortDigit('0'), description: 'the delimiter is a NUL byte' })

/** For commands that delete. */
export const yesFlag = Flags.boolean({ char: 'y', description: 'do not ask' })
export const dryRunFlag = Flags.boolean({ description: 'print what would be done, and do nothing' })

/** `--config k=v` of topics, repeatable; the keys are Kafka's. */
export const configFlag = pairsFlag({ description: "topic configuration, with Kafka's keys; repeatable" })

/** The last one wins where a key is given twice. */
export function configOf(pairs: readonly Pair[] = []): Map<string, string> {
  return new Map(pairs.map(({ name, value }) => [name, value]))
}

export function parseWholeNumber(text: string, min: number, max: number): number {
  const number = Number(text)
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(number)) {
    throw new InvalidArgumentError(`"${text}" is no whole number`)
  }
  if (number < min || number > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`
    throw new InvalidArgumentError(`${text} is out of range, which is ${range}`)
  }
  return number
}

/** Partition numbers are int32 in Kafka. */
export const maxPartition = 2 ** 31 - 1

export function parsePartitions(text: string): number[] {
  const numbers = text.split(',').map(part => parseWholeNumber(part.trim(), 0, maxPartition))
  return [...new Set(numbers)].sort((a, b) => a - b)
}

export function parsePair(text: string): Pair {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError(`"${text}" is no k=v`)
  argumentBytes(text)
  return { name: text.slice(0, at), value: text.slice(at + 1) }
}

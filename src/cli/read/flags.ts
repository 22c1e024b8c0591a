import * as Flags from '@oclif/core/flags'
import type { InferredFlags } from '@oclif/core/interfaces'
import { isolations } from '../../log/index.ts'
import {
  bytesFlag,
  countFlag,
  delimiterFlag,
  jsonFlag,
  nulFlag,
  offsetFlag,
  parseWholeNumber,
  partitionsFlag,
  sinceFlag,
  untilFlag,
} from '../flags.ts'
import { formatHelp, RecordFormat } from '../output/format.ts'
import { ValueMatcher } from '../output/grep.ts'

export const framingNames = ['lines', 'nul', 'u32be', 'varint', 'whole'] as const

const formatFlag = Flags.custom<RecordFormat>({
  helpValue: 'FORMAT',
  description: `print each record as FORMAT says, and nothing else: ${formatHelp}`,
  parse: async text => new RecordFormat(text),
})

const grepFlag = Flags.custom<ValueMatcher>({ parse: async text => new ValueMatcher(text) })

/** How records are printed: the same for `read` and `tail`, where only `read` has the letter -f for the format. */
const styleFlags = {
  json: Flags.boolean({
    ...jsonFlag,
    description: 'one JSON object a line, which `append -J` takes; bytes that are no UTF-8 as {"base64": "…"}',
  }),
  delimiter: delimiterFlag({
    char: 'D',
    description: 'what stands behind each value instead of \\n; escapes as in \\t, \\x1e',
  }),
  nul: nulFlag,
  'key-delimiter': delimiterFlag({
    char: 'K',
    description: 'print KEY, this, VALUE; a null key prints neither key nor delimiter',
  }),
  framing: Flags.option({ options: framingNames })({
    description:
      'how values are told apart: lines, nul, u32be (a length of four bytes, big-endian, in front of each), varint (a length as ' +
      'unsigned LEB128), whole (nothing between them)',
  }),
  raw: Flags.boolean({ description: 'print unprintable bytes to a terminal as they are; elsewhere they always are' }),
}

/** Which records are printed, and what is said beside them. */
const selectionFlags = {
  since: sinceFlag,
  until: untilFlag,
  count: countFlag,
  partitions: partitionsFlag(),
  grep: grepFlag({
    char: 'g',
    helpValue: 'RE',
    description:
      'only records whose value matches this JavaScript regular expression, in either case unless it has a capital; exit 1 if none does',
  }),
  key: bytesFlag({ helpValue: 'K', description: 'only records with exactly this key' }),
  'by-partition': Flags.boolean({
    description: 'one partition after the other, instead of merged by timestamp',
  }),
  isolation: Flags.option({ options: isolations })({
    default: 'read_uncommitted',
    description: 'read_committed leaves out aborted transactions, and ends before the first open one',
  }),
  'skip-corrupt': Flags.boolean({
    description:
      'go on behind a damaged place, and say which bytes and offsets that leaves out; the exit code is still 3',
  }),
  stats: Flags.boolean({ description: 'at the end say on stderr how much was printed, and how fast' }),
}

export const readFlags = {
  offset: offsetFlag,
  ...selectionFlags,
  follow: Flags.boolean({ description: 'at the end wait for more, as tail -f does' }),
  reverse: Flags.boolean({ char: 'r', description: 'the last record first' }),
  clamp: Flags.boolean({
    description: 'start at the nearest offset if the wanted one was removed or is not there yet',
  }),
  format: formatFlag({ char: 'f' }),
  ...styleFlags,
  group: Flags.string({
    helpValue: 'NAME',
    description:
      'start at the committed offset of this consumer group, and commit: at most every 5 s and at the end, only what the reader of ' +
      'stdout has taken out of the pipe, nothing more once it has gone. At least once, as far as the read(2) of that reader. One ' +
      'process a group; a second one exits 4',
  }),
  'cursor-file': Flags.string({ helpValue: 'FILE', description: 'the same, with the offsets in a file of your own' }),
}
export type ReadFlags = InferredFlags<typeof readFlags>

/** `-n`: the last N, from the Nth on, or all. */
export type Lines = { readonly last: number } | { readonly from: number }

const linesFlag = Flags.custom<Lines>({
  helpValue: 'N|+N|all',
  parse: async text => {
    if (text === 'all') return { from: 1 }
    const isFrom = text.startsWith('+')
    // GNU's tail takes `-n -5` for `-n 5` too.
    const number = parseWholeNumber(text.replace(/^[+-]/, ''), 0, Number.MAX_SAFE_INTEGER)
    return isFrom ? { from: Math.max(1, number) } : { last: number }
  },
})

export const tailFlags = {
  lines: linesFlag({ char: 'n', description: 'the last N records (default 10), those from the Nth on, or all' }),
  follow: Flags.boolean({ char: 'f', description: 'go on with new records as they come' }),
  retry: Flags.boolean({
    char: 'F',
    description: 'as -f; also wait for a topic that is not there yet, and go on with one that was made anew',
  }),
  ...selectionFlags,
  format: formatFlag(),
  ...styleFlags,
}
export type TailFlags = InferredFlags<typeof tailFlags>

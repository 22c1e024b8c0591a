import { InvalidArgumentError } from '../../log/index.ts'
import { FormatWriter, type RecordFormat } from '../output/format.ts'
import { JsonWriter } from '../output/json.ts'
import type { RecordOrigin, RecordWriter } from '../output/record-writer.ts'
import type { BlockSink } from '../output/stdout.ts'
import { DelimitedWriter, LengthPrefixedWriter } from '../output/values.ts'
import type { framingNames } from './flags.ts'

/** How records are printed. */
export type OutputStyle =
  | { readonly kind: 'json' }
  | { readonly kind: 'format'; readonly format: RecordFormat }
  | { readonly kind: 'delimited'; readonly delimiter: Buffer; readonly keyDelimiter?: Buffer | undefined }
  | { readonly kind: 'prefixed'; readonly prefix: 'u32be' | 'varint'; readonly keyDelimiter?: Buffer | undefined }

export interface StyleFlags {
  json?: boolean
  format?: RecordFormat | undefined
  delimiter?: Buffer | undefined
  nul?: boolean
  'key-delimiter'?: Buffer | undefined
  framing?: (typeof framingNames)[number] | undefined
}

const delimiters = { lines: Buffer.from('\n'), nul: Buffer.from([0]), whole: Buffer.alloc(0) }

/** Throws InvalidArgumentError for flags that say two things. */
export function chooseStyle(flags: StyleFlags): OutputStyle {
  const { json = false, format, delimiter, nul = false, framing, 'key-delimiter': keyDelimiter } = flags
  const others = {
    '--delimiter': delimiter,
    '-0': nul || undefined,
    '--key-delimiter': keyDelimiter,
    '--framing': framing,
  }
  if (json || format !== undefined) {
    const name = json ? '--json' : '--format'
    const [other] = Object.entries({ ...others, ...(json && { '--format': format }) }).find(([, set]) => set) ?? []
    if (other !== undefined) throw new InvalidArgumentError(`${name} says it all, ${other} can not be added`)
    return format === undefined ? { kind: 'json' } : { kind: 'format', format }
  }
  if (nul && delimiter !== undefined) throw new InvalidArgumentError('-0 and --delimiter are two delimiters')
  if (nul && framing !== undefined && framing !== 'nul') {
    throw new InvalidArgumentError(`-0 is --framing nul, not ${framing}`)
  }
  const name = nul ? 'nul' : (framing ?? 'lines')
  if (delimiter !== undefined && name !== 'lines') {
    throw new InvalidArgumentError(`--framing ${name} knows no --delimiter`)
  }
  if (name === 'u32be' || name === 'varint') return { kind: 'prefixed', prefix: name, keyDelimiter }
  return { kind: 'delimited', delimiter: delimiter ?? delimiters[name], keyDelimiter }
}

/** With `forTerminal`, what comes from records can not steer the terminal. */
export function createWriter(
  style: OutputStyle,
  sink: BlockSink,
  origin: RecordOrigin,
  forTerminal: boolean,
): RecordWriter {
  switch (style.kind) {
    case 'json':
      return new JsonWriter(sink, origin, forTerminal)
    case 'format':
      return new FormatWriter(sink, style.format, origin, forTerminal)
    case 'delimited':
      return new DelimitedWriter(sink, { ...style, forTerminal })
    case 'prefixed':
      return new LengthPrefixedWriter(sink, { ...style, forTerminal })
  }
}

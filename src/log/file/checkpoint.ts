import { CorruptFileError } from '../errors.ts'
import { readWholeFile } from './whole-file.ts'

const VERSION = '0'

/** What the lines of one kind of checkpoint look like. */
export interface EntryShape<T> {
  /** For messages: `<epoch> <startOffset>`. */
  words: string
  /** undefined: the line is not of this shape. */
  parse(line: string): T | undefined
}

/**
 * The text file in which Kafka keeps a few numbers (`CheckpointFile`): a version, a count, and as many lines.
 *
 * ```
 * 0\n                    version
 * 2\n                    number of entries
 * default 0 1234\n       one entry a line; what is in it depends on the file
 * default 1 77\n
 * ```
 *
 * Every line ends with '\n' when written; read are also "\r\n", a lone '\r', and a last line without its end, as Java does.
 * A file of 0 bytes holds no entries, one with nothing but the version neither. The count is what tells a file that was
 * cut short, because nothing else does: replaced files are written aside, synced and renamed. Another version, a line
 * that does not parse or a wrong count make the whole file unreadable; what follows from that is the business of each file.
 */
export function parseCheckpoint<T>(bytes: Buffer, path: string, shape: EntryShape<T>): T[] {
  // latin1, so that a place in the text is a place in the file.
  const lines = splitLines(bytes.toString('latin1'))
  const version = lines[0]
  if (version === undefined) return []
  if (version.text !== VERSION) throw malformed('unknown version', VERSION, version, path)
  const count = lines[1]
  if (count === undefined) return []
  if (!/^\d+$/.test(count.text)) throw malformed('malformed count', 'a number of entries', count, path)
  const entries: T[] = []
  for (const line of lines.slice(2)) {
    const entry = shape.parse(line.text)
    if (entry === undefined) throw malformed('malformed entry', shape.words, line, path)
    entries.push(entry)
  }
  if (entries.length !== Number(count.text))
    throw malformed('wrong count', `${entries.length} as there are`, count, path)
  return entries
}

/** undefined if there is no such file. CorruptFileError if it is unreadable. */
export function readCheckpoint<T>(path: string, shape: EntryShape<T>): T[] | undefined {
  const bytes = readWholeFile(path)
  return bytes === undefined ? undefined : parseCheckpoint(bytes, path, shape)
}

export function formatCheckpoint(entries: readonly string[]): string {
  return `${[VERSION, entries.length, ...entries].join('\n')}\n`
}

/** A whole number from 0 to `max`, or undefined. `Number` alone would also take '', '1e3' and '0x10'. */
export function parseWholeNumber(text: string | undefined, max = Number.MAX_SAFE_INTEGER): number | undefined {
  if (text === undefined || !/^\d+$/.test(text)) return undefined
  const value = Number(text)
  return value <= max ? value : undefined
}

interface Line {
  text: string
  position: number
}

function splitLines(text: string): Line[] {
  const lines: Line[] = []
  let position = 0
  for (const end of text.matchAll(/\r\n|\n|\r/g)) {
    lines.push({ text: text.slice(position, end.index), position })
    position = end.index + end[0].length
  }
  if (position < text.length) lines.push({ text: text.slice(position), position })
  return lines
}

function malformed(what: string, expected: string, { text, position }: Line, path: string): CorruptFileError {
  // The line may be a megabyte of anything.
  const found = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
  return new CorruptFileError(`${what}, expected ${expected}, found ${found}`, { path, position })
}

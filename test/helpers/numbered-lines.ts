const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
/** A text with a period far above any line's length, so that pieces of it that were mixed up or shifted do not look right. */
const text = Array.from({ length: 8192 }, (_, i) => LETTERS[(i * i * 7 + (i >> 5) * 13) % LETTERS.length]).join('')

/**
 * Line `sequence` of `writer`, without its newline: `3 1207 k2v…`, 450 to 549 bytes. A pure function, so that a test can
 * hold what it read against what was written without keeping it.
 */
export function numberedLine(writer: number, sequence: number): string {
  const start = (sequence * 37 + writer * 1013) % 7000
  const name = `${writer} ${sequence} `
  return name + text.slice(start, start + 450 + ((sequence * 7 + writer * 31) % 100) - name.length)
}

/** Lines [from, until) of a writer, each with its newline, as a feeder writes them into a pipe. */
export function numberedLines(writer: number, from: number, until: number): string {
  let lines = ''
  for (let sequence = from; sequence < until; sequence++) lines += `${numberedLine(writer, sequence)}\n`
  return lines
}

export interface NumberedLine {
  writer: number
  sequence: number
}

/** Which line of whom a value is; throws if it is none, or not exactly that one. */
export function parseNumberedLine(value: Buffer | null): NumberedLine {
  const line = value?.toString('latin1') ?? ''
  const [writer, sequence] = line.split(' ', 2).map(Number)
  if (writer === undefined || sequence === undefined || line !== numberedLine(writer, sequence)) {
    throw new Error(`not a line that was written: ${line.slice(0, 80)}`)
  }
  return { writer, sequence }
}

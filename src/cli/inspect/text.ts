import type { BlockSink } from '../output/stdout.ts'

export function writeText(sink: BlockSink, text: string): void {
  sink.ensure(Buffer.byteLength(text))
  sink.position += sink.block.write(text, sink.position)
}

const BYTES_A_LINE = 16

/** `00000040  00 00 00 00 …  |....|`, the place in the file in front. */
export function hexDump(bytes: Buffer, position: number): string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += BYTES_A_LINE) {
    const row = bytes.subarray(at, at + BYTES_A_LINE)
    const hex = row
      .toString('hex')
      .replace(/../g, '$& ')
      .padEnd(BYTES_A_LINE * 3)
    const text = row.toString('latin1').replace(/[^ -~]/g, '.')
    lines.push(`${(position + at).toString(16).padStart(8, '0')}  ${hex} |${text}|`)
  }
  return lines
}

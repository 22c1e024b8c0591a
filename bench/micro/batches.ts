import { BatchBuilder } from '../../src/log/record/batch-builder.ts'

export const NEWLINE = 0x0a

/** About 256 KiB of lines, each with its newline. */
export function linesOf(size: number): { bytes: Buffer; count: number } {
  const count = Math.floor((250 * 1024) / (size + 1))
  const bytes = Buffer.alloc(count * (size + 1), 'abcdefghij')
  for (let i = 1; i <= count; i++) bytes[i * (size + 1) - 1] = NEWLINE
  return { bytes, count }
}

/** The lines as one batch, a copy of its own. */
export function batchOf(size: number, timestamp = 1_700_000_000_000): { batch: Buffer; count: number } {
  const { bytes } = linesOf(size)
  const builder = new BatchBuilder({ maxBytes: 2 ** 20 })
  builder.appendDelimited(bytes, 0, bytes.length, NEWLINE, timestamp)
  return { batch: Buffer.from(builder.build()), count: builder.count }
}

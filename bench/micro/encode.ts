/** Lines to record batches: the write path's kernel, without and with the header and CRC; and records with keys. */
import { BatchBuilder } from '../../src/log/record/batch-builder.ts'
import { linesOf, NEWLINE } from './batches.ts'
import { measure } from './measure.ts'

const TIMESTAMP = 1_700_000_000_000

for (const size of [10, 100, 1000]) {
  const { bytes, count } = linesOf(size)
  const builder = new BatchBuilder({ maxBytes: 2 ** 20, targetBytes: 2 ** 20 })
  const encode = (): void => {
    builder.reset()
    builder.appendDelimited(bytes, 0, bytes.length, NEWLINE, TIMESTAMP)
  }
  measure(`encode lines of ${size}`, count, count * size, encode)
  measure(`encode lines of ${size}, finish the batch`, count, count * size, () => {
    encode()
    builder.build()
  })
}

const key = Buffer.from('user-4711')
const value = Buffer.alloc(100, 'v')
const builder = new BatchBuilder({ maxBytes: 2 ** 20, targetBytes: 2 ** 20 })
measure('encode a key of 9 and a value of 100, each', 2000, 2000 * 109, () => {
  builder.reset()
  for (let i = 0; i < 2000; i++) builder.append(TIMESTAMP, key, 0, key.length, value, 0, value.length)
})

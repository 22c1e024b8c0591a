/** CRC-32C of a batch: the native one, and the one that platforms without a binary of it get. */
import { crc32c, crc32cReference } from '../../src/log/record/crc32c.ts'
import { measure } from './measure.ts'

for (const size of [1, 16, 256, 1024]) {
  const bytes = Buffer.alloc(size * 1024, 'abcdefghij')
  measure(`CRC-32C of ${size} KiB`, 1, bytes.length, () => void crc32c(bytes))
}
const bytes = Buffer.alloc(16 * 1024, 'abcdefghij')
measure(
  'CRC-32C of 16 KiB, without the native module',
  1,
  bytes.length,
  () => void crc32cReference(bytes, 0, bytes.length),
)

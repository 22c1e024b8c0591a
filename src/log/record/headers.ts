import { CorruptRecordError } from '../errors.ts'
import { readVarint, varintEnd } from './varint.ts'

/**
 * A record's headers in `bytes[start, end)`: their count as a varint, then for each `keyLength varint, key,
 * valueLength varint, value`, the value's length negative for null. `02 04 6831 04 7631` is h1 = v1. Views into `bytes`,
 * in their order; a key may come twice. The position of a CorruptRecordError counts from `start`.
 */
export function parseHeaders(bytes: Buffer, start: number, end: number): [Buffer, Buffer | null][] {
  const corrupt = (message: string, at: number) => new CorruptRecordError(message, { position: at - start })
  const pairs: [Buffer, Buffer | null][] = []
  let at = varintEnd(bytes, start, end)
  if (at < 0) throw corrupt('count of headers is cut off', start)
  const count = readVarint(bytes, start)
  for (let number = 1; number <= count; number++) {
    const keyStart = varintEnd(bytes, at, end)
    const keyLength = keyStart < 0 ? -1 : readVarint(bytes, at)
    const keyEnd = keyStart + keyLength
    // The key of a header is never null.
    const valueStart = keyLength < 0 ? -1 : varintEnd(bytes, keyEnd, end)
    if (valueStart < 0) throw corrupt(`key of header ${number} does not fit`, at)
    const length = readVarint(bytes, keyEnd)
    const valueEnd = length < 0 ? valueStart : valueStart + length
    if (valueEnd > end) throw corrupt(`value of header ${number} does not fit`, keyEnd)
    pairs.push([bytes.subarray(keyStart, keyEnd), length < 0 ? null : bytes.subarray(valueStart, valueEnd)])
    at = valueEnd
  }
  if (at !== end) throw corrupt(`${end - at} bytes are left behind the headers`, at)
  return pairs
}

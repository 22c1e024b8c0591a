import { encodeHeaders, type RecordView } from '../../src/log/index.ts'
import { parseHeaders } from '../../src/log/record/headers.ts'

export interface PlainRecord {
  offset?: number
  timestamp?: number
  key?: string | Buffer | null
  value?: string | Buffer | null
  headers?: [string | Buffer, string | Buffer | null][]
}

/** A record as a cursor shows it: parts of one buffer, with other bytes before, between and behind them. */
export function plainRecord({
  offset = 0,
  timestamp = 0,
  key = null,
  value = null,
  headers = [],
}: PlainRecord): RecordView {
  const pairs = headers.map(([name, text]): [Buffer, Buffer | null] => [bytesOf(name)!, bytesOf(text)])
  const encoded = encodeHeaders(pairs)
  const keyBytes = bytesOf(key)
  const valueBytes = bytesOf(value)
  const noise = Buffer.from('<"\n>')
  const bytes = Buffer.concat([noise, keyBytes ?? noise, noise, valueBytes ?? noise, noise, encoded])
  const keyStart = keyBytes === null ? -1 : noise.length
  const valueStart = valueBytes === null ? -1 : 2 * noise.length + (keyBytes ?? noise).length
  return {
    offset,
    timestamp,
    bytes,
    keyStart,
    keyEnd: keyBytes === null ? -1 : keyStart + keyBytes.length,
    valueStart,
    valueEnd: valueBytes === null ? -1 : valueStart + valueBytes.length,
    headersCount: pairs.length,
    headers: () => parseHeaders(bytes, bytes.length - encoded.length, bytes.length),
  }
}

function bytesOf(text: string | Buffer | null): Buffer | null {
  return typeof text === 'string' ? Buffer.from(text) : text
}

import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8SequenceLength } from '../../../src/cli/output/utf8.ts'

function isValid(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; ) {
    const length = utf8SequenceLength(bytes, at, bytes.length)
    if (length === 0) return false
    at += length
  }
  return true
}

test('every pair of a lead byte and a second byte is judged as Node judges it', () => {
  for (let lead = 0; lead < 256; lead++) {
    for (let second = 0; second < 256; second++) {
      const rest = lead >= 0xf0 ? [0x80, 0x80] : lead >= 0xe0 ? [0x80] : []
      const bytes = Buffer.from([lead, second, ...rest])
      expect(isValid(bytes), bytes.toString('hex')).toBe(isUtf8(bytes))
    }
  }
})

test('random and half valid bytes are judged as Node judges them', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.string({ unit: 'binary' }).map(text => Buffer.from(text)),
  )
  fc.assert(
    fc.property(fc.array(piece), pieces => {
      const bytes = Buffer.concat(pieces)
      return isValid(bytes) === isUtf8(bytes)
    }),
  )
})

test('a sequence that is cut off at the end is none, whatever lies behind the end', () => {
  for (const text of ['é', '語', '😀']) {
    const bytes = Buffer.from(text)
    expect(utf8SequenceLength(bytes, 0, bytes.length)).toBe(bytes.length)
    for (let end = 1; end < bytes.length; end++) expect(utf8SequenceLength(bytes, 0, end)).toBe(0)
  }
})

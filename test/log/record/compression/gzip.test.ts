import { crc32, deflateRawSync, gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { CorruptRecordError } from '../../../../src/log/errors.ts'
import { compressGzip, decompressGzip } from '../../../../src/log/record/compression/gzip.ts'

const LIMIT = 1_000_000
const member = compressGzip(Buffer.from('one '))
const second = compressGzip(Buffer.from('two'))
const read = (...parts: Buffer[]) => decompressGzip(Buffer.concat(parts), LIMIT).toString()

/** A member with the header as given, or with one that `flags` and `extra` make. */
function memberWith(flags: number, extra: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 0xff]), extra, member.subarray(10)])
}

test('writes one standard member', () => {
  expect(gunzipSync(member).toString()).toBe('one ')
})

test('reads members that follow each other as one payload', () => {
  expect(read(member, second)).toBe('one two')
  expect(read(member, compressGzip(Buffer.alloc(0)), second)).toBe('one two')
})

test.each([
  ['zeros', Buffer.alloc(100)],
  ['bytes', Buffer.alloc(100, 0xab)],
  ['the start of a member', second.subarray(0, 3)],
  ['a header without a member', second.subarray(0, 10)],
  ['too few bytes for a member', second.subarray(0, 18)],
  ['a member of an unknown method', Buffer.concat([Buffer.from([0x1f, 0x8b, 7]), second.subarray(3)])],
])('ignores junk behind the last member: %s', (_, junk) => {
  expect(read(member, junk)).toBe('one ')
})

test('does not ignore a second member that is damaged', () => {
  const damaged = Buffer.from(second)
  damaged[damaged.length - 8]! ^= 1
  expect(() => read(member, damaged)).toThrow('gzip CRC mismatch')
})

test('reads over the extra fields of a header', () => {
  expect(read(memberWith(0x01, Buffer.alloc(0)))).toBe('one ')
  expect(read(memberWith(0x04, Buffer.from([3, 0, 1, 2, 3])))).toBe('one ')
  expect(read(memberWith(0x08, Buffer.from('a name\0')))).toBe('one ')
  expect(read(memberWith(0x10, Buffer.from('a comment\0')))).toBe('one ')
  expect(read(memberWith(0x1c, Buffer.from('\x01\0xname\0comment\0')))).toBe('one ')
})

test('checks the CRC of a header that has one', () => {
  const header = memberWith(0x02, Buffer.alloc(0)).subarray(0, 10)
  const crc = Buffer.alloc(2)
  crc.writeUInt16LE(crc32(header) & 0xffff)
  expect(read(memberWith(0x02, crc))).toBe('one ')
  expect(() => read(memberWith(0x02, Buffer.from([crc[0]! ^ 1, crc[1]!])))).toThrow('invalid gzip header')
})

test.each([
  ['nothing at all', Buffer.alloc(0), 'invalid gzip header', 0],
  ['another magic', Buffer.concat([Buffer.from([0x1f, 0x8c]), member.subarray(2)]), 'invalid gzip header', 0],
  ['a name without an end', memberWith(0x08, Buffer.alloc(0)).fill(1, 10), 'invalid gzip header', 0],
  ['an extra field beyond the end', memberWith(0x04, Buffer.from([0xff, 0xff])), 'invalid gzip header', 0],
  [
    'data that is no deflate stream',
    Buffer.concat([member.subarray(0, 10), Buffer.alloc(20, 0xff)]),
    'invalid block',
    10,
  ],
  ['a trailer that is cut off', member.subarray(0, -1), 'gzip trailer is cut off', member.length - 8],
])('refuses %s', (_, bytes, message, position) => {
  expect(() => decompressGzip(bytes, LIMIT)).toThrow(expect.objectContaining({ name: 'CorruptRecordError', position }))
  expect(() => decompressGzip(bytes, LIMIT)).toThrow(message)
})

test('refuses a wrong CRC and a wrong length', () => {
  for (let at = member.length - 8; at < member.length; at++) {
    const damaged = Buffer.from(member)
    damaged[at]! ^= 0x10
    expect(() => decompressGzip(damaged, LIMIT)).toThrow(CorruptRecordError)
  }
})

test('finds the end of a stream that stops in front of its last block', () => {
  const endless = deflateRawSync(Buffer.from('text'), { finishFlush: 2 })
  expect(() => decompressGzip(Buffer.concat([member.subarray(0, 10), endless]), LIMIT)).toThrow(
    'unexpected end of file',
  )
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { argumentBytes, unescapeToBytes } from '../../src/cli/escapes.ts'

test.each([
  ['\\n', '0a'],
  ['\\r\\n', '0d0a'],
  ['\\t', '09'],
  ['\\0', '00'],
  ['\\\\', '5c'],
  ['\\\\n', '5c6e'],
  ['\\a\\b\\e\\f\\v', '07081b0c0b'],
  ['\\xff', 'ff'],
  ['\\x00\\xFE', '00fe'],
  ['\\u00e9', 'c3a9'],
  ['\\u{1F600}', 'f09f9880'],
  ['\\u{a}', '0a'],
  ['a\\x41b', '614162'],
  ['é', 'c3a9'],
  ['', ''],
  [':', '3a'],
])('%s is the bytes %s', (text, hex) => {
  expect(unescapeToBytes(text).toString('hex')).toBe(hex)
})

test.each([
  '\\',
  'a\\',
  '\\d',
  '\\x',
  '\\x4',
  '\\xzz',
  '\\u12',
  '\\u{}',
  '\\u{110000}',
  '\\ud800',
  '\\8',
  '\\constructor',
])('%s is refused', text => {
  expect(() => unescapeToBytes(text)).toThrow(expect.objectContaining({ code: 'LOGLADY_INVALID_ARGUMENT' }))
})

test('any bytes can be written as \\xNN', () => {
  const property = fc.property(fc.uint8Array(), bytes => {
    const text = [...bytes].map(byte => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
    expect([...unescapeToBytes(text)]).toEqual([...bytes])
  })
  fc.assert(property)
})

test('text without a backslash is its own UTF-8', () => {
  const property = fc.property(fc.string({ unit: 'grapheme' }), text => {
    fc.pre(!text.includes('\\') && !text.includes('\ufffd'))
    expect(unescapeToBytes(text).toString()).toBe(text)
    expect(argumentBytes(text).toString()).toBe(text)
  })
  fc.assert(property)
})

test('an argument that was no UTF-8 is refused instead of written as other bytes', () => {
  expect(() => unescapeToBytes('\ufffd')).toThrow(expect.objectContaining({ hint: 'write other bytes as \\xNN' }))
  expect(() => argumentBytes('k\ufffd')).toThrow('valid UTF-8')
})

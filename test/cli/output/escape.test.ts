import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_ESCAPE_GROWTH, writeEscaped } from '../../../src/cli/output/escape.ts'

function escaped(input: string | Uint8Array): string {
  const bytes = Buffer.from(input as string)
  const out = Buffer.alloc(bytes.length * MAX_ESCAPE_GROWTH)
  return out.toString('utf8', 0, writeEscaped(out, 0, bytes, 0, bytes.length))
}

test('text, tab and line feed stay as they are', () => {
  const text = 'Größe 語 😀\tnext\nline ~'
  expect(escaped(text)).toBe(text)
})

test('what a terminal would act on is written in hexadecimal', () => {
  expect(escaped('\x1b[31mred\x1b]0;title\x07')).toBe('\\x1b[31mred\\x1b]0;title\\x07')
  expect(escaped('over\rwritten\b\x7f\0')).toBe('over\\x0dwritten\\x08\\x7f\\x00')
})

test('C1 control characters are escaped in both of their spellings', () => {
  expect(escaped('\u009b31m')).toBe('\\xc2\\x9b31m')
  expect(escaped(Uint8Array.of(0x9b, 0x33))).toBe('\\x9b3')
  expect(escaped('\u00a0')).toBe('\u00a0')
})

test('bytes that are no UTF-8 are escaped and the text around them is not', () => {
  expect(escaped(Uint8Array.of(0x61, 0xff, 0xc3, 0xa9, 0xe8, 0x62))).toBe('a\\xffé\\xe8b')
})

test('nothing that is left can move a cursor', () => {
  fc.assert(
    fc.property(fc.uint8Array(), bytes => {
      expect(escaped(bytes)).toMatch(/^(?:[\t\n]|\P{Cc})*$/u)
    }),
  )
})

import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LogladyError } from '../../../src/log/errors.ts'
import {
  type EntryShape,
  formatCheckpoint,
  parseCheckpoint,
  parseWholeNumber,
  readCheckpoint,
} from '../../../src/log/file/checkpoint.ts'
import { seed } from '../../helpers/seed.ts'
import { temporaryFolder } from '../../helpers/temporary-folder.ts'

const anything: EntryShape<string> = { words: '<anything>', parse: line => line }

function parse(text: string): string[] {
  return parseCheckpoint(Buffer.from(text, 'latin1'), 'file', {
    words: '<anything good>',
    parse: line => (line.includes('bad') ? undefined : line),
  })
}

test('entries stand behind a version and their count', () => {
  expect(parse('0\n2\na 0 1\nb 1 2\n')).toEqual(['a 0 1', 'b 1 2'])
  expect(formatCheckpoint(['a 0 1', 'b 1 2'])).toBe('0\n2\na 0 1\nb 1 2\n')
  expect(formatCheckpoint([])).toBe('0\n0\n')
})

test('an empty file, a version alone and a count of 0 hold no entries', () => {
  for (const text of ['', '0', '0\n', '0\n0', '0\n0\n', '0\r\n0\r\n']) expect(parse(text)).toEqual([])
})

test('CRLF, a lone CR and a missing last line end are read as Java reads them', () => {
  for (const text of ['0\r\n2\r\na\r\nb\r\n', '0\r2\ra\rb\r', '0\n2\na\nb', '0\n2\r\na\rb'])
    expect(parse(text)).toEqual(['a', 'b'])
})

test.each([
  ['1\n0\n', 'unknown version, expected 0, found "1"', 0],
  ['x\n0\n', 'unknown version, expected 0, found "x"', 0],
  ['\n0\n', 'unknown version, expected 0, found ""', 0],
  ['0\n-1\n', 'malformed count, expected a number of entries, found "-1"', 2],
  ['0\n\n', 'malformed count, expected a number of entries, found ""', 2],
  ['0\n1e1\n', 'malformed count, expected a number of entries, found "1e1"', 2],
  ['0\n3\na\nb\n', 'wrong count, expected 2 as there are, found "3"', 2],
  ['0\n1\na\nb\n', 'wrong count, expected 2 as there are, found "1"', 2],
  ['0\n99999999999999999999\na\n', 'wrong count, expected 1 as there are, found "99999999999999999999"', 2],
  ['0\n2\na\nbad one\n', 'malformed entry, expected <anything good>, found "bad one"', 6],
  ['0\r\n2\r\na\r\nbad\r\n', 'malformed entry, expected <anything good>, found "bad"', 9],
])('%j is unreadable, with the place of what is wrong', (text, message, position) => {
  expect(() => parse(text)).toThrowError(
    expect.objectContaining({ code: 'LOGLADY_CORRUPT_FILE', message, path: 'file', position }),
  )
})

test('a line of a megabyte is not put into the message', () => {
  expect(() => parse(`0\n1\nbad${'x'.repeat(1e6)}`)).toThrowError(/found "badx{57}…"$/)
})

test('a missing file is undefined', () => {
  expect(readCheckpoint(join(temporaryFolder(), 'none'), anything)).toBeUndefined()
})

test('whole numbers are digits alone, up to the limit', () => {
  expect(['0', '7', '007', '9007199254740991'].map(text => parseWholeNumber(text))).toEqual([0, 7, 7, 2 ** 53 - 1])
  for (const text of [undefined, '', '-1', '+1', '1.0', '1e3', '0x1', ' 1', '9007199254740992', '٣']) {
    expect(parseWholeNumber(text)).toBeUndefined()
  }
  expect(parseWholeNumber('8', 7)).toBeUndefined()
})

test(`whatever is in the file, it gives entries or says that it is corrupt (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
      try {
        parseCheckpoint(Buffer.from(bytes), 'file', anything)
      } catch (error) {
        expect((error as LogladyError).code).toBe('LOGLADY_CORRUPT_FILE')
      }
    }),
    { numRuns: 2000, seed },
  )
})

test(`what is written reads back (seed ${seed})`, () => {
  const line = fc.stringMatching(/^[ -~]*$/)
  fc.assert(
    fc.property(fc.array(line), lines => {
      expect(parseCheckpoint(Buffer.from(formatCheckpoint(lines), 'latin1'), 'file', anything)).toEqual(lines)
    }),
    { seed },
  )
})

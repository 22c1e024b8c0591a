import { expect, test } from 'vitest'
import { parsePair, parsePartitions, parseWholeNumber } from '../../src/cli/flags.ts'

test('partitions are sorted, each once', () => {
  expect(parsePartitions('0')).toEqual([0])
  expect(parsePartitions('2,0, 10,2')).toEqual([0, 2, 10])
})

test.each(['', ',', '0,', 'a', '-1', '1.5', '0-2', '2147483648'])('"%s" is no list of partitions', text => {
  expect(() => parsePartitions(text)).toThrow(expect.objectContaining({ code: 'LOGLADY_INVALID_ARGUMENT' }))
})

test('k=v is divided at the first =', () => {
  expect(parsePair('a=b')).toEqual({ name: 'a', value: 'b' })
  expect(parsePair('a=b=c')).toEqual({ name: 'a', value: 'b=c' })
  expect(parsePair('a=')).toEqual({ name: 'a', value: '' })
  for (const text of ['', 'a', '=b']) expect(() => parsePair(text)).toThrow('is no k=v')
})

test('a whole number is written in digits and lies in its range', () => {
  expect(parseWholeNumber('007', 0, 10)).toBe(7)
  expect(parseWholeNumber('-1', -1, 10)).toBe(-1)
  for (const text of ['', '1e3', '0x1', '1.0', ' 1', '9007199254740993']) {
    expect(() => parseWholeNumber(text, 0, Number.MAX_SAFE_INTEGER)).toThrow('is no whole number')
  }
  expect(() => parseWholeNumber('11', 1, 10)).toThrow('11 is out of range, which is 1 to 10')
  expect(() => parseWholeNumber('0', 1, Number.MAX_SAFE_INTEGER)).toThrow('which is 1 or more')
})

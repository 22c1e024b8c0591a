import { expect, test } from 'vitest'
import { xxhash32 } from '../../../../src/log/record/compression/xxhash32.ts'

const ofText = (text: string) => xxhash32(Buffer.from(text), 0, Buffer.byteLength(text)).toString(16)

test('gives the published values of XXH32 with seed 0', () => {
  expect(ofText('')).toBe('2cc5d05')
  expect(ofText('abc')).toBe('32d153ff')
  expect(ofText('Nobody inspects the spammish repetition')).toBe('e2293b2f')
})

test('hashes only what lies between start and end', () => {
  expect(xxhash32(Buffer.from('xxabcxx'), 2, 5)).toBe(0x32d153ff)
})

import { expect, test } from 'vitest'
import { RecordRules, type RecordRulesOptions } from '../../../src/cli/framing/record-rules.ts'
import { InvalidRecordError } from '../../../src/log/index.ts'
import { RecordingTarget } from '../../helpers/recording-target.ts'

/** What the rules make of one record; bytes stand around it that must not matter. */
function recordOf(text: string, options: RecordRulesOptions): { key: string | null; value: string | null } {
  const bytes = Buffer.from(`:=${text}:=`)
  const target = new RecordingTarget()
  new RecordRules(options).append(target, bytes, 2, bytes.length - 2)
  return target.taken[0]!
}

const colon = Buffer.from(':')

test('without a rule the bytes are the value', () => {
  expect(recordOf('a:b', {})).toEqual({ key: null, value: 'a:b' })
  expect(new RecordRules().isBare).toBe(true)
})

test('-k gives every record the key, an empty one too', () => {
  expect(recordOf('v', { key: Buffer.from('k') })).toEqual({ key: 'k', value: 'v' })
  expect(recordOf('v', { key: Buffer.alloc(0) })).toEqual({ key: '', value: 'v' })
})

test('-K splits at the first delimiter', () => {
  expect(recordOf('k:v:w', { keyDelimiter: colon })).toEqual({ key: 'k', value: 'v:w' })
  expect(recordOf(':v', { keyDelimiter: colon })).toEqual({ key: '', value: 'v' })
  expect(recordOf('k:', { keyDelimiter: colon })).toEqual({ key: 'k', value: '' })
  expect(recordOf('a=b==c', { keyDelimiter: Buffer.from('==') })).toEqual({ key: 'a=b', value: 'c' })
})

test('a record without the key delimiter is refused, or has a null key with --key-optional', () => {
  expect(() => recordOf('novalue', { keyDelimiter: colon })).toThrow(InvalidRecordError)
  expect(() => recordOf('a=', { keyDelimiter: Buffer.from('=:') })).toThrow('no key delimiter "=:" in the record')
  expect(recordOf('novalue', { keyDelimiter: colon, isKeyOptional: true })).toEqual({ key: null, value: 'novalue' })
})

test('-Z makes tombstones of empty values, with -K of "k:"', () => {
  expect(recordOf('', { emptyIsTombstone: true })).toEqual({ key: null, value: null })
  expect(recordOf('k:', { keyDelimiter: colon, emptyIsTombstone: true })).toEqual({ key: 'k', value: null })
  expect(recordOf('k:v', { keyDelimiter: colon, emptyIsTombstone: true })).toEqual({ key: 'k', value: 'v' })
})

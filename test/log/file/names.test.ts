import { expect, test } from 'vitest'
import { InvalidArgumentError, NumberTooLargeError } from '../../../src/log/errors.ts'
import * as names from '../../../src/log/file/names.ts'

test('segment file names have 20 digits and parse back', () => {
  expect(names.logFileName(0)).toBe('00000000000000000000.log')
  expect(names.indexFileName(42)).toBe('00000000000000000042.index')
  expect(names.timeIndexFileName(2 ** 31)).toBe('00000000002147483648.timeindex')
  expect(names.transactionIndexFileName(7)).toBe('00000000000000000007.txnindex')
  expect(names.snapshotFileName(Number.MAX_SAFE_INTEGER)).toBe('00009007199254740991.snapshot')
  expect(names.parseSegmentFileName('00000000000000000042.log')).toEqual({ baseOffset: 42, kind: 'log', state: '' })
  for (const kind of names.segmentFileKinds) {
    for (const state of ['deleted', 'cleaned', 'swap'] as const) {
      const name = `00000000000000000099.${kind}.${state}`
      expect(names.parseSegmentFileName(name)).toEqual({ baseOffset: 99, kind, state })
    }
  }
})

test('what is no file of a segment parses to undefined', () => {
  for (const name of [
    '0.log',
    '000000000000000000042.log',
    '00000000000000000042',
    '00000000000000000042.LOG',
    '00000000000000000042.log.tmp',
    '00000000000000000042.log.123.cut',
    '00000000000000000042.log.swap.deleted',
    'loglady.log',
    'leader-epoch-checkpoint',
    '-0000000000000000001.log',
    '',
  ]) {
    expect(names.parseSegmentFileName(name), name).toBeUndefined()
  }
})

test('an offset of 2^53 in a file name is a named error', () => {
  expect(names.parseSegmentFileName('00009007199254740991.log')?.baseOffset).toBe(Number.MAX_SAFE_INTEGER)
  expect(() => names.parseSegmentFileName('00009007199254740992.log')).toThrow(NumberTooLargeError)
})

test('the name of what was cut is neither a segment nor one that Kafka clears', () => {
  const name = names.cutFileName(42, 1000)
  expect(name).toBe('00000000000000000042.log.1000.cut')
  expect(name).not.toMatch(/\.(log|index|timeindex|txnindex|snapshot|deleted|cleaned|swap)$/)
})

test('partition folders parse at the last hyphen', () => {
  expect(names.partitionFolderName('a-b', 3)).toBe('a-b-3')
  expect(names.parsePartitionFolderName('a-b-3')).toEqual({ topic: 'a-b', partition: 3 })
  expect(names.parsePartitionFolderName('audit.log_v1-12')).toEqual({ topic: 'audit.log_v1', partition: 12 })
  expect(names.parsePartitionFolderName('--1')).toEqual({ topic: '-', partition: 1 })
  expect(names.parsePartitionFolderName('t-2147483647')).toEqual({ topic: 't', partition: 2147483647 })
})

test('folders on their way in or out carry their state', () => {
  const hex = '0123456789abcdef0123456789abcdef'
  for (const state of ['delete', 'future', 'stray'] as const) {
    expect(names.parsePartitionFolderName(`a.b-c-3.${hex}-${state}`)).toEqual({ topic: 'a.b-c', partition: 3, state })
  }
  expect(names.deleteFolderName('t', 0, hex)).toBe(`t-0.${hex}-delete`)
  const longest = names.deleteFolderName('x'.repeat(249), 12345, hex)
  expect(longest).toHaveLength(255)
  expect(names.parsePartitionFolderName(longest)).toMatchObject({ partition: 12345, state: 'delete' })
})

test('other folder names are no partition', () => {
  for (const name of [
    'lost+found',
    'topic',
    'topic-',
    '-0',
    'topic-x',
    't-07',
    't-2147483648',
    'a b-0',
    '.hidden',
    '..-0',
    't-0.-delete',
  ]) {
    expect(names.parsePartitionFolderName(name), name).toBeUndefined()
  }
})

test('topic names follow Kafka', () => {
  for (const name of ['a', 'A.b_c-9', 'x'.repeat(249), '__consumer_offsets', '...']) names.checkTopicName(name)
  for (const name of ['', '.', '..', 'x'.repeat(250), 'a b', 'a/b', 'ä', 'a\n', 'a\u0000']) {
    expect(() => names.checkTopicName(name), JSON.stringify(name)).toThrow(InvalidArgumentError)
  }
})

test('a new topic must not look like one of Kafka or like another one', () => {
  names.checkNewTopicName('a.b', ['a-b', 'ab', 'a.b'])
  expect(() => names.checkNewTopicName('__mine', [])).toThrow(/Kafka's own/)
  expect(() => names.checkNewTopicName('a.b_c', ['x', 'a_b.c'])).toThrow(/differs from a_b.c/)
  expect(() => names.checkNewTopicName('a b', [])).toThrow(InvalidArgumentError)
})

test('group names survive the way through a file name', () => {
  expect(names.groupCheckpointFileName('mail')).toBe('loglady-group-mail.checkpoint')
  expect(names.groupCheckpointFileName('a/b %é')).toBe('loglady-group-a%2Fb%20%25%C3%A9.checkpoint')
  for (const group of ['mail', 'a/b %é', '.', '..', '\u0000', '😀', 'x'.repeat(200), 'CON', '-']) {
    expect(names.parseGroupCheckpointFileName(names.groupCheckpointFileName(group))).toBe(group)
  }
})

test('group names that have no file name are refused', () => {
  for (const group of ['', 'x'.repeat(201), '/'.repeat(67), '\ud800']) {
    expect(() => names.groupCheckpointFileName(group)).toThrow(InvalidArgumentError)
  }
})

test('a group file name that we would not have made is not parsed', () => {
  for (const name of [
    'loglady-group-.checkpoint',
    'loglady-group-a.checkpoint.tmp',
    'loglady-group-%41.checkpoint',
    'loglady-group-%2f.checkpoint',
    'loglady-group-%FF.checkpoint',
    'loglady-group-%.checkpoint',
    `loglady-group-${'x'.repeat(201)}.checkpoint`,
    'group-a.checkpoint',
  ]) {
    expect(names.parseGroupCheckpointFileName(name), name).toBeUndefined()
  }
})
